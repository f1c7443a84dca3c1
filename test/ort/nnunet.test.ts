/** Results folders of nnU-Net, from files to labels, against nnU-Net's own predictor on the same case. */
import { describe, expect, test } from 'vitest';
import { readStacked } from '../../src/data/stacked-volume.ts';
import { readVolume } from '../../src/data/volume-file.ts';
import { openModel } from '../../src/experiment/model-file.ts';
import { importModelFile, openModelSource } from '../../src/experiment/model-source.ts';
import { segment } from '../../src/inference/predictor.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { nodeFiles } from '../../src/platform/node/files.ts';
import { createNodeSources } from '../../src/platform/node/laboratory.ts';
import { toCanonical } from '../../src/volume/orientation.ts';
import { type NnunetName, nnunetCase, nnunetFolder, nnunetProbabilities } from '../support/nnunet-folders.ts';

const engine = await createNodeEngine({ threads: 1 });
const sources = createNodeSources();

async function segmentCase(name: NnunetName, options: { readonly mirror?: readonly ('x' | 'y' | 'z')[] } = {}) {
  const { file } = await openModelSource(nodeFiles, nnunetFolder(name));
  const session = await openModel(engine, file);
  const { volume } = await readStacked(sources, nnunetCase(name).images);
  const result = await segment(session, file.info, volume, { ...options, probabilities: true });
  await session.dispose();
  return result;
}

describe('a results folder of nnU-Net', () => {
  test.each(['aniso', 'iso', 'planes'] as const)(
    '%s gives the labels and probabilities of its own predictor',
    async name => {
      const { labels, probabilities } = await segmentCase(name);
      const { volume: reference } = await readVolume(sources, nnunetCase(name).labels);
      expect(labels.sizeVoxels).toEqual(reference.sizeVoxels);
      const differing = labels.data.filter((label, voxel) => label !== reference.data[voxel]).length;
      expect(differing).toBeLessThanOrEqual(labels.data.length * 1e-4);
      expect(new Set(labels.data)).toEqual(new Set(name === 'planes' ? [0, 1] : [0, 1, 2]));
      const expected = nnunetProbabilities(name);
      // nnU-Net keeps probabilities in the axes that its reader turned the image to
      const own = (name === 'planes' ? toCanonical(probabilities!) : probabilities!).data;
      expect(own.length).toBe(expected.length);
      const worst = own.reduce((most, value, index) => Math.max(most, Math.abs(value - expected[index]!)), 0);
      expect(worst).toBeLessThan(1e-4);
    },
  );

  test('is asked about mirrored views as nnU-Net does, unless somebody says otherwise', async () => {
    const { probabilities } = await segmentCase('iso', { mirror: [] });
    const expected = nnunetProbabilities('iso');
    const worst = probabilities!.data.reduce(
      (most, value, index) => Math.max(most, Math.abs(value - expected[index]!)),
      0,
    );
    expect(worst).toBeGreaterThan(1e-3);
  });

  test('says in its imported file all that it is used by', async () => {
    const { file, notes } = await importModelFile(nodeFiles, nnunetFolder('aniso'));
    expect(notes).toEqual([]);
    const inMemory = { list: async () => [], exists: async () => false, read: async () => file.bytes };
    const again = await openModelSource(inMemory, 'imported.onnx');
    expect(again.file.metadata).toEqual(file.metadata);
    expect(again.file.metadata).toMatchObject({
      labels: [
        { value: 0, name: 'background' },
        { value: 1, name: 'outer' },
        { value: 2, name: 'inner' },
      ],
      channels: 2,
      // turned from [8, 20, 24] by transpose_forward [2, 0, 1]
      patch: [20, 24, 8],
      activation: 'softmax',
      mirror: ['z', 'y', 'x'],
      nnunet: {
        spacingMm: [4, 1.1, 1.2],
        image: { order: 3, orderAcross: 0, separate: null },
        logits: { order: 1, orderAcross: 0, separate: null },
      },
    });
    expect(again.file.metadata.nnunet!.normalize[1]).toBe('z-score-inside');
  });

  test('is one fold of it where one is asked for', async () => {
    const one = await importModelFile(nodeFiles, nnunetFolder('aniso'), { choice: { folds: ['1'] } });
    const both = await importModelFile(nodeFiles, nnunetFolder('aniso'));
    expect(both.file.metadata.parameters).toBe(2 * one.file.metadata.parameters);
    const byFile = await importModelFile(nodeFiles, `${nnunetFolder('aniso')}/fold_1/checkpoint_final.pth`);
    expect(byFile.file.bytes).toEqual(one.file.bytes);
  });
});
