/**
 * Assigns the numbers of a file to layers. A `.keras` file numbers them by the class of the layer, counted in the order
 * of the description; an `.h5` file lists their names per layer of the outermost model, those that are trained first.
 * Source: keras/src/saving/saving_lib.py and legacy/saving/legacy_h5_format.py, version 3.15.
 */
import { InputError } from '../../core/errors.ts';
import type { Shape } from '../../core/shape.ts';
import type { Weights } from '../weights.ts';
import type { KerasLayer, KerasModel, Settings } from './config.ts';
import type { Hdf5 } from './hdf5.ts';

/** A variable of a layer. */
interface Variable {
  /** Keras's name: kernel, bias, gamma, ... */
  readonly kind: string;
  readonly isTrained: boolean;
}

/** Variables of a layer, in Keras's order. */
function variablesOf({ className, settings }: Pick<KerasLayer, 'className' | 'settings'>): readonly Variable[] {
  const trained = (kind: string, isThere = true): Variable[] => (isThere ? [{ kind, isTrained: true }] : []);
  const moving = (kind: string): Variable => ({ kind, isTrained: false });
  const has = (name: string): boolean => (settings as Settings)[name] !== false;
  switch (className) {
    case 'Conv2D':
    case 'Conv2DTranspose':
    case 'Conv3D':
    case 'Conv3DTranspose':
      return [...trained('kernel'), ...trained('bias', has('use_bias'))];
    case 'BatchNormalization':
      return [
        ...trained('gamma', has('scale')),
        ...trained('beta', has('center')),
        moving('moving_mean'),
        moving('moving_variance'),
      ];
    case 'GroupNormalization':
    case 'LayerNormalization':
    case 'Addons>GroupNormalization':
    case 'Addons>InstanceNormalization':
      return [...trained('gamma', has('scale')), ...trained('beta', has('center'))];
    case 'PReLU':
      return trained('alpha');
    default:
      return [];
  }
}

/** Gives the numbers of a layer by kind. */
export type TakeVariable = (layer: KerasLayer, kind: string, shape: Shape) => Float32Array;

/** The place of every variable of every layer in the file. */
export type VariablePlaces = ReadonlyMap<KerasLayer, ReadonlyMap<string, string>>;

/** A class name as `.keras` files have it: Conv3DTranspose is conv3d_transpose. */
export function snakeCase(name: string): string {
  return name
    .replaceAll(/\W+/g, '')
    .replaceAll(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

/**
 * Places in the weights of a `.keras` file.
 * @throws {InputError} E_IMPORT_FIT if the file says that a group belongs to another layer
 */
export function placesInKeras(model: KerasModel, file: Hdf5): VariablePlaces {
  const places = new Map<KerasLayer, ReadonlyMap<string, string>>();
  const walk = ({ layers }: KerasModel, container: string): void => {
    const seen = new Map<string, number>();
    for (const layer of layers) {
      const stem = snakeCase(layer.className);
      const count = seen.get(stem) ?? 0;
      seen.set(stem, count + 1);
      const group = `${container}layers/${count === 0 ? stem : `${stem}_${count}`}`;
      if (layer.model !== undefined) walk(layer.model, `${group}/`);
      const variables = variablesOf(layer);
      const said = variables.length === 0 ? undefined : file.text(`${group}/vars`, 'name');
      if (said !== undefined && said !== layer.name) {
        throw new InputError(
          'E_IMPORT_FIT',
          `the weights of ${file.path} are not those of its model: ${group} is of "${said}", not of "${layer.name}".`,
        );
      }
      places.set(layer, new Map(variables.map(({ kind }, index) => [kind, `${group}/vars/${index}`])));
    }
  };
  walk(model, '');
  return places;
}

/** Layers with numbers inside of a layer, in order; itself if it is no model. */
function leaves(layer: KerasLayer): readonly KerasLayer[] {
  return layer.model === undefined ? [layer] : layer.model.layers.flatMap(leaves);
}

/** The variables of a layer in the order in which an `.h5` file lists them. */
function listedVariables(layer: KerasLayer): readonly (readonly [KerasLayer, Variable])[] {
  const all = leaves(layer).flatMap(leaf => variablesOf(leaf).map(variable => [leaf, variable] as const));
  const isFrozen = layer.settings['trainable'] === false;
  const isTrained = ([leaf, variable]: (typeof all)[number]): boolean =>
    !isFrozen && variable.isTrained && leaf.settings['trainable'] !== false;
  return [...all.filter(isTrained), ...all.filter(one => !isTrained(one))];
}

/**
 * Places in an `.h5` file of a whole model.
 * @throws {InputError} E_IMPORT_FIT if a layer has another number of variables, or of other kinds
 */
export function placesInH5(model: KerasModel, file: Hdf5): VariablePlaces {
  const places = new Map<KerasLayer, Map<string, string>>();
  for (const layer of model.layers) {
    for (const leaf of leaves(layer)) places.set(leaf, new Map());
    const group = `model_weights/${layer.name}`;
    const names = file.texts(group, 'weight_names') ?? [];
    const expected = listedVariables(layer);
    const kinds = expected.map(([, { kind }]) => kind);
    const given = names.map(name =>
      name
        .split('/')
        .at(-1)
        ?.replace(/(_\d+)?(:\d+)?$/, ''),
    );
    if (String(kinds) !== String(given)) {
      throw new InputError(
        'E_IMPORT_FIT',
        `the weights of ${file.path} are not those of its model: "${layer.name}" has ${given.join(', ') || 'none'} where ` +
          `${kinds.join(', ') || 'none'} are needed.`,
      );
    }
    for (const [index, [leaf, { kind }]] of expected.entries()) places.get(leaf)?.set(kind, `${group}/${names[index]}`);
  }
  return places;
}

/** Takes the numbers of layers by their places. */
export function takeFrom(weights: Weights, places: VariablePlaces): TakeVariable {
  return (layer, kind, shape) => weights.take(places.get(layer)?.get(kind) ?? `${layer.name}/${kind}`, shape);
}
