/**
 * nnU-Net's sliding window: logits of overlapping windows, of each the mean over its mirrored views, blended by a
 * Gaussian. Windows go through the image along its outermost axis, and slices that no later one touches are handed on,
 * so that only the slices under a row of windows are in memory. It differs from sliding-window.ts in what is blended
 * (logits, not probabilities), where windows lie, the weights (about voxel p / 2, rounded to half precision, cut off at
 * 4 sigma) and what lies beyond the image (0). Sums are float32; nnU-Net's own are half precision, which shows where
 * only the rim of a window covers a voxel.
 * Source: nnunetv2 2.8.1, inference/sliding_window_prediction.py and predict_from_raw_data.py. Arrays are [C, D, H, W]
 * and [K, H, W].
 */
import { InputError, WorkError } from '../../core/errors.ts';
import { roundToFloat16 } from '../../core/float16.ts';
import { elementCount, type Triple } from '../../core/shape.ts';
import { roundHalfEven } from '../../volume/resample-apart.ts';
import { type MirrorAxis, mirror, mirrorings } from '../mirroring.ts';
import type { OpenModel } from '../model-info.ts';
import { insideRange } from '../placements.ts';
import { copyIn, runModel, type WindowOptions } from '../sliding-window.ts';

/** What the window slides over. */
export interface LogitOptions extends WindowOptions {
  readonly model: OpenModel;
  /** [C, D, H, W] */
  readonly image: Float32Array;
  /** [D, H, W] */
  readonly size: Triple;
  /** Channels of the model's output. */
  readonly classes: number;
}

const WEIGHT_AT_MIDDLE = 10;
const SIGMA = 1 / 8;
/** Sigmas beyond which a weight is 0. */
const REACH = 4;
/** The smallest half that is not 0. */
const SMALLEST_HALF = 2 ** -24;

/** First voxels of the windows along one axis; of one that the image is smaller than, centred. */
function windowStarts(size: number, window: number, overlap: number): readonly number[] {
  const slack = size - window;
  if (slack <= 0) return [-Math.floor(-slack / 2) || 0];
  const intervals = Math.ceil(slack / (window * (1 - overlap)));
  return Array.from({ length: intervals + 1 }, (_, index) => roundHalfEven((slack / intervals) * index));
}

/** The Gaussian along one axis, its sum 1 before it is cut off by the window. */
function profile(length: number): Float64Array {
  const sigma = length * SIGMA;
  const radius = Math.floor(REACH * sigma + 0.5);
  const values = Float64Array.from({ length: 2 * radius + 1 }, (_, at) =>
    Math.exp(-0.5 * ((at - radius) / sigma) ** 2),
  );
  const total = values.reduce((sum, value) => sum + value, 0);
  const middle = Math.floor(length / 2);
  return Float64Array.from({ length }, (_, at) => (values[at - middle + radius] ?? 0) / total);
}

/** How much each voxel of a window counts, [D, H, W]. */
function windowWeights(window: Triple, weighting: WindowOptions['weighting'] = 'gaussian'): Float32Array {
  const weights = new Float32Array(elementCount(window)).fill(1);
  if (weighting === 'constant') return weights;
  const [alongD, alongH, alongW] = window.map(profile) as [Float64Array, Float64Array, Float64Array];
  const largest = [alongD, alongH, alongW].reduce((product, values) => product * Math.max(...values), 1);
  let at = 0;
  for (const d of alongD) {
    for (const h of alongH) for (const w of alongW) weights[at++] = (d * h * w) / (largest / WEIGHT_AT_MIDDLE);
  }
  const halves = roundToFloat16(weights);
  const smallest = halves.reduce((least, value) => (value > 0 && value < least ? value : least), WEIGHT_AT_MIDDLE);
  return halves.map(value => (value === 0 ? Math.max(smallest, SMALLEST_HALF) : value));
}

/** The mean over the views of what the model says of a window. */
async function askViews(
  { model, classes }: LogitOptions,
  window: Float32Array,
  views: readonly (readonly MirrorAxis[])[],
): Promise<Float32Array> {
  const { session, info } = model;
  const { patch, batch = 1 } = info;
  const fed = new Float32Array(batch * window.length);
  const length = classes * elementCount(patch);
  const sum = new Float32Array(length);
  const job = {
    session,
    channels: info.channels,
    window: patch,
    output: patch,
    classes,
    inputName: info.inputName,
    outputName: info.outputName,
  };
  for (const axes of views) {
    fed.set(mirror(window, patch, axes));
    const given = mirror((await runModel(fed, job)).subarray(0, length), patch, axes);
    for (let i = 0; i < length; i++) sum[i]! += given[i]!;
  }
  if (views.length > 1) for (let i = 0; i < length; i++) sum[i]! /= views.length;
  return sum;
}

