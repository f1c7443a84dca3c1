/**
 * Runs one finished model on a batch of patches: in as large batches as it accepts if its window is the patch;
 * otherwise patch by patch with a sliding window, blended as in inference. The result is cropped to the part that all
 * teachers cover.
 */
import { InputError } from '../core/errors.ts';
import { elementCount, formatShape, sameShape, type Triple } from '../core/shape.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import type { ModelFile } from '../experiment/model-file.ts';
import { outputClasses } from '../inference/model-info.ts';
import { slidingWindow } from '../inference/sliding-window.ts';
import type { Session } from '../runtime/engine.ts';
import { takesPatch } from './files.ts';

/** Tolerance of the sum of a voxel's probabilities, which must be 1. */
const PROBABILITY_TOLERANCE = 1e-2;

/** An open model as a teacher. */
export interface TeacherModel {
  readonly file: ModelFile;
  readonly session: Session;
}

/** The request to a model. */
export interface Asking {
  /** Shape [C, D, H, W] of a patch. */
  readonly patch: readonly [number, number, number, number];
  /** Overlap of neighbouring windows. */
  readonly overlap: number;
  /** Size of the central part of the patch that is needed. */
  readonly output: Triple;
  /** Names of inner tensors that are needed too. */
  readonly layers: readonly string[];
}

/** Result of a model for a batch. */
export interface TeacherOutput {
  /** Output [channels, output] of each patch. */
  readonly samples: readonly Float32Array[];
  /** Inner tensors of the batch by name. */
  readonly features: Readonly<Record<string, Tensor>>;
}

/** Runs one model on as many samples at once as it accepts; the result is [N, K, D, H, W]. */
async function runWhole(
  { file, session }: TeacherModel,
  image: Float32Array,
  { patch, layers }: Asking,
): Promise<{ readonly output: Tensor; readonly features: Readonly<Record<string, Tensor>> }> {
  const { info } = file;
  const length = elementCount(patch);
  const samples = image.length / length;
  const batch = info.batch ?? samples;
  const names = [info.outputName, ...layers];
  const parts: Record<string, Tensor>[] = [];
  for (let start = 0; start < samples; start += batch) {
    const fed = new Float32Array(batch * length);
    fed.set(image.subarray(start * length, Math.min(samples, start + batch) * length));
    parts.push(await session.run({ [info.inputName]: tensor('float32', fed, [batch, ...patch]) }, names));
  }
  const joined = (name: string): Tensor => {
    const tensors = parts.map(part => part[name] as Tensor);
    const [first] = tensors as [Tensor];
    const [given = 0, ...rest] = first.shape;
    if (!(first.data instanceof Float32Array) || given !== batch) {
      throw new InputError(
        'E_TEACHER_FIT',
        `its "${name}" is ${first.dataType} ${formatShape(first.shape)} for a batch of ${batch}`,
      );
    }
    if (tensors.length === 1 && batch === samples) return first;
    const size = elementCount(rest);
    const data = new Float32Array(samples * size);
    tensors.forEach((each, index) => {
      const values = each.data as Float32Array;
      data.set(values.subarray(0, Math.min(batch, samples - index * batch) * size), index * batch * size);
    });
    return tensor('float32', data, [samples, ...rest]);
  };
  return { output: joined(info.outputName), features: Object.fromEntries(layers.map(name => [name, joined(name)])) };
}

/** Central crop of images [channels, D, H, W]. */
function cropped(values: Float32Array, from: Triple, to: Triple): Float32Array {
  if (sameShape(from, to)) return values;
  const [depth, height, width] = from;
  const [d, h, w] = to;
  const [z0, y0, x0] = [(depth - d) / 2, (height - h) / 2, (width - w) / 2];
  const channels = values.length / elementCount(from);
  const result = new Float32Array(channels * elementCount(to));
  for (let channel = 0; channel < channels; channel++) {
    for (let z = 0; z < d; z++) {
      for (let y = 0; y < h; y++) {
        const start = ((channel * depth + z + z0) * height + y + y0) * width + x0;
        result.set(values.subarray(start, start + w), ((channel * d + z) * h + y) * w);
      }
    }
  }
  return result;
}

/**
 * Runs a model on a batch.
 * @param image [N, C, D, H, W]
 * @throws {InputError} E_TEACHER_FIT or E_MODEL_OUTPUT if it gives another shape than its labels and the patch need
 */
export async function askModel(model: TeacherModel, image: Float32Array, room: Asking): Promise<TeacherOutput> {
  const { info } = model.file;
  const [channels, ...size] = room.patch;
  const length = elementCount(room.patch);
  const count = image.length / length;
  const classes = outputClasses(info).values.length;
  if (takesPatch(model.file, room.patch)) {
    const { output, features } = await runWhole(model, image, room);
    const given = info.output ?? size;
    if (!sameShape(output.shape, [count, classes, ...given])) {
      throw new InputError(
        'E_TEACHER_FIT',
        `it gives ${formatShape(output.shape)} for ${count} patches of ${formatShape(size)}, where ` +
          `${formatShape([count, classes, ...given])} (samples, classes, depth, height, width) is needed`,
      );
    }
    const values = output.data as Float32Array;
    const step = values.length / count;
    const samples = Array.from({ length: count }, (_, index) =>
      cropped(values.subarray(index * step, (index + 1) * step), given, room.output),
    );
    return { samples, features };
  }
  const samples: Float32Array[] = [];
  for (let index = 0; index < count; index++) {
    const blended = await slidingWindow({
      session: model.session,
      image: image.subarray(index * length, (index + 1) * length),
      channels,
      size,
      window: info.patch,
      ...(info.output && { output: info.output }),
      ...(info.batch && { fixedBatch: info.batch }),
      classes,
      // logits are blended as logits
      activation: 'none',
      overlap: room.overlap,
      inputName: info.inputName,
      outputName: info.outputName,
    });
    samples.push(cropped(blended, size, room.output));
  }
  return { samples, features: {} };
}

/**
 * Refuses a model whose output contradicts its stated activation.
 * @param values [channels, voxels]
 * @throws {InputError} E_TEACHER_FIT
 */
export function assertActivation(values: Float32Array, { info }: ModelFile): void {
  const { kind, values: classes } = outputClasses(info);
  const inside = values.every(value => value >= -PROBABILITY_TOLERANCE && value <= 1 + PROBABILITY_TOLERANCE);
  if (info.activation === 'none' && !inside) {
    throw new InputError(
      'E_TEACHER_FIT',
      'its activation is given as none (probabilities), but its values are outside 0 to 1',
    );
  }
  if (kind !== 'softmax' || !inside) return;
  const voxels = values.length / classes.length;
  let sumsToOne = true;
  for (let voxel = 0; voxel < voxels; voxel++) {
    let sum = 0;
    for (let i = voxel; i < values.length; i += voxels) sum += values[i]!;
    if (Math.abs(sum - 1) > PROBABILITY_TOLERANCE) sumsToOne = false;
  }
  if (sumsToOne === (info.activation === 'none')) return;
  throw new InputError(
    'E_TEACHER_FIT',
    sumsToOne
      ? 'its output already is probabilities, but its activation is given as softmax; set it to none'
      : 'its activation is given as none (probabilities of exclusive classes), but its values do not add up to 1',
  );
}
