/**
 * Names the parameters of a model from elsewhere after those of one of our networks: an imported nnU-Net, MONAI or
 * Keras model, or any ONNX file. Both are read as graphs of the same operators; the constants of their layers are put
 * side by side in the order of the layers, seen from the result. That this is right is not believed but tried: our
 * network with the parameters must give the logits of the model for an image of noise.
 */
import { InputError, invariant } from '../../core/errors.ts';
import { formatNumber } from '../../core/format.ts';
import { random } from '../../core/random.ts';
import { elementCount, formatShape, type Shape, type Triple } from '../../core/shape.ts';
import { tensor } from '../../core/tensor.ts';
import { type Graph, isOp, reachable, type Value } from '../../graph/graph.ts';
import { outputSize } from '../../nn/geometry.ts';
import { collectParameters, type ParameterSpec, parameterCount } from '../../nn/parameters.ts';
import { decodeModel } from '../../onnx/decode.ts';
import { importModel } from '../../onnx/import.ts';
import { type Architecture, architectureOf } from '../../recipe/network.ts';
import type { NetworkSettings } from '../../recipe/schema/network.ts';
import type { Engine } from '../../runtime/engine.ts';
import { exportModel } from '../../training/export.ts';
import type { ModelFile } from '../model-file.ts';
import { openForFewWindows } from '../open-models.ts';
import type { StartSource } from './source.ts';

/** Largest difference of logits, relative to the largest of them, that counts as rounding. */
const TOLERANCE = 1e-3;
/** Whole numbers that float32 holds exactly. */
const LARGEST_MARK = 2 ** 24;

/** A constant of a layer. */
interface LayerConstant {
  /** Operator and place of the operand. */
  readonly kind: string;
  readonly shape: Shape;
  readonly data: Float32Array;
}

const LAYERS = new Set(['Conv', 'ConvTranspose', 'InstanceNormalization', 'Add', 'Sub', 'Mul', 'Div', 'PRelu']);

/** The values of a graph in the order in which its result asks for them. */
function inOrder(result: Value): readonly Value[] {
  const done = new Set<Value>();
  const order: Value[] = [];
  const stack: { readonly value: Value; next: number }[] = [{ value: result, next: 0 }];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const input = top.value.inputs[top.next++];
    if (input === undefined) {
      stack.pop();
      if (!done.has(top.value)) order.push(top.value);
      done.add(top.value);
    } else if (!done.has(input)) stack.push({ value: input, next: 0 });
  }
  return order;
}

/** The constants of a graph's layers; biases that a normalisation takes away again are left out. */
function layerConstants({ outputs }: Graph): readonly LayerConstant[] {
  const [result] = Object.values(outputs) as [Value];
  const readers = new Map<Value, Value[]>();
  for (const value of reachable([result])) {
    for (const input of value.inputs) readers.set(input, [...(readers.get(input) ?? []), value]);
  }
  const isCancelled = (value: Value): boolean => {
    const own = readers.get(value) ?? [];
    return isOp(value, 'Add') && own.length > 0 && own.every(reader => isOp(reader, 'InstanceNormalization'));
  };
  return inOrder(result).flatMap(value => {
    if (!LAYERS.has(value.op) || isCancelled(value)) return [];
    return value.inputs.flatMap((input, place): LayerConstant[] => {
      if (!isOp(input, 'Constant') || !(input.attributes.data instanceof Float32Array) || input.shape.length === 0)
        return [];
      return [{ kind: `${value.op} ${place}`, shape: input.shape, data: input.attributes.data }];
    });
  });
}

/** A model from elsewhere, and what its parameters are to be named after. */
interface Foreign {
  readonly file: ModelFile;
  readonly sha256: string;
  readonly classes: readonly string[];
  readonly settings: NetworkSettings;
  readonly key: string;
}

function refuse({ key, file }: Pick<Foreign, 'key' | 'file'>, reason: string): never {
  throw new InputError(
    'E_START',
    `${key}: the parameters of ${file.path} cannot be named after this network: ${reason}. Give the network the layers of the model, or start at random.`,
  );
}

function graphOf(bytes: Uint8Array, foreign: Foreign, names: { readonly input: string; readonly output: string }) {
  const { metadata, path } = foreign.file;
  const shape = [1, metadata.channels, ...metadata.patch];
  const graph = importModel(decodeModel(bytes, path), {
    input: { name: names.input, shape },
    outputs: [names.output],
  });
  return 'unsupported' in graph ? refuse(foreign, `it has ${graph.unsupported}`) : graph;
}

/** Our network for the channels and classes of the model. */
interface OwnNetwork {
  readonly architecture: Architecture;
  readonly specs: readonly ParameterSpec[];
}

function encoded({ architecture, specs }: OwnNetwork, theta: Float32Array, { file }: Foreign): Uint8Array {
  const { channels, patch } = file.metadata;
  const options = { channels, window: patch as Triple, metadata: {} };
  return exportModel({ network: architecture.network, specs }, theta, options);
}

/** The constants of our network where every number is what `mark` says of its parameter and its place in it. */
function markedConstants(own: OwnNetwork, foreign: Foreign, mark: (parameter: number, place: number) => number) {
  const theta = new Float32Array(parameterCount(own.specs));
  let start = 0;
  own.specs.forEach(({ shape }, parameter) => {
    const count = elementCount(shape);
    for (let place = 0; place < count; place++) theta[start + place] = mark(parameter, place);
    start += count;
  });
  const names = { input: 'image', output: 'logits' };
  return layerConstants(graphOf(encoded(own, theta, foreign), foreign, names));
}

