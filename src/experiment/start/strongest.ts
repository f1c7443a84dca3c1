/**
 * A network that starts from the strongest channels of a wider one of the same family. In every space of channels the
 * filters with the largest sum of absolute weights are kept, in their order, and every parameter takes the rows and
 * columns of the channels that are kept, through skips and normalisations. The classes stay.
 * Source: the criterion is that of Li et al., Pruning Filters for Efficient ConvNets, arXiv:1608.08710; filters whose
 * results are added up are judged together, as there.
 */
import { InputError } from '../../core/errors.ts';
import { elementCount, formatShape, type Shape } from '../../core/shape.ts';
import { type ChannelSpaces, IMAGE_SPACE } from '../../nn/channel-spaces.ts';
import type { ParameterSpec } from '../../nn/parameters.ts';
import type { StartFit } from './fit.ts';
import type { StartSource } from './source.ts';

type SourceTensor = { readonly shape: Shape; readonly data: Float32Array };

/** A network that is to start from a wider one. */
export interface NarrowNetwork {
  readonly specs: readonly ParameterSpec[];
  readonly spaces: ChannelSpaces;
  /** Name of the class of each channel of the logits. */
  readonly classes: readonly string[];
}

/** What fitted, and by space the channels of the wider network that are kept. */
export interface StrongestFit extends StartFit {
  readonly channels: Readonly<Record<string, readonly number[]>>;
}

const FAMILY =
  'Teacher and student must be of one family with the same levels, convolutions and kernels, and no layer of the student may be wider than that of the teacher.';

function refuse(reason: string): never {
  throw new InputError('E_START', `student.from: ${reason}. ${FAMILY}`);
}

/** The tensor of the wider network for a parameter, of as many axes and the same kernel. */
function tensorOf(source: StartSource, { name, shape }: Pick<ParameterSpec, 'name' | 'shape'>): SourceTensor {
  const found = source.tensors.get(name);
  if (found === undefined) refuse(`${source.path} has no ${name}`);
  const kernel = (one: Shape): string => String(one.slice(2));
  if (found.shape.length !== shape.length || kernel(found.shape) !== kernel(shape)) {
    refuse(`${name} is ${formatShape(found.shape)} in ${source.path} and ${formatShape(shape)} in the student`);
  }
  return found;
}

/** Sum of absolute weights of every filter of a kernel. */
function filterNorms({ shape, data }: SourceTensor, axis: 0 | 1): Float64Array {
  const [first, second] = shape as readonly [number, number];
  const taps = data.length / (first * second);
  const norms = new Float64Array(axis === 0 ? first : second);
  for (let i = 0; i < data.length; i++) {
    const row = Math.floor(i / (second * taps));
    norms[axis === 0 ? row : Math.floor(i / taps) % second]! += Math.abs(data[i]!);
  }
  return norms;
}

/** The places of the largest values, ascending; of equal ones the first. */
function largest(values: Float64Array, count: number): readonly number[] {
  const order = [...values.keys()].sort((left, right) => values[right]! - values[left]! || left - right);
  return order.slice(0, count).sort((left, right) => left - right);
}

/** A space in the wider network, and which of its channels are kept; undefined is a class that is new. */
interface Kept {
  readonly width: number;
  readonly channels: readonly (number | undefined)[];
}

