/**
 * Models of Keras: `.keras` files (Keras 3) and whole models as `.h5` files (Keras 2 and 3), functional and sequential.
 * A softmax or sigmoid at the end is removed, so that the model gives logits. No code in a file is run.
 */

import { InputError, ShapeError } from '../../core/errors.ts';
import { lookUp } from '../../core/look-up.ts';
import type { Shape, Triple } from '../../core/shape.ts';
import { GraphBuilder, isOp, type Value } from '../../graph/graph.ts';
import type { OutputActivation } from '../../inference/probabilities.ts';
import { IMAGE, type ImportChoice, type ImportedModel, type Importer, LOGITS } from '../imported.ts';
import { Weights } from '../weights.ts';
import { isZip, openArchive } from '../zip.ts';
import type { LayerRule } from './call.ts';
import { type KerasLayer, type KerasModel, parseKerasConfig, type Reference, refuseKeras } from './config.ts';
import { type Hdf5, isHdf5, withHdf5 } from './hdf5.ts';
import { LAYER_RULES } from './layers.ts';
import { classOfPlanes, type PlaneView, settingsOfPlanes, takeFromPlanes } from './planes.ts';
import { placesInH5, placesInKeras, type TakeVariable, takeFrom } from './variables.ts';

/** A model with the location of its numbers. */
interface Source {
  readonly model: KerasModel;
  readonly take: TakeVariable;
  readonly weights: Weights;
}

/** Context for building a model and the models inside it. */
interface Site {
  readonly builder: GraphBuilder;
  readonly take: TakeVariable;
  readonly path: string;
  /** How planes are seen, if it is a network of planes. */
  readonly planes: PlaneView | undefined;
}

/** The rule of a layer; one of planes is known in a network of planes alone, and one of volumes in others. */
function ruleOf({ className }: KerasLayer, planes: PlaneView | undefined): LayerRule | undefined {
  if (planes !== undefined && className.includes('3D')) return undefined;
  const known = planes === undefined ? className : classOfPlanes(className);
  return lookUp(LAYER_RULES, known);
}

function buildLayer(layer: KerasLayer, inputs: readonly Value[], site: Site): readonly Value[] {
  const { builder, take, path, planes } = site;
  if (layer.model !== undefined) return buildModel(layer.model, inputs, site);
  const named = `the layer "${layer.name}" (${layer.className})`;
  if (layer.className === 'Lambda') refuseKeras(path, `${named} holds Python code, which is not run`);
  const rule = ruleOf(layer, planes);
  if (rule === undefined) return refuseKeras(path, `${named} is not known`);
  const refuse = (reason: string): never => refuseKeras(path, `${named} ${reason}`);
  const own = (kind: string, shape: Shape): Float32Array => take(layer, kind, shape);
  try {
    const call = {
      builder,
      inputs,
      settings: planes === undefined ? layer.settings : settingsOfPlanes(layer.settings, planes),
      refuse,
      take: planes === undefined ? own : takeFromPlanes(own, planes),
    };
    return [builder.scope(layer.name, () => rule(call))];
  } catch (error) {
    if (error instanceof ShapeError) return refuse(`does not fit its input: ${error.message}`);
    throw error;
  }
}

/** A call of a layer by its number; Keras counts the calls of a model that is a layer from 0 or from 1. */
function callOf(layer: KerasLayer, index: number, path: string): number {
  if (layer.calls.length <= 1) return 0;
  return index < layer.calls.length ? index : refuseKeras(path, `the layer "${layer.name}" has no call ${index}`);
}

