/**
 * Segments a volume with a model, whatever its size and spacing: normalise, resample to the model's spacing, slide the window, resample
 * the probabilities back one class at a time, decide. The labels lie on the input's own grid, with its affine.
 * The steps before the model are those of training, in the same order.
 */
import { InputError } from '../core/errors.ts';
import type { Triple } from '../core/shape.ts';
import { type Normalization, type NormalizationWarning, normalize } from '../data/normalize.ts';
import type { Session } from '../runtime/engine.ts';
import { resampleToSize, resampleToSpacing } from '../volume/resample.ts';
import { type LabelVolume, type Volume, voxelCount, type Xyz } from '../volume/volume.ts';
import { type Activation, type ClassKind, labelsFromChannels } from './probabilities.ts';
import { slidingWindow, type WindowOptions } from './sliding-window.ts';

/** What must be known of a model to use it; a model file carries it as metadata. */
export interface ModelInfo {
  /**
   * The classes. With softmax the output has one channel for each, in this order. With sigmoid it has one for each class but the
   * background (value 0). Without an activation the background decides: where it is listed the channels exclude each other.
   */
  readonly labels: readonly { readonly value: number; readonly name: string }[];
  /** Input channels. */
  readonly channels: number;
  /** The spacing the model was trained at; absent where it takes volumes as they are. */
  readonly spacingMm?: Xyz;
  readonly normalize: Normalization;
  /** [D, H, W] of the model's input. */
  readonly patch: Triple;
  /** [D, H, W] of the model's output, in the middle of its input (valid padding); the whole input if not given. */
  readonly output?: Triple | undefined;
  /** The one batch size that the model takes; any if not given. */
  readonly batch?: number | undefined;
  readonly activation: Activation;
  readonly inputName: string;
  readonly outputName: string;
}

export interface SegmentOptions extends WindowOptions {
  /** Names the volume in warnings; `input` if not given. */
  readonly id?: string;
  /** Whether to return the probabilities too, which takes 4 bytes per voxel and channel. */
  readonly probabilities?: boolean;
}

export interface Segmentation {
  /** On the grid of the input, with the label values of the model. */
  readonly labels: LabelVolume;
  /** One channel per output channel of the model, on the grid of the input; where asked for. */
  readonly probabilities?: Volume;
  readonly warnings: readonly NormalizationWarning[];
}

/**
 * Segments a volume.
 * @param volume any grid; not changed
 * @throws {InputError} E_CHANNELS if the volume has not the model's channels; E_MODEL_LABELS if the model names no class; as slidingWindow
 * @throws {WorkError} E_NOT_FINITE if the model gives NaN
 */
export async function segment(
  session: Session,
  info: ModelInfo,
  volume: Volume,
  options: SegmentOptions = {},
): Promise<Segmentation> {
  const { kind, values } = outputClasses(info);
  if (volume.channels !== info.channels) {
    throw new InputError(
      'E_CHANNELS',
      `the model takes ${info.channels} channel(s), ${options.id ?? 'the input'} has ${volume.channels}. ` +
        'Give the same images, in the same order, as in training.',
    );
  }
  const normalized = normalize(
    { id: options.id ?? 'input', data: volume.data, channels: volume.channels },
    info.normalize,
  );
  const onOwnGrid: Volume = { ...volume, data: normalized.data };
  const image = info.spacingMm === undefined ? onOwnGrid : resampleToSpacing(onOwnGrid, info.spacingMm);
  const [width, height, depth] = image.sizeVoxels;
  const output = await slidingWindow({
    ...options,
    session,
    image: image.data,
    channels: image.channels,
    size: [depth, height, width],
    window: info.patch,
    ...(info.output && { output: info.output }),
    ...(info.batch && { fixedBatch: info.batch }),
    classes: values.length,
    activation: info.activation,
    inputName: info.inputName,
    outputName: info.outputName,
  });
  const voxels = voxelCount(volume.sizeVoxels);
  const kept = options.probabilities === true ? new Float32Array(values.length * voxels) : undefined;
  const channel = (k: number): Float32Array => {
    const length = output.length / values.length;
    const coarse: Volume = { ...image, data: output.subarray(k * length, (k + 1) * length), channels: 1 };
    const { data } = resampleToSize(coarse, volume.sizeVoxels);
    kept?.set(data, k * voxels);
    return data;
  };
  const indices = labelsFromChannels(channel, { classes: values.length, voxels, kind });
  const labelValues = Uint8Array.from(kind === 'sigmoid' ? [0, ...values] : values);
  const grid = { sizeVoxels: volume.sizeVoxels, spacingMm: volume.spacingMm, affine: volume.affine };
  return {
    labels: { ...grid, data: indices.map(index => labelValues[index]!) },
    ...(kept && { probabilities: { ...grid, data: kept, channels: values.length } }),
    warnings: normalized.warnings,
  };
}

/** The label value of each output channel, and how the channels relate. */
function outputClasses({ labels, activation }: ModelInfo): {
  readonly kind: ClassKind;
  readonly values: readonly number[];
} {
  const all = labels.map(({ value }) => value);
  const exclusive = activation === 'softmax' || (activation === 'none' && all.includes(0));
  const values = exclusive ? all : all.filter(value => value !== 0);
  if (values.length === 0) {
    throw new InputError(
      'E_MODEL_LABELS',
      'the model names no class to segment. Give its labels in the JSON beside it.',
    );
  }
  return { kind: exclusive ? 'softmax' : 'sigmoid', values };
}
