import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { joinBytes } from '../../../src/core/bytes.ts';
import { importModelFile, openModelSource } from '../../../src/experiment/model-source.ts';
import { memoryFiles } from '../../support/memory-files.ts';
import { put, torchFile } from '../../support/torch-file.ts';

const FOLDER = fileURLToPath(new URL('../../fixtures/monai', import.meta.url));
const read = (path: string): Uint8Array => new Uint8Array(readFileSync(`${FOLDER}/${path}`));
const json = (path: string) => JSON.parse(new TextDecoder().decode(read(path)));

/** A state dictionary with another description of it. */
async function described(name: string, change: (facts: Record<string, unknown>) => object) {
  const files = memoryFiles();
  await files.write(`${name}.pt`, read(`${name}.pt`));
  await files.write(`${name}.json`, JSON.stringify(change(json(`${name}.json`))));
  return files;
}

async function refusal(name: string, change: Parameters<typeof described>[1]): Promise<string> {
  const files = await described(name, change);
  const error = await importModelFile(files, `${name}.pt`).catch(cause => cause);
  return `${error.code}: ${error.message}`;
}

/** The network's arguments with something else in them. */
const withArguments =
  (more: object) =>
  (facts: Record<string, unknown>): object => {
    const { class: name, arguments: given } = facts['network'] as { class: string; arguments: object };
    return { ...facts, network: { class: name, arguments: { ...given, ...more } } };
  };

describe('a state dictionary of MONAI', () => {
  test('may be described in the words of a bundle, and in the file itself', async () => {
    const files = await described('unet-residual', facts => {
      const { arguments: given } = facts['network'] as { arguments: object };
      return { ...facts, network: { _target_: 'monai.networks.nets.UNet', ...given } };
    });
    const { file, notes } = await openModelSource(files, 'unet-residual.pt');
    expect(notes).toEqual([]);
    expect(file.metadata).toMatchObject({ patch: [8, 12, 8], channels: 2, axes: 'NCZYX', orientation: 'RAS' });
  });

  test('takes the window that is asked for, and says which order of axes is assumed', async () => {
    const files = await described('dyn-residual', ({ axes: _axes, ...facts }) => facts);
    const { file, notes } = await openModelSource(files, 'dyn-residual.pt', { given: { patch: [8, 8, 16] } });
    expect(file.metadata.patch).toEqual([8, 8, 16]);
    expect(notes).toEqual([expect.stringContaining('axes are taken to be x, y, z (NCXYZ)')]);
    // in whose words a person is told of a wrong order
    expect(file.sourceAxes).toBe('NCXYZ');
    const odd = importModelFile(files, 'dyn-residual.pt', { given: { patch: [8, 8, 15] } });
    await expect(odd).rejects.toMatchObject({
      code: 'E_IMPORT_FIT',
      message: expect.stringMatching(/cannot take a window of 15 x 8 x 8 voxels.*--patch x,y,z/),
    });
  });

  test.each([
    [{ act: 'GELU' }, 'the activation GELU'],
    [{ norm: ['layer', {}] }, 'the normalisation layer'],
    [{ norm: ['instance', { track_running_stats: true }] }, 'instance with track_running_stats'],
    [{ kernel_size: 2 }, 'the kernel'],
    [{ strides: [2] }, '3 levels, but 1 stride'],
    [
      {
        strides: [
          [2, 2],
          [1, 2, 2],
        ],
      },
      'the sizes [2,2] for 3 axes',
    ],
  ])('refuses by its name what of a network is not known (%#)', async (change, words) => {
    const message = await refusal('unet-residual', withArguments(change));
    expect(message).toMatch(/^E_IMPORT_NETWORK: /);
    expect(message).toContain(words);
  });

  test('refuses descriptions that are not those of the weights', async () => {
    expect(await refusal('unet-residual', facts => ({ ...facts, network: { class: 'SwinUNETR' } }))).toMatch(
      /^E_IMPORT_NETWORK: .*the class SwinUNETR \(known are UNet, BasicUNet, DynUNet, SegResNet of MONAI\)/,
    );
    expect(await refusal('unet-residual', withArguments({ widths: 3 }))).toMatch(
      /^E_IMPORT_DESCRIPTION: unet-residual\.json network\.arguments: .*widths/,
    );
    expect(await refusal('unet-residual', withArguments({ out_channels: 2 }))).toMatch(/^E_IMPORT_FIT: .*3x/);
    expect(await refusal('unet-residual', withArguments({ num_res_units: 1 }))).toMatch(
      /^E_IMPORT_FIT: .*has no place for/,
    );
    expect(await refusal('seg-linear', withArguments({ upsample_mode: 'pixelshuffle' }))).toMatch(
      /^E_IMPORT_DESCRIPTION: .*upsample_mode/,
    );
    expect(await refusal('unet-residual', ({ network: _network, ...facts }) => facts)).toMatch(
      /^E_IMPORT_DESCRIPTION: unet-residual\.pt does not say its network\. Write into unet-residual\.json/,
    );
    expect(await refusal('unet-residual', ({ patch: _patch, ...facts }) => facts)).toMatch(
      /^E_IMPORT_DESCRIPTION: .*does not say its window/,
    );
    expect(await refusal('unet-residual', ({ labels: _labels, ...facts }) => facts)).toMatch(
      /^E_MODEL_INFO: unet-residual\.pt .*labels.*unet-residual\.json/,
    );
    expect(await refusal('seg-linear', facts => ({ ...facts, patch: [4, 4, 1e6] }))).toMatch(/^E_IMPORT_FIT: .*window/);
    const files = memoryFiles();
    await files.write('a.pt', torchFile(put.dictionary({ epoch: put.integer(3) })));
    await files.write('a.json', read('unet-residual.json'));
    await expect(openModelSource(files, 'a.pt')).rejects.toMatchObject({ code: 'E_IMPORT_KIND' });
  });
});

