/** Files of Keras that cannot be models here: refused by what is in the way, with nothing run. */
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../../src/core/errors.ts';
import { random } from '../../../src/core/random.ts';
import { kerasImporter } from '../../../src/import/keras/keras.ts';
import { snakeCase } from '../../../src/import/keras/variables.ts';
import { kerasFile, kerasFiles } from '../../support/keras-models.ts';

type Layer = Record<string, unknown> & { config: Record<string, unknown> };
type Config = { class_name: string; config: { layers: Layer[]; input_layers: unknown; output_layers: unknown } };

/** unet.keras with another description. */
function changed(edit: (config: Config) => void): Uint8Array {
  const entries = unzipSync(kerasFile('unet.keras'));
  const config = JSON.parse(strFromU8(entries['config.json']!)) as Config;
  edit(config);
  return zipSync({ ...entries, 'config.json': strToU8(JSON.stringify(config)) }, { level: 0 });
}

const layerOf = ({ config }: Config, className: string): Layer =>
  config.layers.find(layer => layer['class_name'] === className) as Layer;

const read = (bytes: Uint8Array, name = 'm.keras') => kerasImporter.read(kerasFiles(name, bytes), name, {});

describe('a model of Keras is refused', () => {
  it.each<[string, (config: Config) => void, string, RegExp]>([
    [
      'with a Lambda layer',
      config => {
        Object.assign(layerOf(config, 'Activation'), { class_name: 'Lambda' });
      },
      'E_IMPORT_LAYER',
      /the layer "activation" \(Lambda\) holds Python code, which is not run/,
    ],
    [
      'with a layer of its own',
      config => {
        Object.assign(layerOf(config, 'Activation'), { registered_name: 'mine>Gate' });
      },
      'E_IMPORT_LAYER',
      /is mine>Gate, Python code of its own/,
    ],
    [
      'with a layer from another package',
      config => {
        Object.assign(layerOf(config, 'Activation'), { module: 'os.path' });
      },
      'E_IMPORT_LAYER',
      /is os\.path\.Activation, Python code of its own/,
    ],
    [
      'with an unknown layer, even one named like a method of objects',
      config => {
        Object.assign(layerOf(config, 'Activation'), { class_name: 'toString' });
      },
      'E_IMPORT_LAYER',
      /"activation" \(toString\) is not known/,
    ],
    [
      'with an unknown activation',
      config => {
        layerOf(config, 'Activation').config['activation'] = 'hasOwnProperty';
      },
      'E_IMPORT_LAYER',
      /has the activation hasOwnProperty/,
    ],
    [
      'with channels first',
      config => {
        layerOf(config, 'MaxPooling3D').config['data_format'] = 'channels_first';
      },
      'E_IMPORT_LAYER',
      /data_format channels_first; channels_last is known/,
    ],
    [
      'whose layers read each other',
      config => {
        const [first] = layerOf(config, 'GroupNormalization')['inbound_nodes'] as [{ args: [{ config: object }] }];
        Object.assign(first.args[0].config, { keras_history: ['concatenate', 0, 0] });
      },
      'E_IMPORT_LAYER',
      /read each other/,
    ],
    [
      'of lines',
      config => {
        layerOf(config, 'InputLayer').config['batch_shape'] = [null, 8, 1];
      },
      'E_IMPORT_LAYER',
      /its input has the shape \[null,8,1\]; volumes with channels last have five axes, planes four/,
    ],
    [
      'of planes with layers of volumes',
      config => {
        layerOf(config, 'InputLayer').config['batch_shape'] = [null, 8, 8, 1];
      },
      'E_IMPORT_LAYER',
      /\(Conv3D\) is not known/,
    ],
    [
      'of volumes with layers of planes',
      config => {
        Object.assign(layerOf(config, 'MaxPooling3D'), { class_name: 'MaxPooling2D' });
      },
      'E_IMPORT_LAYER',
      /\(MaxPooling2D\) is not known/,
    ],
    [
      'that interpolates in another way',
      config => {
        layerOf(config, 'UpSampling3D').config['interpolation'] = 'bicubic';
      },
      'E_IMPORT_LAYER',
      /interpolates by bicubic/,
    ],
    [
      'with other weights',
      config => {
        layerOf(config, 'Conv3D').config['filters'] = 5;
      },
      'E_IMPORT_FIT',
      /"layers\/conv3d\/vars\/0" is 3x3x3x2x4 where 3x3x3x2x5 is needed/,
    ],
    [
      'whose layers have changed places',
      config => {
        const { layers } = config.config;
        const [a, b] = [
          layers.findIndex(one => one['name'] === 'conv3d_transpose'),
          layers.findIndex(one => one['name'] === 'conv3d_transpose_1'),
        ];
        [layers[a], layers[b]] = [layers[b]!, layers[a]!];
      },
      'E_IMPORT_FIT',
      /conv3d_transpose is of "conv3d_transpose", not of "conv3d_transpose_1"/,
    ],
    [
      'that is a class of its own',
      config => {
        config.class_name = 'MyUNet';
      },
      'E_IMPORT_LAYER',
      /it is a MyUNet, not a functional or sequential model/,
    ],
    [
      'with several inputs',
      config => {
        config.config.input_layers = [
          ['scan', 0, 0],
          ['scan', 0, 0],
        ];
      },
      'E_IMPORT_LAYER',
      /takes 2 inputs \(scan, scan\)/,
    ],
  ])('%s', async (_, edit, code, message) => {
    await expect(read(changed(edit))).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it.each([
    [
      'linked.h5',
      'E_IMPORT_CORRUPT',
      /"model_weights" is a link into another file, elsewhere\.h5, which is not followed/,
    ],
    ['weights-only.h5', 'E_IMPORT_KIND', /holds weights alone/],
  ])('%s', async (name, code, message) => {
    await expect(read(kerasFile(name), name)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('cut off or damaged, at every place', async () => {
    const source = random(4, 'damage');
    for (const name of ['nested.keras', 'nested.h5']) {
      const whole = kerasFile(name);
      for (let round = 0; round < 30; round++) {
        const bytes = whole.slice(0, round % 2 === 0 ? source.integer(whole.length) : whole.length);
        for (let count = 0; count < 4 && bytes.length > 0; count++) {
          bytes[source.integer(bytes.length)] = source.integer(256);
        }
        try {
          const { graph } = await read(bytes, name);
          expect(graph.outputs['logits']?.shape.length).toBe(5);
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
          expect(error.code).toMatch(/^E_IMPORT_/);
        }
      }
    }
  });
});

it('names classes as Keras does', () => {
  expect(
    ['Conv3D', 'Conv3DTranspose', 'LeakyReLU', 'PReLU', 'MaxPooling3D', 'GroupNormalization'].map(snakeCase),
  ).toEqual(['conv3d', 'conv3d_transpose', 'leaky_re_lu', 'p_re_lu', 'max_pooling3d', 'group_normalization']);
});
