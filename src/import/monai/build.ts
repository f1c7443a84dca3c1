/** Builds a graph over a window from a network and its weights. */
import { InputError, ShapeError } from '../../core/errors.ts';
import type { Triple } from '../../core/shape.ts';
import { GraphBuilder } from '../../graph/graph.ts';
import type { Axes } from '../../inference/axes.ts';
import { IMAGE, type ImportedModel, LOGITS } from '../imported.ts';
import type { Space } from '../networks/space.ts';
import type { Weights } from '../weights.ts';
import type { MonaiNetwork } from './network.ts';

/** Voxels of a window along an axis. */
const LONGEST_AXIS = 2048;

/** Size and axes of a window. */
export interface BuildOptions {
  /** Size, D, H, W. */
  readonly patch: Triple;
  /** Order of the axes of the arrays in training. */
  readonly axes: Axes;
}

/** MONAI loads images as x, y, z, so the axes of its kernels have this order. */
function spaceOf(rank: 2 | 3, axes: Axes): Space {
  if (axes === 'NCZYX' || axes === 'NCYX') return { rank, order: [0, 1, 2] };
  if (axes === 'NCXYZ' || axes === 'NCXY') return { rank, order: rank === 3 ? [2, 1, 0] : [0, 2, 1] };
  throw new InputError('E_IMPORT_NETWORK', `PyTorch has channels first; axes are NCXYZ or NCZYX, not ${axes}.`);
}

/**
 * Builds the network with its weights.
 * @throws {InputError} E_IMPORT_FIT if weights or window are not the network's
 */
export function buildMonai(
  network: MonaiNetwork,
  weights: Weights,
  { patch, axes }: BuildOptions,
): Pick<ImportedModel, 'graph' | 'parameters' | 'sourceAxes'> {
  if (patch.some(length => length > LONGEST_AXIS)) {
    throw new InputError(
      'E_IMPORT_FIT',
      `a window of ${patch.toReversed().join(' x ')} voxels is larger than any volume.`,
    );
  }
  const builder = new GraphBuilder();
  const image = builder.input(IMAGE, [1, network.inChannels, ...patch]);
  const material = { builder, weights, space: spaceOf(network.rank, axes) };
  try {
    const logits = network.build(material, image);
    weights.assertAllTaken(network.isRepeated);
    return { graph: { outputs: { [LOGITS]: logits } }, parameters: weights.taken, sourceAxes: axes };
  } catch (cause) {
    if (!(cause instanceof ShapeError)) throw cause;
    throw new InputError(
      'E_IMPORT_FIT',
      `the network of ${weights.path} cannot take a window of ${patch.toReversed().join(' x ')} voxels (x y z): ${cause.message}. Choose ` +
        'another with --patch x,y,z: a multiple of the product of its strides along every axis.',
      { cause },
    );
  }
}
