/**
 * Runs a model over an image of any size in overlapping windows and blends the probabilities.
 *
 * Windows lie on a regular grid, so their weights are products of one profile per axis and so are the sums of weights at a voxel.
 * Each profile is divided by its sum beforehand: the blend is a plain sum, and memory is the image, the result and one batch whatever
 * the number of windows. An image smaller than the window is extended on both sides with its own minimum, without a copy.
 * Arrays are [C, D, H, W] and [K, D, H, W], row-major. Nothing here knows millimetres or label values.
 * Source: nnU-Net (Isensee et al., Nature Methods 18, 2021) for window positions and the Gaussian with sigma = window / 8.
 */
import { InputError, WorkError } from '../core/errors.ts';
import { formatShape, sameShape, type Triple } from '../core/shape.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import type { Session } from '../runtime/engine.ts';
import { type Activation, activate } from './probabilities.ts';

/** How much a voxel of a window counts: everywhere the same, or most in the middle. */
type Weighting = 'gaussian' | 'constant';

export interface SlidingWindowOptions {
  readonly session: Session;
  /** Normalised intensities, [C, D, H, W]. */
  readonly image: Float32Array;
  readonly channels: number;
  /** [D, H, W] of the image. */
  readonly size: Triple;
  /** [D, H, W] of the model's input. */
  readonly window: Triple;
  /** Channels of the model's output. */
  readonly classes: number;
  readonly activation: Activation;
  readonly inputName: string;
  readonly outputName: string;
  /** Share of a window that its neighbour covers too, in [0, 1); 0.5 if not given. */
  readonly overlap?: number;
  /** `gaussian` if not given. */
  readonly weighting?: Weighting;
  /** Windows per run; 1 if not given. The last run may hold fewer. */
  readonly batch?: number;
  /** Called after every run with the number of windows that are done. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops between runs by throwing the signal's reason. */
  readonly signal?: AbortSignal;
}

/** One position of the window along one axis. */
interface Placement {
  /** Index in the image of the window's first voxel; negative where the image is smaller than the window. */
  readonly start: number;
  /** Weight of each voxel of the window; the weights of all placements sum to 1 at every voxel of the image. */
  readonly weights: Float64Array;
}

type Placements = readonly [Placement, Placement, Placement];

/**
 * Probabilities of every class at every voxel: sum over windows of weight times probability, the weights summing to 1.
 * @returns [K, D, H, W]
 * @throws {InputError} E_WINDOW for an impossible window, overlap or batch; E_MODEL_OUTPUT if the model gives another shape or type
 * @throws {WorkError} E_NOT_FINITE if the model gives NaN
 */
export async function slidingWindow(options: SlidingWindowOptions): Promise<Float32Array> {
  const { session, image, channels, size, window, classes, batch = 1, inputName, outputName } = options;
  checkOptions(options);
  const axes = ([0, 1, 2] as const).map(axis => placements(axis, options));
  const windows = axes[0]!.flatMap(d => axes[1]!.flatMap(h => axes[2]!.map((w): Placements => [d, h, w])));
  const inputLength = channels * voxels(window);
  const outputLength = classes * voxels(window);
  const padded = window.some((length, axis) => length > size[axis]!);
  const fill = padded ? channelMinima(image, channels) : new Float32Array(channels);
  const input = new Float32Array(Math.min(batch, windows.length) * inputLength);
  const result = new Float32Array(classes * voxels(size));
  for (let done = 0; done < windows.length; ) {
    options.signal?.throwIfAborted();
    const group = windows.slice(done, done + batch);
    group.forEach((placed, index) => {
      copyIn(input.subarray(index * inputLength, (index + 1) * inputLength), placed, { image, size, window, fill });
    });
    const feed = tensor('float32', input.subarray(0, group.length * inputLength), [group.length, channels, ...window]);
    const outputs = await session.run({ [inputName]: feed }, [outputName]);
    const output = checkOutput(outputs[outputName], [group.length, classes, ...window], outputName);
    group.forEach((placed, index) => {
      const probabilities = output.slice(index * outputLength, (index + 1) * outputLength);
      if (!Number.isFinite(activate(probabilities, classes, options.activation))) throw notFinite(placed, outputName);
      addTo(result, placed, { probabilities, size, window });
    });
    done += group.length;
    options.onProgress?.(done, windows.length);
  }
  return result;
}

function voxels(size: Triple): number {
  return size[0] * size[1] * size[2];
}

function checkOptions({ image, channels, size, window, overlap = 0.5, batch = 1 }: SlidingWindowOptions): void {
  const positive = [...window, ...size, channels, batch].every(value => Number.isInteger(value) && value > 0);
  if (!positive || !(overlap >= 0 && overlap < 1)) {
    throw new InputError(
      'E_WINDOW',
      `cannot slide a window of ${formatShape(window)} (depth x height x width) over ${formatShape(size)} voxels with overlap ` +
        `${overlap} and batch ${batch}: sizes and batch must be whole and positive, the overlap at least 0 and below 1.`,
    );
  }
  if (image.length !== channels * voxels(size)) {
    throw new InputError(
      'E_WINDOW',
      `the image has ${image.length} values, but ${channels} channels of ${formatShape(size)} voxels need ${channels * voxels(size)}.`,
    );
  }
}