const described = ({ kind, shape }: LayerConstant): string => `${kind.split(' ')[0]} ${formatShape(shape)}`;

/** The parameters of our network, taken from the model's constants place by place. */
function placed(own: OwnNetwork, foreign: Foreign): Float32Array {
  const { metadata, bytes } = foreign.file;
  const names = { input: metadata.inputName, output: metadata.outputName };
  const theirs = layerConstants(graphOf(bytes, foreign, names));
  const parameters = markedConstants(own, foreign, parameter => parameter + 1);
  const places = markedConstants(own, foreign, (_, place) => place + 1);
  const length = Math.max(theirs.length, parameters.length);
  for (let layer = 0; layer < length; layer++) {
    const [other, mine] = [theirs[layer], parameters[layer]];
    if (other !== undefined && mine !== undefined && described(other) === described(mine)) continue;
    const text = (one: LayerConstant | undefined): string => (one === undefined ? 'nothing' : described(one));
    refuse(foreign, `constant ${layer + 1} of its layers is ${text(other)}, and ${text(mine)} in the network`);
  }
  const starts: number[] = [];
  let total = 0;
  for (const { shape } of own.specs) {
    starts.push(total);
    total += elementCount(shape);
  }
  const theta = new Float32Array(total);
  const isPlaced = new Uint8Array(total);
  theirs.forEach(({ data }, layer) => {
    const [marks, at] = [parameters[layer]!.data, places[layer]!.data];
    for (let i = 0; i < data.length; i++) {
      const start = starts[marks[i]! - 1];
      const index = start === undefined ? -1 : start + at[i]! - 1;
      if (!Number.isInteger(index) || !(index >= 0 && index < total)) {
        refuse(foreign, 'its normalisation is written as arithmetic (batch normalisation)');
      }
      theta[index] = data[i]!;
      isPlaced[index] = 1;
    }
  });
  if (isPlaced.includes(0)) refuse(foreign, 'a parameter of the network is in none of its layers');
  return theta;
}

/** Holds our network with the parameters against the model, on noise. */
async function assertSameLogits(engine: Engine, own: OwnNetwork, foreign: Foreign, theta: Float32Array) {
  const { channels, patch } = foreign.file.metadata;
  const source = random('start', foreign.sha256);
  const noise = Float32Array.from({ length: channels * elementCount(patch) }, () => source.normal());
  const image = tensor('float32', noise, [1, channels, ...patch]);
  const run = async (session: Awaited<ReturnType<Engine['load']>>, input: string, output: string) => {
    try {
      const result = (await session.run({ [input]: image }))[output];
      invariant(result !== undefined, 'a model gives its output');
      return result.data as Float32Array;
    } finally {
      await session.dispose();
    }
  };
  const { file } = foreign;
  const { inputName, outputName } = file.metadata;
  const expected = await run(await openForFewWindows(engine, file), inputName, outputName);
  const names = { inputName: 'image', outputName: 'logits' } as const;
  const ours: ModelFile = {
    ...file,
    bytes: encoded(own, theta, foreign),
    info: { ...file.info, ...names },
    metadata: { ...file.metadata, ...names },
  };
  const got = await run(await openForFewWindows(engine, ours), names.inputName, names.outputName);
  let [largest, furthest] = [0, got.length === expected.length ? 0 : Number.NaN];
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]!));
    furthest = Math.max(furthest, Math.abs(expected[i]! - got[i]!));
  }
  if (furthest <= TOLERANCE * largest) return;
  refuse(
    foreign,
    `with them it gives other logits, up to ${formatNumber(furthest, 3)} away on noise where the largest are ${formatNumber(largest, 3)}`,
  );
}

/**
 * The parameters of a model from elsewhere under the names of our network.
 * @throws {InputError} E_START naming the first layer that differs, or how far its logits are off
 */
export async function namedAfter(engine: Engine, foreign: Foreign): Promise<StartSource> {
  const { file, classes, settings, sha256 } = foreign;
  const { channels, patch, axes, activation } = file.metadata;
  if (axes !== 'NCZYX') refuse(foreign, `its axes are ${axes}, and parameters lie along z, y, x`);
  if (activation === 'none') refuse(foreign, 'it gives probabilities, so logits cannot be compared');
  const architecture = architectureOf(settings, classes.length);
  outputSize(architecture.geometry, patch as Triple);
  const specs = collectParameters(architecture.network, [1, channels, ...patch]);
  if (parameterCount(specs) >= LARGEST_MARK && specs.some(({ shape }) => elementCount(shape) >= LARGEST_MARK)) {
    refuse(foreign, `a parameter has more than ${LARGEST_MARK} numbers`);
  }
  const own = { architecture, specs };
  const theta = placed(own, foreign);
  await assertSameLogits(engine, own, foreign, theta);
  let start = 0;
  const tensors = specs.map(({ name, shape }) => {
    const data = theta.subarray(start, start + elementCount(shape));
    start += data.length;
    return [name, { shape, data }] as const;
  });
  return { path: file.path, sha256, tensors: new Map(tensors), classes, facts: file.metadata };
}
