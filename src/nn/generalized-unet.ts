/**
 * The generalized U-Net of deepvoxnet2: kernels, features and subsample factors per level and axis, `same` or `valid`
 * padding, three upsamplings, residual or dense blocks, and a head of convolutions at full resolution. Blocks are
 * pre-activated: normalisation, activation, convolution (arXiv:1603.05027). Under valid padding every path stays
 * symmetric about the centre of the input, so skips and shortcuts are cropped centrally; where a difference is odd, one
 * path lies half a voxel off and is averaged over neighbours first. Its named features are the results of the blocks,
 * before the next normalisation: `down0` (finest) to the deepest, and `up0` (finest) upwards.
 * Source: github.com/JeroenBertels/deepvoxnet2, whose parameters it takes and whose size arithmetic it follows, except
 * that linear upsampling by even factors interpolates on the grid of the skip, so that it has legal sizes.
 */
import { type Axis, mapAxes } from '../core/axes.ts';
import type { Triple } from '../core/shape.ts';
import type { GraphBuilder, Value } from '../graph/graph.ts';
import { spatial } from '../graph/infer.ts';
import { dropout } from './dropout.ts';
import { type Geometry, outputSize, type Padding, reach } from './geometry.ts';
import { type HeadOptions, headLayers } from './head.ts';
import {
  type Activation,
  activate,
  convolution,
  gainBefore,
  type LayerContext,
  type NetworkNormalization,
  normalize,
} from './layers.ts';
import type { Network, ParameterSource } from './parameters.ts';
import { cropCentre, type Pooling, pool, shiftHalf, type Upsampling, upsample, upsampledLength } from './resize.ts';

/** Values per convolution on the way down and on the way up of a level. */
export type Sides<T> = readonly [down: readonly T[], up: readonly T[]];

export interface GeneralizedUnetOptions {
  /** Voxels of the input per voxel of the level, per level, D, H, W. Each divides the next; the first may exceed 1. */
  readonly subsampleFactors: readonly Triple[];
  /** Kernels per level; the deepest level has none on the way up. Even kernels need valid padding. */
  readonly kernels: readonly Sides<Triple>[];
  /** Channels, nested like the kernels. */
  readonly features: readonly Sides<number>[];
  readonly head: HeadOptions;
  readonly padding: Padding;
  readonly pooling: Pooling;
  readonly upsampling: Upsampling;
  readonly activation: Activation;
  readonly normalization: NetworkNormalization;
  /** Normalises before the last convolution of a block and the first of the head only. */
  readonly relaxedNormalization: boolean;
  readonly connections: 'none' | 'residual' | 'dense';
  /** Number of logit channels. */
  readonly classes: number;
}

type Sized = Pick<GeneralizedUnetOptions, 'subsampleFactors' | 'kernels' | 'head' | 'padding' | 'upsampling'>;

/** Factors between a level and the next finer one (the input for the first). */
function stepsOf(subsampleFactors: readonly Triple[]): readonly Triple[] {
  return subsampleFactors.map((factors, level) => {
    const finer = subsampleFactors[level - 1] ?? [1, 1, 1];
    return mapAxes(axis => factors[axis] / finer[axis]);
  });
}

/**
 * Lengths along one axis on the way down, where the skips branch off; undefined if a pooling does not divide the length
 * or nothing is left.
 */
function lengthsDown(options: Sized, length: number, axis: Axis): readonly number[] | undefined {
  const lengths: number[] = [];
  let current = length;
  for (const [level, step] of stepsOf(options.subsampleFactors).entries()) {
    if (current % step[axis] !== 0) return undefined;
    current /= step[axis];
    if (options.padding === 'valid') current -= reach((options.kernels[level] as Sides<Triple>)[0], axis);
    if (current < 1) return undefined;
    lengths.push(current);
  }
  return lengths;
}

function outputLength(options: Sized, length: number, axis: Axis): number | undefined {
  const { kernels, head, padding, upsampling } = options;
  const down = lengthsDown(options, length, axis);
  if (down === undefined) return undefined;
  const steps = stepsOf(options.subsampleFactors);
  let current = down.at(-1) as number;
  for (let level = down.length - 1; level >= 0; level--) {
    // on the way to level - 1, or to the input's own grid
    current = upsampledLength(current, (steps[level] as Triple)[axis], upsampling, padding);
    const target = level === 0 ? length : (down[level - 1] as number);
    if (current > target) return undefined;
    current -= (target - current) % 2;
    const convolutions = level === 0 ? head.kernels : (kernels[level - 1] as Sides<Triple>)[1];
    if (padding === 'valid') current -= reach(convolutions, axis);
    if (current < 1) return undefined;
  }
  return (length - current) % 2 === 0 ? current : undefined;
}

/** Sizes of a generalized U-Net. */
export function generalizedUnetGeometry(options: Sized): Geometry {
  const { subsampleFactors, kernels, head } = options;
  const fieldOfView = mapAxes(axis =>
    kernels.reduce(
      (sum, [down, up], level) =>
        sum + (reach(down, axis) + reach(up, axis)) * (subsampleFactors[level] as Triple)[axis],
      1 + reach(head.kernels, axis),
    ),
  );
  return { fieldOfView, outputLength: (length, axis) => outputLength(options, length, axis) };
}