/**
 * Evenly spaced positions along one axis with a step of at most window * (1 - overlap), from border to border; one centred position
 * where the image is not larger than the window.
 */
function placements(axis: 0 | 1 | 2, options: SlidingWindowOptions): Placement[] {
  const { overlap = 0.5, weighting = 'gaussian' } = options;
  const size = options.size[axis];
  const window = options.window[axis];
  const slack = size - window;
  const intervals = slack <= 0 ? 0 : Math.ceil(slack / Math.max(1, Math.floor(window * (1 - overlap))));
  const starts = Array.from({ length: intervals + 1 }, (_, index) =>
    intervals === 0 ? Math.ceil(slack / 2) : Math.round((slack * index) / intervals),
  );
  const profile = weightProfile(window, weighting);
  const sums = new Float64Array(size);
  const inside = (start: number, offset: number): boolean => start + offset >= 0 && start + offset < size;
  for (const start of starts) {
    for (let offset = 0; offset < window; offset++) {
      if (inside(start, offset)) sums[start + offset]! += profile[offset]!;
    }
  }
  return starts.map(start => ({
    start,
    weights: profile.map((weight, offset) => (inside(start, offset) ? weight / sums[start + offset]! : 0)),
  }));
}

/** Weights along one axis of a window: 1, or a Gaussian about the middle with sigma = length / 8, which is 3e-4 at the ends and never 0. */
function weightProfile(length: number, weighting: Weighting): Float64Array {
  if (weighting === 'constant') return new Float64Array(length).fill(1);
  const middle = (length - 1) / 2;
  return Float64Array.from({ length }, (_, offset) => Math.exp(-0.5 * ((offset - middle) / (length / 8)) ** 2));
}

function channelMinima(image: Float32Array, channels: number): Float32Array {
  const perChannel = image.length / channels;
  return Float32Array.from({ length: channels }, (_, channel) => {
    let minimum = Number.POSITIVE_INFINITY;
    for (let i = channel * perChannel; i < (channel + 1) * perChannel; i++) minimum = Math.min(minimum, image[i]!);
    return minimum;
  });
}

/** First and last-but-one offset of a window that lie inside the image along one axis. */
function insideRange(start: number, window: number, size: number): readonly [number, number] {
  return [Math.max(0, -start), Math.min(window, size - start)];
}

/** Copies a window of the image to `target`, [C, d, h, w], with the channel's minimum outside of the image. */
function copyIn(
  target: Float32Array,
  [placedD, placedH, placedW]: Placements,
  source: { readonly image: Float32Array; readonly size: Triple; readonly window: Triple; readonly fill: Float32Array },
): void {
  const { image, fill } = source;
  const [depth, height, width] = source.size;
  const [d, h, w] = source.window;
  const [firstZ, endZ] = insideRange(placedD.start, d, depth);
  const [firstY, endY] = insideRange(placedH.start, h, height);
  const [firstX, endX] = insideRange(placedW.start, w, width);
  fill.forEach((minimum, channel) => {
    target.fill(minimum, channel * d * h * w, (channel + 1) * d * h * w);
    for (let z = firstZ; z < endZ; z++) {
      for (let y = firstY; y < endY; y++) {
        const from = ((channel * depth + z + placedD.start) * height + y + placedH.start) * width + placedW.start;
        target.set(image.subarray(from + firstX, from + endX), ((channel * d + z) * h + y) * w + firstX);
      }
    }
  });
}

/** Adds a window's weighted probabilities, [K, d, h, w], to the result. */
function addTo(
  result: Float32Array,
  [placedD, placedH, placedW]: Placements,
  source: { readonly probabilities: Float32Array; readonly size: Triple; readonly window: Triple },
): void {
  const { probabilities } = source;
  const [depth, height, width] = source.size;
  const [d, h, w] = source.window;
  const [firstZ, endZ] = insideRange(placedD.start, d, depth);
  const [firstY, endY] = insideRange(placedH.start, h, height);
  const [firstX, endX] = insideRange(placedW.start, w, width);
  const classes = probabilities.length / (d * h * w);
  for (let k = 0; k < classes; k++) {
    for (let z = firstZ; z < endZ; z++) {
      for (let y = firstY; y < endY; y++) {
        const rowWeight = placedD.weights[z]! * placedH.weights[y]!;
        const to = ((k * depth + z + placedD.start) * height + y + placedH.start) * width + placedW.start;
        const from = ((k * d + z) * h + y) * w;
        for (let x = firstX; x < endX; x++) {
          result[to + x]! += rowWeight * placedW.weights[x]! * probabilities[from + x]!;
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
      'Check the labels, the patch size and the output name that belong to this model.',
  );
}

function notFinite(placed: Placements, outputName: string): WorkError {
  const [z, y, x] = placed.map(({ start }) => start);
  return new WorkError(
    'E_NOT_FINITE',
    `the model's output "${outputName}" does not give finite probabilities in the window at voxel ${x}, ${y}, ${z} (x, y, z). ` +
      'The image may hold NaN or infinity, or the model may have diverged in training.',
  );
}
