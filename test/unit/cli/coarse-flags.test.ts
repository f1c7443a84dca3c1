/** What --coarse and --margin mean beside a model with a coarse stage of its own, and beside one without. */
import { expect, it } from 'vitest';
import type { ModelFlags } from '../../../src/cli/flags/model.ts';
import { readCoarse } from '../../../src/cli/model-flags.ts';
import { embeddedForm, formatModelMetadata } from '../../../src/experiment/embedded-coarse.ts';
import { readModelFile } from '../../../src/experiment/model-file.ts';
import { silent } from '../../../src/runtime/progress.ts';
import { BLOB_FACTS, modelBytes } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const FACTS = { ...BLOB_FACTS, channels: 1, patch: [4, 4, 4] } as const;
const files = memoryFiles();
files.contents.set('whole.onnx', modelBytes(formatModelMetadata(FACTS)));
const stage = await embeddedForm(modelBytes({}), FACTS);
files.contents.set('two.onnx', modelBytes(formatModelMetadata({ ...FACTS, cascade: { marginMm: 5 } }, stage)));
const [whole, two] = [await readModelFile(files, 'whole.onnx'), await readModelFile(files, 'two.onnx')];

function read(flags: Pick<ModelFlags, 'coarse' | 'margin'>, model = two) {
  return readCoarse({ files, progress: silent }, flags as ModelFlags, [model]);
}

it('leaves the stage to the file, changes its margin, replaces it, or wants the whole volume', async () => {
  expect(await read({})).toBeUndefined();
  expect(await read({ margin: 7 })).toEqual({ models: two.coarse?.models, marginMm: 7 });
  expect(await read({ coarse: ['whole.onnx'] })).toMatchObject({ models: [{ path: 'whole.onnx' }], marginMm: 20 });
  expect(await read({ coarse: ['none'] })).toBeNull();
  // a file of two stages stands for its coarse one
  const taken = await read({ coarse: ['two.onnx'], margin: 0 }, whole);
  expect(taken).toMatchObject({ models: [{ path: 'two.onnx (coarse stage)' }], marginMm: 0 });
});

it('refuses a margin of nothing', async () => {
  await expect(read({ margin: 7 }, whole)).rejects.toMatchObject({ code: 'E_CASCADE' });
  await expect(read({ coarse: ['none'], margin: 7 })).rejects.toMatchObject({ code: 'E_USAGE' });
  await expect(read({ coarse: ['none', 'whole.onnx'] })).rejects.toMatchObject({ code: 'E_USAGE' });
});
