/**
 * Which convolutions of a network become 8-bit ones, how many planes share the lanes at each size, and of which tensors
 * the ranges must be known. A convolution qualifies if its kernel is constant, it has one group and stride 1 and its
 * result has the size of its image. Convolutions of single voxels stay real: they cost little, and the logits come from
 * one.
 */
import { AXES } from '../../core/axes.ts';
import type { Triple } from '../../core/shape.ts';
import { type Graph, isOp, reachable, type Value } from '../../graph/graph.ts';
import { spatial } from '../../graph/infer.ts';

/** Lanes that an 8-bit kernel computes side by side. */
const LANES = 16;
/** Lanes where no convolution has fewer channels than {@link LANES}: a U-Net 16-32-64 takes 0.9 of the time. */
const WIDE_LANES = 32;

/** One image that an 8-bit convolution reads. */
export interface Source {
  readonly value: Value;
  /** Factors by which it is upsampled before. */
  readonly zoom: Triple;
}

/** The images that a convolution reads, in the order of its channels. */
export function sourcesOf(image: Value): readonly Source[] {
  if (isOp(image, 'Concat') && image.attributes.axis === 1) return image.inputs.flatMap(sourcesOf);
  if (isOp(image, 'Resize')) return [{ value: image.inputs[0] as Value, zoom: image.attributes.scales }];
  return [{ value: image, zoom: [1, 1, 1] }];
}

/** The tensor whose numbers a source has: pooling takes the largest of them, in 8 bits as well. */
export function rootOf(value: Value): Value {
  return isOp(value, 'MaxPool') ? rootOf(value.inputs[0] as Value) : value;
}

/** Whether a value is a convolution that can be computed in 8 bits. */
function qualifies(value: Value): value is Value<'Conv'> {
  if (!isOp(value, 'Conv') || !isOp(value.inputs[1] as Value, 'Constant')) return false;
  const { kernel, strides, dilations, pads, group, upsample } = value.attributes;
  return (
    group === 1 &&
    kernel.some(taps => taps > 1) &&
    [...strides, ...upsample].every(step => step === 1) &&
    AXES.every(axis => {
      const half = (dilations[axis] * (kernel[axis] - 1)) / 2;
      return pads[axis] === half && pads[axis + 3] === half && Number.isInteger(half);
    })
  );
}

/** The largest power of two that divides the depth and with which the lanes are not exceeded. */
function packOf(depth: number, channels: number, lanes: number): number {
  let pack = 1;
  while (depth % (2 * pack) === 0 && 2 * pack * channels <= lanes) pack *= 2;
  return pack;
}

/** What is computed in 8 bits. */
export interface EightBitPlan {
  readonly convolutions: ReadonlySet<Value>;
  /** Planes that share the lanes of an image. */
  readonly pack: (value: Value) => number;
  /** Tensors that are rounded to 8 bits before a convolution; convolutions that read several make a group. */
  readonly groups: readonly (readonly Value[])[];
}

/** Joins lists that share a member. */
function joined(lists: readonly (readonly Value[])[]): readonly (readonly Value[])[] {
  let groups: (readonly Value[])[] = [];
  for (const list of lists) {
    const touching = groups.filter(group => group.some(value => list.includes(value)));
    groups = [...groups.filter(group => !touching.includes(group)), [...new Set([...touching.flat(), ...list])]];
  }
  return groups;
}

/** Plans the 8-bit form of a network. */
export function planEightBit(graph: Graph): EightBitPlan {
  const convolutions = reachable(Object.values(graph.outputs)).filter(qualifies);
  const sizeOf = (value: Value): string => String(spatial(value.shape));
  const fewest = new Map<string, number>();
  for (const value of convolutions) {
    const channels = value.shape[1] as number;
    fewest.set(sizeOf(value), Math.min(channels, fewest.get(sizeOf(value)) ?? channels));
  }
  const lanes = Math.min(...fewest.values()) < LANES ? LANES : WIDE_LANES;
  return {
    convolutions: new Set(convolutions),
    pack: value => packOf(value.shape[2] as number, fewest.get(sizeOf(value)) ?? lanes, lanes),
    groups: joined(convolutions.map(({ inputs }) => sourcesOf(inputs[0] as Value).map(({ value }) => rootOf(value)))),
  };
}