/** The bundle with another configuration. */
async function bundleWith(change: (config: Record<string, { transforms: object[] }>) => object, files = memoryFiles()) {
  await files.write('b/models/model.pt', read('bundle/models/model.pt'));
  await files.write('b/configs/metadata.json', read('bundle/configs/metadata.json'));
  await files.write('b/configs/inference.json', JSON.stringify(change(json('bundle/configs/inference.json'))));
  return files;
}

test('descriptions that repeat themselves without end take no memory', async () => {
  const files = memoryFiles();
  // each tuple holds the one before it ten times
  let value = put.integer(1);
  for (let level = 0; level < 12; level++) {
    const again = new Array(9).fill(Uint8Array.of(0x68, level));
    value = joinBytes([Uint8Array.of(0x28), value, Uint8Array.of(0x71, level), ...again, Uint8Array.of(0x74)]);
  }
  await files.write('a.pt', torchFile(put.dictionary({ network: put.dictionary({ class: value }) })));
  await expect(openModelSource(files, 'a.pt')).rejects.toMatchObject({ code: 'E_IMPORT_DESCRIPTION' });
  const tenfold = Object.fromEntries(
    Array.from({ length: 12 }, (_, level) => [`a${level}`, new Array(10).fill(`@a${level + 1}`)]),
  );
  const bundle = await bundleWith(config => ({ ...config, ...tenfold, out: '@a0' }));
  await expect(openModelSource(bundle, 'b')).rejects.toMatchObject({ code: 'E_IMPORT_DESCRIPTION' });
});

describe('a MONAI bundle', () => {
  test('says its classes, window, orientation, spacing and intensities', async () => {
    const { file, notes } = await openModelSource(await bundleWith(config => config), 'b/');
    expect(file.metadata).toMatchObject({
      labels: [
        { value: 0, name: 'background' },
        { value: 1, name: 'spleen' },
      ],
      patch: [4, 12, 8],
      orientation: 'RAS',
      spacingMm: [1.5, 1.5, 2],
      normalize: { ct: { low: -57, high: 164, mean: -57, deviation: 221 } },
      activation: 'softmax',
    });
    expect(notes).toEqual([expect.stringContaining('resampled over the same box')]);
  });

  test('is read as YAML too', async () => {
    const files = memoryFiles();
    await files.write('b/models/model.pt', read('bundle/models/model.pt'));
    await files.write('b/configs/metadata.json', read('bundle/configs/metadata.json'));
    // JSON is YAML
    await files.write('b/configs/inference.yaml', read('bundle/configs/inference.json'));
    expect((await openModelSource(files, 'b')).file.metadata.labels).toHaveLength(2);
  });

  test('never has an expression run, and refuses transforms that are not known', async () => {
    const code = async (change: Parameters<typeof bundleWith>[0]): Promise<string> => {
      const error = await openModelSource(await bundleWith(change), 'b').catch(cause => cause);
      return `${error.code}: ${error.message}`;
    };
    expect(await code(config => ({ ...config, out: '$1 + 1' }))).toMatch(/^E_IMPORT_DESCRIPTION: .*out_channels/);
    expect(await code(config => ({ ...config, network_def: '$build()' }))).toMatch(/^E_IMPORT_DESCRIPTION: /);
    expect(await code(config => ({ ...config, out: '@more', more: '@out' }))).toMatch(
      /^E_IMPORT_DESCRIPTION: .*circle/,
    );
    expect(await code(({ network_def: _net, ...config }) => config)).toMatch(/^E_IMPORT_DESCRIPTION: .*network_def/);
    const transforms = (one: object) => (config: Record<string, { transforms: object[] }>) => ({
      ...config,
      preprocessing: { ...config['preprocessing'], transforms: [...(config['preprocessing']?.transforms ?? []), one] },
    });
    expect(await code(transforms({ _target_: 'monai.transforms.CropForegroundd', keys: 'image' }))).toMatch(
      /^E_IMPORT_PLAN: .*the transform monai\.transforms\.CropForegroundd/,
    );
    expect(await code(transforms({ _target_: 'NormalizeIntensityd' }))).toMatch(/^E_IMPORT_PLAN: .*two transforms/);
  });
});
