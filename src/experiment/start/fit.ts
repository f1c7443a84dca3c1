/**
 * Fits the parameters of a source onto a network, by name and shape. Parameters whose shape depends on the classes (the
 * head) are fitted channel by channel, by the names of the classes, so that classes that both have keep what was learnt
 * of them and new ones start at random.
 */
import { elementCount, type Shape, sameShape } from '../../core/shape.ts';
import type { ParameterSpec } from '../../nn/parameters.ts';
import type { StartSource } from './source.ts';

/** A network that is to start from a source. */
export interface StartedNetwork {
  readonly specs: readonly ParameterSpec[];
  /** Names of the parameters with one row per class. */
  readonly classParameters: ReadonlySet<string>;
  /** Name of the class of each channel of the logits. */
  readonly classes: readonly string[];
}

/** What fitted and what did not, by name. */
export interface StartFit {
  /** Parameters that are taken over whole. */
  readonly fitted: readonly string[];
  /** Parameters of the head, of which the rows of some classes are taken over. */
  readonly partly: readonly string[];
  /** Classes whose channels are taken over. */
  readonly classes: readonly string[];
  /** Classes whose channels start at random. */
  readonly newClasses: readonly string[];
  /** Parameters that the source has in another shape. */
  readonly otherShape: readonly { readonly name: string; readonly shape: Shape; readonly source: Shape }[];
  /** Parameters that the source does not have. */
  readonly missing: readonly string[];
  /** Parameters of the source that the network does not have. */
  readonly unused: readonly string[];
}

/** For each class its channel in the source; undefined where it is new. */
function sourceChannels(
  classes: readonly string[],
  source: StartSource,
  rows: number,
): readonly (number | undefined)[] {
  const known = source.classes;
  // a checkpoint alone does not name its classes
  if (known?.length !== rows) return classes.map((_, index) => (classes.length === rows ? index : undefined));
  return classes.map(name => {
    const index = known.indexOf(name);
    return index < 0 ? undefined : index;
  });
}

const withoutFirst = (shape: Shape): Shape => shape.slice(1);

/**
 * Fits a source onto a network.
 * @param theta initial parameters, in the order of the specs; those that fit are replaced in place
 */
export function fitStart(theta: Float32Array, network: StartedNetwork, source: StartSource): StartFit {
  const [fitted, partly, missing]: [string[], string[], string[]] = [[], [], []];
  const otherShape: { name: string; shape: Shape; source: Shape }[] = [];
  let channels: readonly (number | undefined)[] = [];
  let start = 0;
  for (const { name, shape } of network.specs) {
    const own = theta.subarray(start, start + elementCount(shape));
    start += own.length;
    const found = source.tensors.get(name);
    if (found === undefined) {
      missing.push(name);
    } else if (network.classParameters.has(name) && sameShape(withoutFirst(shape), withoutFirst(found.shape))) {
      const row = own.length / (shape[0] as number);
      const from = sourceChannels(network.classes, source, found.shape[0] as number);
      channels = from;
      from.forEach((channel, index) => {
        if (channel !== undefined) own.set(found.data.subarray(channel * row, (channel + 1) * row), index * row);
      });
      if (from.every(channel => channel !== undefined)) fitted.push(name);
      else if (from.some(channel => channel !== undefined)) partly.push(name);
    } else if (sameShape(shape, found.shape)) {
      own.set(found.data);
      fitted.push(name);
    } else {
      otherShape.push({ name, shape, source: found.shape });
    }
  }
  const names = new Set(network.specs.map(({ name }) => name));
  return {
    fitted,
    partly,
    classes: network.classes.filter((_, index) => channels[index] !== undefined),
    newClasses: network.classes.filter((_, index) => channels[index] === undefined),
    otherShape,
    missing,
    unused: [...source.tensors.keys()].filter(name => name.includes('.') && !names.has(name)),
  };
}
