/** Estimates whether a segmentation fits into the tab, with smaller windows if the model allows them. */
import { mapAxes, xyz } from '../src/core/axes.ts';
import { InputError } from '../src/core/errors.ts';
import { formatBytes } from '../src/core/format.ts';
import type { Triple } from '../src/core/shape.ts';
import type { ModelFile } from '../src/experiment/model-file.ts';
import { outputClasses } from '../src/inference/model-info.ts';
import { decodeModel } from '../src/onnx/decode.ts';
import { activationBytes } from '../src/onnx/estimate-foreign.ts';
import { formatSize, type Volume, voxelCount } from '../src/volume/volume.ts';

/** Memory limit of a tab and of WebAssembly, bytes. */
const TAB_BYTES = 4e9;
/**
 * ONNX Runtime's memory as a multiple of the activations, on the safe side of a whole head through a MeshNet; and at
 * rest.
 */
const ENGINE_SHARE = 1.3;
const ENGINE_BYTES = 2e7;
/** Float32 copies of the image: the page's, the viewer's two, the worker's, normalised, turned or resampled. */
const IMAGE_COPIES = 6;
/** Maps of the entropy: the worker's, and the viewer's. */
const ENTROPY_COPIES = 2;
const SMALLEST_WINDOW = 16;

export interface MemoryPlan {
  /** [D, H, W] of the window. */
  readonly patch: Triple;
  readonly bytes: number;
  readonly text: string;
}

/** Memory of both stages of a model with a coarse one: they run one after the other. */
function bytesWith(patch: Triple, volume: Volume, file: ModelFile): number {
  const stages = (file.coarse?.models ?? []).map(stage => bytesOfStage(stage.info.patch, volume, stage));
  return Math.max(bytesOfStage(patch, volume, file), ...stages);
}

function bytesOfStage(patch: Triple, volume: Volume, { bytes: model, info, metadata }: ModelFile): number {
  const voxels = voxelCount(volume.sizeVoxels);
  const window = metadata.axes.endsWith('XYZ') ? xyz(patch) : patch;
  const activations = activationBytes(model, { inputName: info.inputName, channels: info.channels, window });
  const [sizeX, sizeY] = volume.sizeVoxels;
  const slices = outputClasses(info).values.length * patch[0] * sizeX * sizeY;
  const image = IMAGE_COPIES * voxels * volume.channels + slices + ENTROPY_COPIES * voxels;
  return ENGINE_BYTES + model.length + ENGINE_SHARE * activations + image * Float32Array.BYTES_PER_ELEMENT + 3 * voxels;
}

/** Whether the model takes windows of any size. */
function isFree({ bytes, info, path }: ModelFile): boolean {
  const [input] = decodeModel(bytes, path).inputs;
  const free = input?.shape.filter(length => typeof length === 'string' || length <= 0).length ?? 0;
  return free >= 3 && info.output === undefined;
}

/**
 * The window with its longest axis halved, in steps that networks with four halvings take; undefined where it is small
 * already.
 */
function smaller(patch: Triple): Triple | undefined {
  const longest = Math.max(...patch);
  if (longest <= SMALLEST_WINDOW) return undefined;
  const axis = patch.indexOf(longest);
  const half = Math.ceil(longest / 2 / SMALLEST_WINDOW) * SMALLEST_WINDOW;
  return half < longest ? mapAxes(each => (each === axis ? half : patch[each])) : undefined;
}

/**
 * Estimates the memory and chooses the window: the model's own, or the largest that fits where the model leaves it
 * open.
 * @throws {InputError} E_VOLUME_FLAT for a 2D image, E_CHANNELS for other channels, E_TAB_MEMORY if it cannot fit
 */
export function planMemory(volume: Volume, file: ModelFile): MemoryPlan {
  const { sizeVoxels, channels } = volume;
  const { info } = file;
  if (sizeVoxels.includes(1) && !info.patch.includes(1)) {
    throw new InputError(
      'E_VOLUME_FLAT',
      `the image has a single slice (${formatSize(sizeVoxels)} voxels), but the model segments volumes. Open the whole series.`,
    );
  }
  if (channels !== info.channels) {
    throw new InputError(
      'E_CHANNELS',
      info.channels === 1
        ? `the model takes 1 channel, the image has ${channels}: channels, or frames of a series in time. Press "Choose a frame" where they are of one file, or open one of the files alone.`
        : `the model takes ${info.channels} channels, the image has ${channels}. Open the images of all channels together, as in training.`,
    );
  }
  let patch: Triple | undefined = info.patch;
  const free = isFree(file);
  let bytes = bytesWith(patch, volume, file);
  while (bytes > TAB_BYTES) {
    const next: Triple | undefined = free ? smaller(patch) : undefined;
    if (next === undefined) {
      throw new InputError(
        'E_TAB_MEMORY',
        `this image (${formatSize(sizeVoxels)} voxels) with this model needs about ${formatBytes(bytes)}, a browser's tab has ` +
          `${formatBytes(TAB_BYTES)}. Crop or resample the image, take a smaller model, or use voxstill predict.`,
      );
    }
    patch = next;
    bytes = bytesWith(patch, volume, file);
  }
  const window = patch === info.patch ? '' : `, with smaller windows (${xyz(patch).join(' × ')} voxels)`;
  return { patch, bytes, text: `needs about ${formatBytes(bytes)} of memory${window}` };
}
