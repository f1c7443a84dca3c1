/**
 * Runs a model over an image of any size in overlapping windows and blends the probabilities.
 *
 * Windows go through the image along its outermost axis. A slice that no later window touches is finished and passed
 * on; only the slices under the current row of windows are held, so memory is the image, one window's depth of slices
 * and one batch, whatever the number of windows. The output of a model may be smaller than its input (valid padding):
 * it is then the middle of the input, and the outputs tile the image. Beyond the image a window contains the
 * image's minimum; the image itself is not copied. Arrays are [C, D, H, W] and [K, H, W], row-major. Nothing here knows
 * millimetres or label values.
 */

import { type Axis, mapAxes } from '../core/axes.ts';
import { InputError, WorkError } from '../core/errors.ts';
import { channelExtents } from '../core/extent.ts';
import { elementCount, formatShape, sameShape, type Triple } from '../core/shape.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import type { Session } from '../runtime/engine.ts';
import { type MirrorAxis, mirror, mirrorings } from './mirroring.ts';
import { insideRange, type Placement, placements, type Weighting } from './placements.ts';
import { activate, type OutputActivation } from './probabilities.ts';

/** Settings of the sliding window that the user chooses. */
export interface WindowChoice {
  /** Fraction of a window's output that its neighbour also covers, in [0, 1); 0.5 if not given. */
  readonly overlap?: number;
  /** Weighting of the voxels of a window; `gaussian` if not given. */
  readonly weighting?: Weighting;
  /**
   * Axes along which the model also sees each window flipped; its probabilities are averaged over all 2^n views. Null
   * or not given: those that the model states.
   */
  readonly mirror?: readonly MirrorAxis[] | null;
}

/** Settings of the sliding window, and callbacks. */
export interface WindowOptions extends WindowChoice {
  /** Number of windows per run if the model leaves it open; 1 if not given. The last run of a row may hold fewer. */
  readonly batch?: number;
  /** Called after every run with the number of finished windows. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops between runs by throwing the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface SlidingWindowOptions extends WindowOptions {
  readonly session: Session;
  /** Normalised intensities, [C, D, H, W]. */
  readonly image: Float32Array;
  readonly channels: number;
  /** Size [D, H, W] of the image. */
  readonly size: Triple;
  /** Size [D, H, W] of the model's input. */
  readonly window: Triple;
  /** Size [D, H, W] of the model's output, in the middle of the input; the whole input if not given. */
  readonly output?: Triple;
  /** Number of channels of the model's output. */
  readonly classes: number;
  readonly activation: OutputActivation;
  /** Whether the model is said to give probabilities by itself: then values outside of 0 to 1 are refused. */
  readonly areProbabilities?: boolean;
  readonly inputName: string;
  readonly outputName: string;
  /** The only batch size that the model accepts; smaller groups of windows are filled up. Any batch if not given. */
  readonly fixedBatch?: number;
}

/** The windows of one row, which have the same position along D. */
type Place = readonly [d: Placement, h: Placement, w: Placement];

/** Values that are the same for all windows. */
interface Job extends SlidingWindowOptions {
  readonly output: Triple;
  /** Number of voxels of the input on each side of the output. */
  readonly margin: Triple;
  /** Value beyond the image, per channel. */
  readonly fill: Float32Array;
  /** Number of windows per run, and size of the batch that is fed. */
  readonly batch: number;
  readonly views: readonly (readonly MirrorAxis[])[];
}

/**
 * Probabilities of every class at every voxel, slice by slice along D: sum over windows of weight times probability,
 * the weights summing to 1.
 * @returns [K, H, W] of slices 0, 1, ...; each is valid until the next is asked for
 * @throws {InputError} E_WINDOW for an impossible window, overlap or batch; E_MODEL_OUTPUT if the model gives another
 * shape or type; E_MODEL_ACTIVATION if what should be probabilities lies outside of 0 to 1
 * @throws {WorkError} E_NOT_FINITE if the model gives NaN
 */
export async function* probabilitySlices(options: SlidingWindowOptions): AsyncGenerator<Float32Array, void> {
  const job = prepare(options);
  const { size, output, classes } = job;
  const [alongD, alongH, alongW] = placementsPerAxis(job);
  const total = alongD.length * alongH.length * alongW.length;
  const [depth, height, width] = size;
  const slots = Array.from({ length: Math.min(depth, output[0]) }, () => new Float32Array(classes * height * width));
  const input = new Float32Array(job.batch * job.channels * elementCount(job.window));
  let done = 0;
  for (const [row, d] of alongD.entries()) {
    const places = alongH.flatMap(h => alongW.map((w): Place => [d, h, w]));
    for (let first = 0; first < places.length; first += job.batch) {
      options.signal?.throwIfAborted();
      const group = places.slice(first, first + job.batch);
      await addWindows(slots, group, { job, input });
      done += group.length;
      options.onProgress?.(done, total);
    }
    const finished = alongD[row + 1]?.start ?? depth;
    for (let z = Math.max(0, d.start); z < finished; z++) {
      const slice = slots[z % slots.length]!;
      yield slice;
      slice.fill(0);
    }
  }
}