/** Slices that windows add to, [K + 1, H, W] each: the channels, and last the sum of weights. */
type Slots = readonly Float32Array[];

interface Window {
  readonly start: Triple;
  readonly patch: Triple;
  readonly size: Triple;
}

/** Adds a window's weighted logits to the slices. */
function addTo(slots: Slots, logits: Float32Array, weights: Float32Array, { start, patch, size }: Window): void {
  const [depth, height, width] = size;
  const [d, h, w] = patch;
  const [firstZ, endZ] = insideRange(start[0], d, depth);
  const [firstY, endY] = insideRange(start[1], h, height);
  const [firstX, endX] = insideRange(start[2], w, width);
  const [voxels, area] = [d * h * w, height * width];
  for (let z = firstZ; z < endZ; z++) {
    const slice = slots[(z + start[0]) % slots.length]!;
    for (let y = firstY; y < endY; y++) {
      const row = (z * h + y) * w;
      const to = (y + start[1]) * width + start[2];
      for (let x = firstX; x < endX; x++) {
        const weight = weights[row + x]!;
        let place = to + x;
        for (let from = row + x; from < logits.length; from += voxels, place += area) {
          slice[place]! += weight * logits[from]!;
        }
        slice[place]! += weight;
      }
    }
  }
}

/** Divides sums by weights; gives the channels. */
function blended(slice: Float32Array, classes: number): Float32Array {
  const area = slice.length / (classes + 1);
  const weights = slice.subarray(classes * area);
  for (let i = 0, voxel = 0; i < classes * area; i++) {
    slice[i]! /= weights[voxel]!;
    if (++voxel === area) voxel = 0;
  }
  return slice.subarray(0, classes * area);
}

/** Windows that an image takes. */
export function countNnunetWindows(options: {
  readonly model: Pick<OpenModel, 'info'>;
  readonly size: Triple;
  readonly overlap?: number;
}): number {
  const { model, size, overlap = 0.5 } = options;
  return size.reduce(
    (product, length, axis) => product * windowStarts(length, model.info.patch[axis]!, overlap).length,
    1,
  );
}

/**
 * Logits of every class at every voxel, slice after slice along D.
 * @returns [K, H, W] of slices 0, 1, ...; each is valid until the next is asked for
 * @throws {InputError} E_MODEL_OUTPUT if the model gives another shape; E_WINDOW if its output is smaller than its
 * input
 * @throws {WorkError} E_NOT_FINITE if the model gives NaN
 */
export async function* logitSlices(options: LogitOptions): AsyncGenerator<Float32Array, void> {
  const { model, image, size, classes, overlap = 0.5, weighting } = options;
  const { patch, output, channels, outputName } = model.info;
  if (output !== undefined) {
    throw new InputError('E_WINDOW', 'a network that is used as nnU-Net uses its own gives as much as it sees.');
  }
  const [alongD, alongH, alongW] = size.map((length, axis) => windowStarts(length, patch[axis]!, overlap)) as [
    readonly number[],
    readonly number[],
    readonly number[],
  ];
  const weights = windowWeights(patch, weighting);
  const views = mirrorings(options.mirror ?? model.info.mirror ?? []);
  const [depth, height, width] = size;
  const slots = Array.from(
    { length: Math.min(depth, patch[0]) },
    () => new Float32Array((classes + 1) * height * width),
  );
  const window = new Float32Array(channels * elementCount(patch));
  const source = { image, size, window: patch, margin: [0, 0, 0] as const, fill: new Float32Array(channels) };
  const total = alongD.length * alongH.length * alongW.length;
  let done = 0;
  for (const [row, startD] of alongD.entries()) {
    for (const startH of alongH) {
      for (const startW of alongW) {
        options.signal?.throwIfAborted();
        const start: Triple = [startD, startH, startW];
        copyIn(window, start, source);
        const logits = await askViews(options, window, views);
        if (!logits.every(Number.isFinite)) {
          throw new WorkError(
            'E_NOT_FINITE',
            `the model's output "${outputName}" is not finite in the window at voxel ${startW}, ${startH}, ${startD} (x, y, z).`,
          );
        }
        addTo(slots, logits, weights, { start, patch, size });
        options.onProgress?.(++done, total);
      }
    }
    const finished = alongD[row + 1] ?? depth;
    for (let z = Math.max(0, startD); z < finished; z++) {
      const slice = slots[z % slots.length]!;
      yield blended(slice, classes);
      slice.fill(0);
    }
  }
}