function keptChannels({ specs, spaces, classes }: NarrowNetwork, source: StartSource): ReadonlyMap<string, Kept> {
  const specOf = new Map(specs.map(spec => [spec.name, spec]));
  const kept = new Map<string, Kept>();
  for (const [space, makers] of spaces.makers) {
    const all = makers.map(({ kernel, axis }) => {
      const spec = specOf.get(kernel) as ParameterSpec;
      const tensor = tensorOf(source, spec);
      return { kernel, count: spec.shape[axis] as number, norms: filterNorms(tensor, axis) };
    });
    const [first] = all as [(typeof all)[0], ...typeof all];
    const width = first.norms.length;
    if (all.some(({ norms }) => norms.length !== width)) refuse(`${source.path} has other shortcuts around ${space}`);
    if (space === spaces.logits) {
      const known = source.classes?.length === width ? source.classes : undefined;
      const channels = classes.map(name => {
        const index = known?.indexOf(name) ?? -1;
        return index < 0 ? undefined : index;
      });
      kept.set(space, { width, channels });
      continue;
    }
    if (first.count > width) {
      refuse(`${first.kernel} has ${first.count} channels in the student and ${width} in ${source.path}`);
    }
    const total = new Float64Array(width);
    for (const { norms } of all) for (let index = 0; index < width; index++) total[index]! += norms[index]!;
    kept.set(space, { width, channels: largest(total, first.count) });
  }
  return kept;
}

/**
 * Cuts the strongest channels of a source into a network.
 * @param theta initial parameters, in the order of the specs; those that are taken over are replaced in place
 * @throws {InputError} E_START if the network does not lie in the source
 */
export function fitStrongest(theta: Float32Array, network: NarrowNetwork, source: StartSource): StrongestFit {
  const { specs, spaces, classes } = network;
  const kept = keptChannels(network, source);
  /** For each channel of an axis its place in the source. */
  const placesOf = (name: string, axis: number, own: number, width: number): readonly (number | undefined)[] => {
    const parts = spaces.axes.get(name)?.[axis];
    if (parts === undefined) return own === width ? Array.from({ length: own }, (_, index) => index) : [];
    let start = 0;
    const places = parts.flatMap(({ name: space, size }) => {
      const one: Kept =
        space === IMAGE_SPACE
          ? { width: size, channels: Array.from({ length: size }, (_, index) => index) }
          : (kept.get(space) as Kept);
      const from = start;
      start += one.width;
      return one.channels.map(channel => (channel === undefined ? undefined : from + channel));
    });
    return start === width ? places : [];
  };
  const [fitted, partly]: [string[], string[]] = [[], []];
  let start = 0;
  for (const { name, shape } of specs) {
    const own = theta.subarray(start, start + elementCount(shape));
    start += own.length;
    const tensor = tensorOf(source, { name, shape });
    const [rows, columns = 1] = shape as readonly [number, number?];
    const [sourceRows, sourceColumns = 1] = tensor.shape as readonly [number, number?];
    const rowPlaces = placesOf(name, 0, rows, sourceRows);
    const columnPlaces = shape.length < 2 ? [0] : placesOf(name, 1, columns, sourceColumns);
    if (rowPlaces.length !== rows || columnPlaces.length !== columns) {
      refuse(`${name} is ${formatShape(tensor.shape)} in ${source.path} and ${formatShape(shape)} in the student`);
    }
    const taps = own.length / (rows * columns);
    rowPlaces.forEach((row, i) => {
      columnPlaces.forEach((column, j) => {
        if (row === undefined || column === undefined) return;
        const from = (row * sourceColumns + column) * taps;
        own.set(tensor.data.subarray(from, from + taps), (i * columns + j) * taps);
      });
    });
    const isWhole = [...rowPlaces, ...columnPlaces].every(place => place !== undefined);
    if (isWhole) fitted.push(name);
    else partly.push(name);
  }
  const ofClasses = kept.get(spaces.logits)?.channels ?? [];
  const names = new Set(specs.map(({ name }) => name));
  return {
    fitted,
    partly,
    classes: classes.filter((_, index) => ofClasses[index] !== undefined),
    newClasses: classes.filter((_, index) => ofClasses[index] === undefined),
    otherShape: [],
    missing: [],
    unused: [...source.tensors.keys()].filter(name => name.includes('.') && !names.has(name)),
    channels: Object.fromEntries(
      [...kept]
        .filter(([space]) => space !== spaces.logits)
        .map(([space, { channels }]) => [space, channels as number[]]),
    ),
  };
}
