/**
 * Which parameters of a network share their channels. A convolution makes a space of channels; what follows it without
 * mixing channels (normalisation, activation, pooling, a sum with a shortcut) stays in it, and a concatenation reads
 * several one after the other. So a network loses some channels consistently if every axis of every parameter loses
 * those of its spaces. Found by one walk over the network's own graph, so that no family is known here by name.
 */
import { invariant } from '../core/errors.ts';
import type { Shape } from '../core/shape.ts';
import { GraphBuilder, isOp, reachable, type Value } from '../graph/graph.ts';
import type { Network } from './parameters.ts';

/** A space of channels and how many it has. */
interface ChannelSpace {
  /** Name of a convolution kernel that makes it; `image` for the channels of the image. */
  readonly name: string;
  readonly size: number;
}

/** The spaces of a network. */
export interface ChannelSpaces {
  /** By parameter, for its first axis or its first two, the spaces whose channels it has one after the other. */
  readonly axes: ReadonlyMap<string, readonly (readonly ChannelSpace[])[]>;
  /** By space, the kernels that make it, and the axis of its channels in each. */
  readonly makers: ReadonlyMap<string, readonly { readonly kernel: string; readonly axis: 0 | 1 }[]>;
  /** The space of the logits. */
  readonly logits: string;
}

/** Name of the space of the image's channels. */
export const IMAGE_SPACE = 'image';
const PARAMETER = 'parameter ';

/** A reason why channels of a network cannot be left out. */
export class ChannelProblem extends Error {}

/** What is known of a value: the channels of a feature, or the vectors that it is computed from. */
interface Known {
  readonly feature: readonly ChannelSpace[] | undefined;
  readonly vectors: readonly string[];
}

function parameterOf(value: Value | undefined): string {
  const name = value !== undefined && isOp(value, 'Input') ? value.attributes.name : '';
  if (!name.startsWith(PARAMETER)) throw new ChannelProblem('a convolution has a kernel that is no parameter');
  return name.slice(PARAMETER.length);
}

/** Spaces that are one, since their features are added. */
class Union {
  readonly #parent = new Map<string, string>();

  root(name: string): string {
    const parent = this.#parent.get(name);
    return parent === undefined ? name : this.root(parent);
  }

  join(left: readonly ChannelSpace[], right: readonly ChannelSpace[]): void {
    if (left.length !== right.length || left.some(({ size }, index) => size !== right[index]?.size)) {
      throw new ChannelProblem('features of other layers are added up channel by channel');
    }
    left.forEach(({ name }, index) => {
      const [own, other] = [this.root(name), this.root((right[index] as ChannelSpace).name)];
      // the channels of the image keep their name
      if (own !== other) this.#parent.set(own === IMAGE_SPACE ? other : own, own === IMAGE_SPACE ? own : other);
    });
  }
}

/**
 * The spaces of a network's channels.
 * @throws {ChannelProblem} for a layer whose channels depend on each other in another way
 */
export function channelSpaces(network: Network, imageShape: Shape): ChannelSpaces {
  const builder = new GraphBuilder();
  const image = builder.input('image', imageShape);
  const logits = network(builder, image, {
    training: false,
    update: () => {},
    get: spec => builder.input(`${PARAMETER}${spec.name}`, spec.shape),
  });
  const union = new Union();
  const known = new Map<Value, Known>();
  const axes = new Map<string, readonly (readonly ChannelSpace[])[]>();
  const made: { readonly kernel: string; readonly axis: 0 | 1 }[] = [];
  const featureOf = (value: Value | undefined): readonly ChannelSpace[] => {
    const feature = value && known.get(value)?.feature;
    invariant(feature !== undefined, 'a convolution reads a feature');
    return feature;
  };
  const make = (kernel: string, size: number, axis: 0 | 1): Known => {
    made.push({ kernel, axis });
    return { feature: [{ name: kernel, size }], vectors: [] };
  };

  const convolved = (value: Value, group: number): Known => {
    const [input, kernel] = value.inputs;
    const name = parameterOf(kernel);
    const feature = featureOf(input);
    const channels = value.shape[1] as number;
    if (group === 1) {
      axes.set(name, [[{ name, size: channels }], feature]);
      return make(name, channels, 0);
    }
    if (group !== channels || group !== input?.shape[1]) {
      throw new ChannelProblem(`${name} has groups of channels`);
    }
    axes.set(name, [feature]);
    return { feature, vectors: [] };
  };
  const transposed = (value: Value, group: number): Known => {
    const [input, kernel] = value.inputs;
    const name = parameterOf(kernel);
    if (group !== 1) throw new ChannelProblem(`${name} has groups of channels`);
    const channels = value.shape[1] as number;
    axes.set(name, [featureOf(input), [{ name, size: channels }]]);
    return make(name, channels, 1);
  };
  const passed = (value: Value): Known => {
    const inputs = value.inputs.map(input => known.get(input) as Known);
    const [first, ...others] = inputs.flatMap(({ feature }) => (feature === undefined ? [] : [feature]));
    const vectors = inputs.flatMap(input => input.vectors);
    if (first === undefined) return { feature: undefined, vectors };
    for (const other of others) union.join(first, other);
    for (const name of vectors) axes.set(name, [first]);
    return { feature: first, vectors: [] };
  };

  for (const value of reachable([logits])) {
    if (value === image) {
      known.set(value, { feature: [{ name: IMAGE_SPACE, size: imageShape[1] as number }], vectors: [] });
    } else if (isOp(value, 'Input')) {
      known.set(value, { feature: undefined, vectors: value.shape.length === 1 ? [parameterOf(value)] : [] });
    } else if (isOp(value, 'Conv')) {
      known.set(value, convolved(value, value.attributes.group));
    } else if (isOp(value, 'ConvTranspose')) {
      known.set(value, transposed(value, value.attributes.group));
    } else if (isOp(value, 'Concat') && value.attributes.axis === 1) {
      known.set(value, { feature: value.inputs.flatMap(featureOf), vectors: [] });
    } else known.set(value, passed(value));
  }

  const rooted = (spaces: readonly ChannelSpace[]): readonly ChannelSpace[] =>
    spaces.map(({ name, size }) => ({ name: union.root(name), size }));
  const makers = new Map<string, { readonly kernel: string; readonly axis: 0 | 1 }[]>();
  for (const maker of made) {
    const space = union.root(maker.kernel);
    makers.set(space, [...(makers.get(space) ?? []), maker]);
  }
  const [last, ...more] = featureOf(logits);
  if (last === undefined || more.length > 0) throw new ChannelProblem('the logits come from several layers');
  return {
    axes: new Map([...axes].map(([name, spaces]) => [name, spaces.map(rooted)])),
    makers,
    logits: union.root(last.name),
  };
}