/**
 * The slices of {@link probabilitySlices} in one array.
 * @returns [K, D, H, W]
 */
export async function slidingWindow(options: SlidingWindowOptions): Promise<Float32Array> {
  const [depth, height, width] = options.size;
  const result = new Float32Array(options.classes * depth * height * width);
  const area = height * width;
  let z = 0;
  for await (const slice of probabilitySlices(options)) {
    for (let k = 0; k < options.classes; k++) {
      result.set(slice.subarray(k * area, (k + 1) * area), (k * depth + z) * area);
    }
    z++;
  }
  return result;
}

type WindowLayout = Pick<SlidingWindowOptions, 'size' | 'window' | 'output' | 'overlap' | 'weighting'>;

function placementsPerAxis(
  layout: WindowLayout,
): readonly [d: readonly Placement[], h: readonly Placement[], w: readonly Placement[]] {
  const { size, window, output = window, overlap = 0.5, weighting = 'gaussian' } = layout;
  const along = (axis: Axis) => placements({ size: size[axis], window: output[axis], overlap, weighting });
  return [along(0), along(1), along(2)];
}

/** Number of windows for an image. */
export function countWindows(layout: WindowLayout): number {
  return placementsPerAxis(layout).reduce((product, { length }) => product * length, 1);
}

function prepare(options: SlidingWindowOptions): Job {
  const { image, channels, size, window, output = window, overlap = 0.5, batch = 1, fixedBatch } = options;
  const positive = [...window, ...output, ...size, channels, batch, fixedBatch ?? 1].every(
    value => Number.isInteger(value) && value > 0,
  );
  const margin = mapAxes(axis => (window[axis] - output[axis]) / 2);
  if (!positive || !(overlap >= 0 && overlap < 1) || !margin.every(voxels => Number.isInteger(voxels) && voxels >= 0)) {
    throw new InputError(
      'E_WINDOW',
      `cannot slide a window of ${formatShape(window)} (depth x height x width) with an output of ${formatShape(output)} over ` +
        `${formatShape(size)} voxels with overlap ${overlap} and batch ${fixedBatch ?? batch}: sizes and batch must be whole and ` +
        'positive, the output must be smaller than the window by an even number of voxels or as large, the overlap at least 0 and below 1.',
    );
  }
  if (image.length !== channels * elementCount(size)) {
    throw new InputError(
      'E_WINDOW',
      `the image has ${image.length} values, but ${channels} channels of ${formatShape(size)} voxels need ${channels * elementCount(size)}.`,
    );
  }
  const looksBeyond = size.some((length, axis) => length < output[axis]! || margin[axis]! > 0);
  return {
    ...options,
    output,
    margin,
    fill: looksBeyond
      ? Float32Array.from(channelExtents(image, channels), ({ min }) => min)
      : new Float32Array(channels),
    batch: fixedBatch ?? batch,
    views: mirrorings(options.mirror ?? []),
  };
}

/** Runs the model on a group of windows and adds its output to the slices. */
async function addWindows(
  slots: readonly Float32Array[],
  group: readonly Place[],
  { job, input }: { readonly job: Job; readonly input: Float32Array },
): Promise<void> {
  const { channels, window, output, classes, views } = job;
  const [inputLength, outputLength] = [channels * elementCount(window), classes * elementCount(output)];
  group.forEach((place, index) => {
    const start = mapAxes(axis => place[axis].start);
    copyIn(input.subarray(index * inputLength, (index + 1) * inputLength), start, job);
  });
  const fed = input.subarray(0, (job.fixedBatch ?? group.length) * inputLength);
  for (const axes of views) {
    const given = await runModel(mirror(fed, window, axes), job);
    if (job.areProbabilities === true) assertProbabilities(given.subarray(0, group.length * outputLength), job);
    group.forEach((place, index) => {
      // the output of this run is not used elsewhere, and a copy would be large
      const values = given.subarray(index * outputLength, (index + 1) * outputLength);
      if (!Number.isFinite(activate(values, classes, job.activation))) throw notFinite(place, job);
      addTo(slots, place, { job, probabilities: mirror(values, output, axes) });
    });
  }
}

