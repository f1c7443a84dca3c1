import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readModelFile } from '../../../src/experiment/model-file.ts';
import { importModelFile, openModelSource } from '../../../src/experiment/model-source.ts';
import { sha256 } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';
import { nnunetFolder } from '../../support/nnunet-folders.ts';
import { put, torchFile } from '../../support/torch-file.ts';

const read = (path: string): Uint8Array => new Uint8Array(readFileSync(`${nnunetFolder('aniso')}/${path}`));
const plans = JSON.parse(new TextDecoder().decode(read('plans.json')));
const dataset = JSON.parse(new TextDecoder().decode(read('dataset.json')));
const checkpoint = read('fold_0/checkpoint_final.pth');

/** A results folder with one fold in memory; JSON that is given takes the place of what nnU-Net wrote. */
async function folderWith(changes: Readonly<Record<string, object | Uint8Array | undefined>> = {}) {
  const files = memoryFiles();
  const content = {
    'plans.json': plans,
    'dataset.json': dataset,
    'fold_0/checkpoint_final.pth': checkpoint,
    ...changes,
  };
  for (const [path, value] of Object.entries(content)) {
    if (value === undefined) continue;
    await files.write(`results/${path}`, value instanceof Uint8Array ? value : JSON.stringify(value));
  }
  return files;
}

/** As much of a configuration as the tests change. */
interface Config {
  readonly architecture: { arch_kwargs: Record<string, unknown> };
}

/** The one configuration with something else in it. */
function configured(change: (config: Config) => object): object {
  const [name, config] = Object.entries(plans.configurations)[0]!;
  return { ...plans, configurations: { [name]: change(structuredClone(config) as Config) } };
}

/** The arguments of the network with something else in them. */
function withNet(change: object): object {
  return configured(config => {
    Object.assign(config.architecture.arch_kwargs, change);
    return config;
  });
}

async function refusal(changes: Parameters<typeof folderWith>[0]): Promise<string> {
  const files = await folderWith(changes);
  const before = [...files.contents.keys()];
  const error = await importModelFile(files, 'results').catch(cause => cause);
  expect([...files.contents.keys()]).toEqual(before);
  return `${error.code}: ${error.message}`;
}

