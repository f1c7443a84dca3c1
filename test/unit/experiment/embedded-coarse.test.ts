/** Two stages in one file: what is written, read and refused. */
import { describe, expect, it } from 'vitest';
import { embeddedForm, formatModelMetadata } from '../../../src/experiment/embedded-coarse.ts';
import type { ModelMetadata } from '../../../src/experiment/model-facts.ts';
import { readModelFile } from '../../../src/experiment/model-file.ts';
import { statedFacts } from '../../../src/experiment/model-source.ts';
import { coarseFilesApart, coarseOf } from '../../../src/experiment/open-cascade.ts';
import { decodeModel } from '../../../src/onnx/decode.ts';
import { SEAL_KEY, sealModel } from '../../../src/onnx/seal.ts';
import { BLOB_FACTS, modelBytes } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const WINDOW = { channels: 1, patch: [4, 4, 4] } as const;
const FACTS: Partial<ModelMetadata> = { ...BLOB_FACTS, ...WINDOW };
const COARSE_FACTS: Partial<ModelMetadata> = { ...FACTS, spacingMm: [4, 4, 4], labels: [0, 7].map(labelOf) };

function labelOf(value: number): ModelMetadata['labels'][number] {
  return { value, name: `${value} \u00e9` };
}

function read(bytes: Uint8Array, name = 'm.onnx', beside?: string) {
  const files = memoryFiles(beside === undefined ? {} : { 'm.json': beside });
  files.contents.set(name, bytes);
  return readModelFile(files, name);
}

const coarse = await embeddedForm(modelBytes({ note: 'dropped' }), COARSE_FACTS);
const twoStages = (stage = coarse, marginMm = 12.5) =>
  sealModel(modelBytes(formatModelMetadata({ ...FACTS, cascade: { marginMm } }, stage)));

describe('a file of two stages', () => {
  it('gives both with their facts, and the margin', async () => {
    const file = await read(await twoStages());
    expect(file.info.cascade).toEqual({ marginMm: 12.5 });
    const [first] = file.coarse?.models ?? [];
    expect(file.coarse?.marginMm).toBe(12.5);
    expect(first?.bytes).toEqual(coarse);
    expect(first?.info).toMatchObject({ spacingMm: [4, 4, 4], labels: [0, 7].map(labelOf) });
    expect(decodeModel(coarse, 'c').metadata).not.toHaveProperty('note');
    // whatever else is said beside it
    const moved = await read(await twoStages(), 'm.onnx', JSON.stringify({ cascade: { marginMm: 3 } }));
    expect([moved.info.cascade, moved.coarse?.marginMm]).toEqual([{ marginMm: 3 }, 3]);
  });

  it('holds every byte value of the coarse stage, of any length', async () => {
    for (const length of [0, 1, 2, 3, 70_000]) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 7) % 256);
      const metadata = formatModelMetadata(FACTS, bytes);
      expect(Buffer.from(metadata['voxstill-coarse']!, 'base64').equals(bytes)).toBe(true);
    }
  });

  it('has one form of a coarse stage, so that equal ones are equal bytes', async () => {
    const formOf = async (bytes: Uint8Array) => embeddedForm(bytes, statedFacts((await read(bytes)).metadata));
    const once = await formOf(coarse);
    expect(Buffer.from(await formOf(once)).equals(once)).toBe(true);
  });

  it('has no facts for a reader of one stage', async () => {
    const { metadata } = decodeModel(await twoStages(), 'm');
    expect(Object.keys(metadata).sort()).toEqual(['voxstill-cascade', 'voxstill-coarse', SEAL_KEY].sort());
  });

  it('is refused where a stage or its margin is missing, damaged, or has a stage itself', async () => {
    const facts = { ...FACTS, cascade: { marginMm: 1 } };
    const text = JSON.stringify(facts);
    const refused = async (metadata: Readonly<Record<string, string>>) =>
      await expect(read(modelBytes(metadata))).rejects.toMatchObject({ code: 'E_CASCADE' });
    await refused({ 'voxstill-cascade': text });
    await refused({ voxstill: text });
    await refused(formatModelMetadata(FACTS, coarse));
    await refused({ 'voxstill-cascade': text, 'voxstill-coarse': '?' });
    await refused(formatModelMetadata(facts, await twoStages()));
    const cut = formatModelMetadata(facts, coarse.slice(0, -3));
    await expect(read(modelBytes(cut))).rejects.toMatchObject({ code: 'E_MODEL_CORRUPT' });
    const changed = coarse.slice();
    changed[changed.length >> 1]! ^= 1;
    const other = formatModelMetadata(facts, changed);
    await expect(read(modelBytes(other))).rejects.toMatchObject({ code: 'E_MODEL_CHANGED' });
  });
});

describe('the stage that is used', () => {
  it('is that of the files where they agree, the one that is asked for, or none', async () => {
    const [one, same] = [await read(await twoStages()), await read(await twoStages(), 'n.onnx')];
    const [wider, whole] = [
      await read(await twoStages(coarse, 13)),
      await read(modelBytes(formatModelMetadata(FACTS))),
    ];
    expect(coarseOf([one, same], undefined)).toBe(one.coarse);
    expect(coarseOf([whole], undefined)).toBeUndefined();
    expect(coarseOf([one], null)).toBeUndefined();
    const asked = { models: [whole], marginMm: 1 };
    expect(coarseOf([one, wider, whole], asked)).toBe(asked);
    expect(coarseOf([one], same.coarse)).toBe(one.coarse);
    for (const other of [wider, whole]) {
      expect(() => coarseOf([one, other], undefined)).toThrow(expect.objectContaining({ code: 'E_CASCADE' }));
    }
    expect(coarseFilesApart([one], one.coarse)).toEqual([]);
    expect(coarseFilesApart([one], asked)).toEqual([whole]);
  });
});
