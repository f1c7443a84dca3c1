/** The library's short way: what it says of volumes that are far from the training cases. */
import { expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import { channelFacts } from '../../../src/data/image-facts.ts';
import { summarizeTraining } from '../../../src/data/training-facts.ts';
import { formatModelMetadata } from '../../../src/experiment/embedded-coarse.ts';
import { openModel, readModelFile } from '../../../src/experiment/model-file.ts';
import { segmentVolume } from '../../../src/platform/web/segmenter.ts';
import type { Volume, Xyz } from '../../../src/volume/volume.ts';
import { BLOB_FACTS, functionEngine, modelBytes, thresholdModel } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

function scan(sizeVoxels: Xyz): Volume {
  const noise = random(1, 'scan', sizeVoxels.join());
  const data = Float32Array.from({ length: sizeVoxels[0] * sizeVoxels[1] * sizeVoxels[2] }, () => noise.uniform());
  const affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
  return { data, sizeVoxels, channels: 1, spacingMm: [1, 1, 1], affine };
}

it('warns of the image before the first window, and of the image and the volumes with the result', async () => {
  const trained = scan([10, 10, 10]);
  const facts = { grid: trained, channels: channelFacts(trained), volumesMl: { blob: 0.5 } };
  const known = summarizeTraining([facts, facts]);
  // of the only class the centre is that of all, so it lies elsewhere
  const far = { min: 5, median: 5, max: 6 };
  const metadata = formatModelMetadata({
    ...BLOB_FACTS,
    channels: 1,
    patch: [4, 4, 4],
    training: { ...known, classes: known.classes!.map(one => ({ ...one, placeMm: [far, far, far] as const })) },
  });
  const files = memoryFiles();
  files.contents.set('m.onnx', modelBytes(metadata));
  const { coarse: _, ...file } = await readModelFile(files, 'm.onnx');
  const engine = functionEngine(thresholdModel);
  const model = { ...file, engine: engine.name, session: await openModel(engine, file), dispose: async () => {} };
  const order: string[] = [];
  const segmented = await segmentVolume(scan([60, 10, 10]), model, {
    id: 'a',
    onWarnings: warnings => order.push(...warnings.map(({ code }) => code)),
    onProgress: ({ windowsDone }) => order.push(`window ${windowsDone}`),
  });
  expect(order.slice(0, 2)).toEqual(['W_IMAGE_EXTENT', 'window 1']);
  expect(segmented.warnings.map(({ code, message }) => [code, message.split(':')[0]])).toEqual([
    ['W_IMAGE_EXTENT', 'a'],
    ['W_CLASS_VOLUME', 'a'],
    ['W_CLASS_PLACE', 'a'],
  ]);
  const usual = await segmentVolume(scan([11, 10, 9]), model, { onWarnings: () => order.push('never') });
  expect([usual.warnings.map(({ code }) => code), order.includes('never')]).toEqual([['W_CLASS_PLACE'], false]);
  expect(usual).not.toHaveProperty('entropy');
});

it('gives the entropy of every voxel where it is asked for, and none of a model that gives labels', async () => {
  const files = memoryFiles();
  files.contents.set('m.onnx', modelBytes(formatModelMetadata({ ...BLOB_FACTS, channels: 1, patch: [4, 4, 4] })));
  const { coarse: _, ...file } = await readModelFile(files, 'm.onnx');
  const engine = functionEngine(thresholdModel);
  const model = { ...file, engine: engine.name, session: await openModel(engine, file), dispose: async () => {} };
  const volume = scan([6, 5, 4]);
  const { entropy } = await segmentVolume(volume, model, { entropy: true });
  expect(entropy?.sizeVoxels).toEqual(volume.sizeVoxels);
  expect(entropy?.data).toHaveLength(120);
  expect([...entropy!.data].every(value => value >= 0 && value <= 1)).toBe(true);
  expect(await segmentVolume(volume, { ...model, givesLabels: true }, { entropy: true })).not.toHaveProperty('entropy');
});

it('segments the region that a coarse model finds, and holds each model against what it sees', async () => {
  const files = memoryFiles();
  const modelOf = async (size: number, threshold: number) => {
    const trained = scan([size, size, size]);
    const facts = { grid: trained, channels: channelFacts(trained), volumesMl: { blob: 0.5 } };
    const training = summarizeTraining([facts, facts]);
    const metadata = formatModelMetadata({ ...BLOB_FACTS, channels: 1, patch: [4, 4, 4], training });
    files.contents.set('m.onnx', modelBytes(metadata));
    const { coarse: _, ...file } = await readModelFile(files, 'm.onnx');
    const engine = functionEngine(input =>
      thresholdModel({ ...input, data: (input.data as Float32Array).map(one => one - threshold + 0.5) }),
    );
    return { ...file, engine: engine.name, session: await openModel(engine, file), dispose: async () => {} };
  };
  const volume = scan([60, 10, 10]);
  for (const x of [20, 29]) volume.data[(5 * 10 + 5) * 60 + x] = 3;
  const [fine, coarse] = [await modelOf(10, 0.5), await modelOf(60, 2)];
  const { labels, warnings } = await segmentVolume(volume, fine, { id: 'a', coarse: { model: coarse, marginMm: 0 } });
  const found = [...labels.data].flatMap((value, voxel) => (value > 0 ? [voxel] : []));
  const row = (5 * 10 + 5) * 60;
  expect(Math.min(...found)).toBe(row + 20);
  expect(Math.max(...found)).toBe(row + 29);
  // the image is one of the coarse model's, but not a volume as it knows them; the region is one row
  expect(warnings.map(({ message }) => message.split(':')[0])).toContain('a, the region of the coarse model');
  // a model that has it in its file, and one that lacks it
  const own = { ...fine, info: { ...fine.info, cascade: { marginMm: 0 } } };
  const both = await segmentVolume(volume, { ...own, coarse: { model: coarse, marginMm: 0 } }, { id: 'a' });
  expect(both.labels.data).toEqual(labels.data);
  await expect(segmentVolume(volume, own)).rejects.toMatchObject({ code: 'E_CASCADE' });
  const usual = await segmentVolume(volume, fine, { id: 'a', coarse: { model: coarse } });
  expect([...usual.labels.data].filter(value => value > 0).length).toBeGreaterThan(found.length);
});