describe('an nnU-Net folder', () => {
  test('gives its model what its fingerprint says of the training cases', async () => {
    const properties = { percentile_00_5: 1, percentile_99_5: 9 };
    const files = await folderWith({
      'dataset_fingerprint.json': {
        spacings: [[3, 1, 1]],
        shapes_after_crop: [[10, 20, 30]],
        foreground_intensity_properties_per_channel: { 0: properties, 1: properties },
      },
    });
    const { file } = await importModelFile(files, 'results');
    files.contents.set('m.onnx', file.bytes);
    const { metadata } = await readModelFile(files, 'm.onnx');
    expect(metadata.training).toMatchObject({ cases: 1, isCropped: true, foreground: [{ low: 1, high: 9 }, {}] });
    expect((await importModelFile(await folderWith(), 'results')).file.metadata.training).toBeUndefined();
  });

  test.each([
    [
      configured(c => ({ ...c, architecture: { ...c.architecture, network_class_name: 'my.net.PrimusM' } })),
      'the network my.net.PrimusM',
    ],
    [withNet({ norm_op: 'torch.nn.BatchNorm3d' }), 'norm_op torch.nn.BatchNorm3d'],
    [withNet({ nonlin: 'torch.nn.ReLU' }), 'nonlin torch.nn.ReLU'],
    [withNet({ nonlin_first: true }), 'nonlin_first'],
    [withNet({ conv_op: 'torch.nn.modules.conv.Conv2d' }), 'conv_op'],
    [withNet({ n_stages: 4 }), 'lists do not fit its 4 stages'],
    [
      withNet({
        kernel_sizes: [
          [2, 2, 2],
          [3, 3, 3],
          [3, 3, 3],
        ],
      }),
      'kernels of even size',
    ],
    [configured(c => ({ ...c, preprocessor_name: 'MyPreprocessor' })), 'the preprocessor MyPreprocessor'],
    [configured(c => ({ ...c, normalization_schemes: ['CTNormalization', 'Mine'] })), 'the normalisation Mine'],
    [configured(c => ({ ...c, normalization_schemes: ['CTNormalization'] })), '1 normalisations for 2 channel(s)'],
    [
      configured(c => ({ ...c, resampling_fn_data: 'resample_torch_fornnunet' })),
      'the resampling resample_torch_fornnunet',
    ],
    [configured(c => ({ ...c, resampling_fn_data_kwargs: { order: 2 } })), 'resampling of order 2'],
    [configured(c => ({ ...c, previous_stage: '3d_lowres' })), 'previous_stage 3d_lowres'],
    [configured(c => ({ ...c, inherits_from: '3d_fullres' })), 'inherit from each other'],
    [{ ...plans, label_manager: 'MyLabels' }, 'the label_manager MyLabels'],
    [{ ...plans, image_reader_writer: 'Tiff3DIO' }, 'the image reader Tiff3DIO'],
    [{ ...plans, transpose_forward: [0, 0, 1] }, 'transpose_forward [0,0,1]'],
  ])('refuses by its name what it cannot follow (%#)', async (plan, words) => {
    const message = await refusal({ 'plans.json': plan });
    expect(message).toMatch(/^E_IMPORT_PLAN: results\/plans\.json/);
    expect(message).toContain(words);
  });

  test('refuses weights that are not those of the network', async () => {
    expect(await refusal({ 'plans.json': withNet({ features_per_stage: [4, 8, 16] }) })).toMatch(
      /^E_IMPORT_FIT: .*"encoder\.stages\.2\.0\.convs\.0\.conv\.weight" is 12x8x3x3x3 where 16x8x3x3x3 is needed/,
    );
    expect(await refusal({ 'plans.json': withNet({ n_conv_per_stage: [2, 2, 2] }) })).toMatch(
      /^E_IMPORT_FIT: .*there is no "encoder\.stages\.2\.0\.convs\.1\.conv\.weight" of 12x12x3x3x3/,
    );
    expect(await refusal({ 'plans.json': withNet({ n_conv_per_stage: [1, 2, 1] }) })).toMatch(
      /^E_IMPORT_FIT: .*has no place for encoder\.stages\.0\.0\.convs\.1\.conv\.weight/,
    );
    expect(await refusal({ 'dataset.json': { ...dataset, labels: { background: 0, outer: 1 } } })).toMatch(
      /^E_IMPORT_FIT: .*"decoder\.seg_layers\.1\.weight" is 3x4x1x1x1 where 2x4x1x1x1/,
    );
  });

  test('refuses what is missing, cut off, or no checkpoint of nnU-Net', async () => {
    const file = 'fold_0/checkpoint_final.pth';
    expect(await refusal({ [file]: undefined })).toMatch(/^E_IMPORT_MISSING: results has no fold_\*/);
    expect(await refusal({ [file]: undefined, 'fold_0/debug.json': {} })).toMatch(
      /^E_IMPORT_MISSING: there is no results\/fold_0\/checkpoint_final\.pth/,
    );
    expect(await refusal({ [file]: checkpoint.slice(0, -100) })).toMatch(/^E_IMPORT_CORRUPT: .*zip archive/);
    expect(await refusal({ [file]: checkpoint.slice(0, 20) })).toMatch(/^E_IMPORT_CORRUPT: .*zip archive/);
    expect(await refusal({ [file]: torchFile(put.dictionary({ state_dict: put.none })) })).toMatch(
      /^E_IMPORT_KIND: .*no checkpoint of nnU-Net v2/,
    );
    expect(await refusal({ [file]: torchFile(put.call(put.global('builtins', 'print'), put.text('hello'))) })).toMatch(
      /^E_IMPORT_GLOBAL: .*"builtins\.print"/,
    );
    expect(await refusal({ 'plans.json': new TextEncoder().encode('{') })).toMatch(/^E_IMPORT_DESCRIPTION: .*not JSON/);
    expect(await refusal({ 'plans.json': { configurations: 1 } })).toMatch(
      /^E_IMPORT_DESCRIPTION: .*transpose_forward/,
    );
  });

  test('takes the folds and checkpoints that are asked for, and says when it takes others', async () => {
    const files = await folderWith({
      'fold_0/checkpoint_final.pth': undefined,
      'fold_0/checkpoint_best.pth': checkpoint,
      'fold_1/checkpoint_best.pth': checkpoint,
      'fold_all/checkpoint_best.pth': checkpoint,
    });
    const { file, notes } = await openModelSource(files, 'results');
    expect(notes).toEqual([expect.stringContaining('checkpoint_best.pth is taken')]);
    const one = await openModelSource(files, 'results/fold_all/');
    expect(file.metadata.parameters).toBe(2 * one.file.metadata.parameters);
    const asked = async (choice: object) => (await importModelFile(files, 'results', { choice })).notes;
    expect(await asked({ checkpoint: 'best', folds: ['all'] })).toEqual([]);
    await expect(asked({ checkpoint: 'final' })).rejects.toThrow(/there is no results\/fold_0\/checkpoint_final\.pth/);
    await expect(asked({ folds: ['3'] })).rejects.toThrow(/results has fold 0, 1, all, not 3/);
  });

  test('is found in the folder of its data set, where it is the only one', async () => {
    const files = await folderWith();
    const moved = memoryFiles();
    for (const training of ['a__b__c', 'a__b__d']) {
      for (const [path, content] of files.contents) {
        await moved.write(path.replace('results', `Dataset001_Test/${training}`), content);
      }
      if (training === 'a__b__d') continue;
      const { file } = await openModelSource(moved, 'Dataset001_Test');
      expect(file.metadata.labels).toHaveLength(3);
    }
    await expect(openModelSource(moved, 'Dataset001_Test')).rejects.toThrow(/several trainings.*a__b__c, .*a__b__d/);
  });

  test('is used as nnU-Net uses it: nobody says otherwise of a part', async () => {
    const files = await folderWith();
    await expect(openModelSource(files, 'results', { given: { normalize: 'min-max' } })).rejects.toThrow(
      /used as nnU-Net uses it, which says its normalize/,
    );
  });

  test('reads the plans of nnU-Net before 2.2, and configurations that inherit', async () => {
    const old = configured(({ architecture, ...rest }) => {
      const { n_conv_per_stage, n_conv_per_stage_decoder, kernel_sizes, strides } = architecture.arch_kwargs;
      return {
        ...rest,
        UNet_class_name: 'PlainConvUNet',
        UNet_base_num_features: 4,
        unet_max_num_features: 12,
        n_conv_per_stage_encoder: n_conv_per_stage,
        n_conv_per_stage_decoder,
        pool_op_kernel_sizes: strides,
        conv_kernel_sizes: kernel_sizes,
      };
    });
    const [name, config] = Object.entries(plans.configurations)[0]!;
    const inheriting = {
      ...plans,
      configurations: {
        [name]: { inherits_from: 'parent', batch_size: 3 },
        parent: { ...(config as object), batch_size: 2 },
      },
    };
    const whole = await openModelSource(await folderWith(), 'results');
    for (const plan of [old, inheriting]) {
      const { file } = await openModelSource(await folderWith({ 'plans.json': plan }), 'results');
      expect(sha256(file.bytes)).toBe(sha256(whole.file.bytes));
    }
  });
});