/** What a run of the model needs to know. */
type Run = Pick<Job, 'session' | 'channels' | 'window' | 'output' | 'classes' | 'inputName' | 'outputName'>;

/** One run of the model: [N, C, window] to [N, K, output]. */
export async function runModel(input: Float32Array, job: Run): Promise<Float32Array> {
  const { session, channels, window, output, classes, inputName, outputName } = job;
  const batch = input.length / (channels * elementCount(window));
  const feed = tensor('float32', input, [batch, channels, ...window]);
  const outputs = await session.run({ [inputName]: feed }, [outputName]);
  return checkOutput(outputs[outputName], [batch, classes, ...output], outputName);
}

/** Where windows are copied from. */
type Source = Pick<Job, 'image' | 'size' | 'window' | 'margin' | 'fill'>;

/**
 * Copies the window whose output starts at `place` to `target`, [C, d, h, w], with the channel's `fill` outside of the
 * image.
 */
export function copyIn(target: Float32Array, place: Triple, { image, size, window, margin, fill }: Source): void {
  const [depth, height, width] = size;
  const [d, h, w] = window;
  const [startZ, startY, startX] = place.map((start, axis) => start - margin[axis]!) as [number, number, number];
  const [firstZ, endZ] = insideRange(startZ, d, depth);
  const [firstY, endY] = insideRange(startY, h, height);
  const [firstX, endX] = insideRange(startX, w, width);
  fill.forEach((minimum, channel) => {
    target.fill(minimum, channel * d * h * w, (channel + 1) * d * h * w);
    for (let z = firstZ; z < endZ; z++) {
      for (let y = firstY; y < endY; y++) {
        const from = ((channel * depth + z + startZ) * height + y + startY) * width + startX;
        target.set(image.subarray(from + firstX, from + endX), ((channel * d + z) * h + y) * w + firstX);
      }
    }
  });
}

/**
 * Adds a window's weighted probabilities, [K, d, h, w], to the slices; one of several views is weighted by its
 * fraction.
 */
function addTo(
  slots: readonly Float32Array[],
  [placedD, placedH, placedW]: Place,
  { job, probabilities }: { readonly job: Job; readonly probabilities: Float32Array },
): void {
  const { size, output, classes, views } = job;
  const [depth, height, width] = size;
  const [d, h, w] = output;
  const [firstZ, endZ] = insideRange(placedD.start, d, depth);
  const [firstY, endY] = insideRange(placedH.start, h, height);
  const [firstX, endX] = insideRange(placedW.start, w, width);
  for (let z = firstZ; z < endZ; z++) {
    const slice = slots[(z + placedD.start) % slots.length]!;
    for (let k = 0; k < classes; k++) {
      for (let y = firstY; y < endY; y++) {
        const rowWeight = (placedD.weights[z]! * placedH.weights[y]!) / views.length;
        const to = (k * height + y + placedH.start) * width + placedW.start;
        const from = ((k * d + z) * h + y) * w;
        for (let x = firstX; x < endX; x++) {
          slice[to + x]! += rowWeight * placedW.weights[x]! * probabilities[from + x]!;
        }
      }
    }
  }
}

function checkOutput(output: Tensor | undefined, expected: readonly number[], name: string): Float32Array {
  if (output !== undefined && output.data instanceof Float32Array && sameShape(output.shape, expected))
    return output.data;
  const got = output === undefined ? 'no such output' : `${output.dataType} ${formatShape(output.shape)}`;
  throw new InputError(
    'E_MODEL_OUTPUT',
    `the model's output "${name}" should be float32 ${formatShape(expected)} (batch x classes x depth x height x width), got ${got}. ` +
      'Check the labels, the patch size, the output size and the output name that belong to this model.',
  );
}

/** How far rounding may lead a probability out of 0 to 1. */
const PROBABILITY_TOLERANCE = 1e-2;

function assertProbabilities(values: Float32Array, { outputName }: Job): void {
  // NaN has a message of its own
  const outside = values.find(value => value < -PROBABILITY_TOLERANCE || value > 1 + PROBABILITY_TOLERANCE);
  if (outside === undefined) return;
  throw new InputError(
    'E_MODEL_ACTIVATION',
    `the model's output "${outputName}" is said to be probabilities (activation none), but holds ${outside}. Say softmax or sigmoid.`,
  );
}

function notFinite(place: Place, { outputName }: Job): WorkError {
  const [z, y, x] = place.map(({ start }) => start);
  return new WorkError(
    'E_NOT_FINITE',
    `the model's output "${outputName}" does not give finite probabilities in the window at voxel ${x}, ${y}, ${z} (x, y, z). ` +
      'The image may hold NaN or infinity, or the model may have diverged in training.',
  );
}