/** Moves `value` onto the grid of a target size by half a voxel along the axes where the difference is odd. */
function onGridOf(builder: GraphBuilder, value: Value, target: Triple): Value {
  const size = spatial(value.shape);
  return shiftHalf(
    builder,
    value,
    mapAxes(axis => (target[axis] - size[axis]) % 2 !== 0),
  );
}

/** Context in which the blocks of one network are built. */
interface Site {
  readonly builder: GraphBuilder;
  readonly parameters: ParameterSource;
  readonly options: GeneralizedUnetOptions;
}

function named<T>({ builder, parameters }: Site, name: string, build: (context: LayerContext) => T): T {
  return builder.scope(name, () => build({ builder, parameters, name }));
}

/** Normalisation if the scheme has it, then activation. */
function preActivate(site: Site, name: string, input: Value, isNormalized: boolean): Value {
  const { normalization, activation } = site.options;
  return named(site, name, context =>
    activate(context, normalize(context, input, isNormalized ? normalization : 'none'), activation),
  );
}

/**
 * The convolutions of one side of a level, with their shortcut. The first block of the network starts without
 * pre-activation.
 */
function block(site: Site, prefix: string, input: Value, side: { level: number; way: 0 | 1 }): Value {
  const { builder, options } = site;
  const { padding, connections, activation, relaxedNormalization } = options;
  const kernels = (options.kernels[side.level] as Sides<Triple>)[side.way];
  const features = (options.features[side.level] as Sides<number>)[side.way];
  const last = kernels.length - 1;
  const isFirst = side.level === 0 && side.way === 0;
  const gain = gainBefore(activation);
  const centred = (value: Value, size: Triple): Value => cropCentre(builder, onGridOf(builder, value, size), size);
  let [value, shortcut] = [input, input];
  kernels.forEach((kernel, index) => {
    if (connections === 'dense' && index > 0 && index < last) {
      value = builder.concat([value, centred(shortcut, spatial(value.shape))], 1);
      shortcut = value;
    }
    if (!isFirst || index > 0) {
      value = preActivate(site, `${prefix}.norm${index}`, value, !relaxedNormalization || index === last);
    }
    const channels = features[index] as number;
    value = named(site, `${prefix}.conv${index}`, context =>
      convolution(context, value, { channels, kernel, padding, gain, bias: true }),
    );
  });
  if (connections !== 'residual' || kernels.length === 0) return value;
  const channels = value.shape[1] as number;
  const cropped = centred(shortcut, spatial(value.shape));
  const matched =
    cropped.shape[1] === channels
      ? cropped
      : named(site, `${prefix}.shortcut`, context =>
          convolution(context, cropped, { channels, kernel: [1, 1, 1], padding, gain: 1, bias: true }),
        );
  return builder.add(value, matched);
}

function buildHead(site: Site, input: Value): Value {
  const { head, padding, activation, relaxedNormalization, classes } = site.options;
  let value = input;
  for (const [index, { kernel, channels, rate, isLast }] of headLayers(head, classes).entries()) {
    value = preActivate(site, `head.norm${index}`, value, !relaxedNormalization || index === 0);
    value = named(site, `head.dropout${index}`, context => dropout(context, value, { rate, unit: 'voxel' }));
    value = named(site, `head.conv${index}`, context =>
      convolution(context, value, { channels, kernel, padding, gain: isLast ? 1 : gainBefore(activation), bias: true }),
    );
  }
  return value;
}

/** Builds the generalized U-Net. */
export function generalizedUnet(options: GeneralizedUnetOptions): Network {
  const { subsampleFactors, padding, pooling, upsampling } = options;
  const steps = stepsOf(subsampleFactors);
  const geometry = generalizedUnetGeometry(options);
  return (builder, image, parameters) => {
    outputSize(geometry, spatial(image.shape));
    const site: Site = { builder, parameters, options };
    const up = (value: Value, level: number): Value =>
      named(site, `upsample${level}`, context =>
        upsample(context, value, { factors: steps[level] as Triple, kind: upsampling, padding }),
      );
    const skips: Value[] = [];
    let value = image;
    for (const [level, step] of steps.entries()) {
      value = named(site, `pool${level}`, () => pool(builder, value, step, pooling));
      value = block(site, `down${level}`, value, { level, way: 0 });
      parameters.tap?.(`down${level}`, value);
      skips.push(value);
    }
    for (let level = steps.length - 2; level >= 0; level--) {
      const skip = skips[level] as Value;
      value = onGridOf(builder, up(value, level + 1), spatial(skip.shape));
      value = builder.concat([cropCentre(builder, skip, spatial(value.shape)), value], 1);
      value = block(site, `up${level}`, value, { level, way: 1 });
      parameters.tap?.(`up${level}`, value);
    }
    return buildHead(site, onGridOf(builder, up(value, 0), spatial(image.shape)));
  };
}