function buildModel({ layers, ends }: KerasModel, inputs: readonly Value[], site: Site): readonly Value[] {
  const isInput = ({ className }: KerasLayer): boolean => className === 'InputLayer';
  if (ends === undefined) {
    return layers.filter(layer => !isInput(layer)).reduce((values, layer) => buildLayer(layer, values, site), inputs);
  }
  const byName = new Map(layers.map(layer => [layer.name, layer]));
  const results = new Map<string, readonly Value[]>();
  const place = (layer: KerasLayer, call: number): string => `${layer.name}/${callOf(layer, call, site.path)}`;
  const layerOf = ({ layer }: Reference): KerasLayer =>
    byName.get(layer) ?? refuseKeras(site.path, `it has no layer "${layer}", whose result is read`);
  ends.inputs.forEach((reference, index) => {
    const value = inputs[index];
    if (value !== undefined) results.set(place(layerOf(reference), reference.call), [value]);
  });
  // a call is built when all that it reads is there, so that the order of the description does not matter
  let waiting = layers.flatMap(layer =>
    isInput(layer) ? [] : layer.calls.map((reads, call) => ({ layer, call, reads })),
  );
  while (waiting.length > 0) {
    const later: typeof waiting = [];
    for (const one of waiting) {
      const values = one.reads.map(reference => results.get(place(layerOf(reference), reference.call))?.[0]);
      if (values.some(value => value === undefined)) later.push(one);
      else results.set(`${one.layer.name}/${one.call}`, buildLayer(one.layer, values as readonly Value[], site));
    }
    if (later.length === waiting.length) {
      const names = later.map(({ layer }) => `"${layer.name}"`).join(', ');
      refuseKeras(site.path, `the layers ${names} read each other, or an input that is not there`);
    }
    waiting = later;
  }
  return ends.outputs.map(reference => {
    const value = results.get(place(layerOf(reference), reference.call))?.[0];
    return value ?? refuseKeras(site.path, `its output "${reference.layer}" is not made`);
  });
}

/** The input's sizes [., ., ., C], or [., ., C] of planes: of the input layer, or of the first layer of a sequence. */
function inputShape({ layers, ends }: KerasModel, path: string): readonly (number | null)[] {
  if (ends !== undefined && ends.inputs.length !== 1) {
    const names = ends.inputs.map(({ layer }) => layer).join(', ');
    refuseKeras(path, `it takes ${ends.inputs.length} inputs (${names}); a segmentation model takes one image`);
  }
  const first = ends === undefined ? layers[0] : layers.find(({ name }) => name === ends.inputs[0]?.layer);
  if (first?.model !== undefined) return inputShape(first.model, path);
  const shape = first?.settings['batch_shape'] ?? first?.settings['batch_input_shape'];
  const isSize = (item: unknown): boolean => item === null || (Number.isInteger(item) && (item as number) > 0);
  if (!Array.isArray(shape) || ![4, 5].includes(shape.length) || !shape.every(isSize)) {
    return refuseKeras(
      path,
      `its input has the shape ${JSON.stringify(shape)}; volumes with channels last have five axes, planes four`,
    );
  }
  return shape.slice(1);
}

/** The shape [1, C, D, H, W] that the graph is built for. */
function imageShape(model: KerasModel, patch: Triple | undefined, site: Pick<Site, 'path' | 'planes'>): Shape {
  const { path, planes } = site;
  const sizes = inputShape(model, path);
  const channels = sizes.at(-1) ?? refuseKeras(path, 'the number of channels of its input is open');
  const own = sizes.slice(0, -1);
  const space = (planes === undefined ? own : [1, ...(planes.isTurned ? own.toReversed() : own)]).map(
    (size, axis) => size ?? patch?.[axis],
  );
  if (space.some(size => size === undefined)) {
    refuseKeras(path, 'it takes windows of any size; give one with --patch x,y,z');
  }
  return [1, channels, ...(space as number[])];
}

/** Removes a softmax over the channels or a sigmoid at the end. */
function logitsOf(output: Value): { readonly logits: Value; readonly activation: OutputActivation } {
  const [before] = output.inputs;
  if (isOp(output, 'Sigmoid') && before !== undefined) return { logits: before, activation: 'sigmoid' };
  if (isOp(output, 'Exp') && before !== undefined && isOp(before, 'LogSoftmax')) {
    return { logits: before.inputs[0] as Value, activation: 'softmax' };
  }
  return { logits: output, activation: 'none' };
}

/** How a network of planes sees them; undefined for one of volumes. */
function planesOf(model: KerasModel, path: string, { axes }: ImportChoice): PlaneView | undefined {
  if (inputShape(model, path).length !== 3) return undefined;
  return { isTurned: axes !== undefined && axes.indexOf('X') < axes.indexOf('Y') };
}

function build({ model, take, weights }: Source, path: string, choice: ImportChoice): ImportedModel {
  const builder = new GraphBuilder();
  const planes = planesOf(model, path, choice);
  const shape = imageShape(model, choice.patch ?? choice.assumedPatch, { path, planes });
  const outputs = buildModel(model, [builder.input(IMAGE, shape)], { builder, take, path, planes });
  const [first, ...others] = outputs as readonly [Value, ...Value[]];
  weights.assertAllTaken(() => false);
  const { logits, activation } = logitsOf(first);
  const order =
    planes === undefined
      ? 'the order of its axes is not in the file: --axes NCXYZ for arrays of nibabel (deepvoxnet2), NCZYX (the default) for SimpleITK.'
      : 'the order of its axes is not in the file: --axes NXYC for planes of arrays of nibabel, NYXC (the default) for SimpleITK.';
  return {
    graph: { outputs: { [LOGITS]: logits } },
    parameters: weights.taken,
    // a linear end may be logits or probabilities, which the file does not state
    facts: {
      channels: shape[1] as number,
      ...(activation !== 'none' && { activation }),
      // planes are seen one behind the other along z, and their axes are turned already
      ...(planes && { axes: 'NCZYX' as const }),
    },
    ...(planes && choice.axes && { sourceAxes: choice.axes }),
    notes: [order, ...(others.length > 0 ? [`the first of its ${outputs.length} outputs is used.`] : [])],
  };
}

function fromHdf5(file: Hdf5, path: string, choice: ImportChoice): ImportedModel {
  const config = file.text('', 'model_config');
  if (config === undefined) {
    throw new InputError(
      'E_IMPORT_KIND',
      `${path} holds weights alone, without the description of the model. Save the whole model: model.save("m.keras").`,
    );
  }
  const model = parseKerasConfig(config, path);
  const weights = new Weights(file.tensors('model_weights'), path);
  return build({ model, weights, take: takeFrom(weights, placesInH5(model, file)) }, path, choice);
}

function fromArchive(bytes: Uint8Array, path: string, choice: ImportChoice): Promise<ImportedModel> {
  const archive = openArchive(bytes, path);
  if (!archive.names.includes('config.json') || !archive.names.includes('model.weights.h5')) {
    throw new InputError(
      'E_IMPORT_KIND',
      `${path} is no model of Keras: its archive has no config.json and model.weights.h5.`,
    );
  }
  const model = parseKerasConfig(new TextDecoder().decode(archive.read('config.json')), path);
  return withHdf5(archive.read('model.weights.h5'), `${path} (model.weights.h5)`, file => {
    const weights = new Weights(file.tensors('layers'), path);
    return build({ model, weights, take: takeFrom(weights, placesInKeras(model, file)) }, path, choice);
  });
}

/** Reads `.keras` and `.h5` files. */
export const kerasImporter: Importer = {
  name: 'a model of Keras (.keras, .h5)',
  recognises: async (files, path) => /\.(keras|h5|hdf5)$/i.test(path) && (await files.exists(path)),
  read: async (files, path, choice) => {
    const bytes = await files.read(path);
    if (isZip(bytes)) return fromArchive(bytes, path, choice);
    if (isHdf5(bytes)) return withHdf5(bytes, path, file => fromHdf5(file, path, choice));
    throw new InputError('E_IMPORT_CORRUPT', `${path} is neither a zip archive (.keras) nor an HDF5 file (.h5).`);
  },
};
