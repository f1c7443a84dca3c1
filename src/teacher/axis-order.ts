/**
 * Whether a teacher from elsewhere sees its axes in the right order. No file says it, and a network runs on either; so
 * it is asked about a few labelled training cases in the order that is taken and in the reversed one. What is found is
 * compared with the reference as foreground against background.
 */

import { mapAxes } from '../core/axes.ts';
import { InputError } from '../core/errors.ts';
import { elementCount, type Triple } from '../core/shape.ts';
import type { TrainingCase } from '../data/loader.ts';
import type { Laboratory } from '../experiment/laboratory.ts';
import type { ModelFile } from '../experiment/model-file.ts';
import { openForFewWindows } from '../experiment/open-models.ts';
import type { PreparedData } from '../experiment/prepare.ts';
import { type Axes, reversedAxes } from '../inference/axes.ts';
import { outputClasses } from '../inference/model-info.ts';
import { activate, labelsFromProbabilities } from '../inference/probabilities.ts';
import { takesPatch } from './files.ts';
import { askModel } from './model.ts';
import { measuredIntensities } from './raw-intensities.ts';
import { inNormalization } from './view.ts';

type Data = Pick<PreparedData, 'normalize' | 'crop' | 'train' | 'intensities'> & Partial<Pick<PreparedData, 'val'>>;

const MOST_CASES = 3;
/** By how much the Dice of the reversed order must be higher; below it, chance or a weak model may be the reason. */
const CLEAR_DIFFERENCE = 0.2;

/** Only the files of others leave the order open: our own say it, and nnU-Net's is known. */
function isOpen({ info, metadata }: ModelFile): boolean {
  const isOurs = metadata.trainingBytes !== undefined || metadata.fieldOfView !== undefined;
  return !isOurs && info.nnunet === undefined && reversedAxes(metadata.axes) !== metadata.axes;
}

/** The model with x and z in each other's place. */
function reversed(file: ModelFile): ModelFile {
  const turn = ([d, h, w]: Triple): Triple => [w, h, d];
  const { info, metadata } = file;
  const sizes = { patch: turn(info.patch), ...(info.output && { output: turn(info.output) }) };
  return {
    ...file,
    info: { ...info, ...sizes },
    metadata: { ...metadata, ...sizes, axes: reversedAxes(metadata.axes) },
  };
}

/** A part of a case around its foreground. */
interface Region {
  readonly id: string;
  /** [C, D, H, W]. */
  readonly image: Float32Array;
  readonly size: Triple;
  readonly foreground: readonly boolean[];
}

/**
 * The part of a case that a window of either order needs, around the middle of the foreground; undefined without any.
 * @param options.known values of the labels that are foreground for the teacher
 */
function regionOf(
  { id, image, label, sizeVoxels, channels }: TrainingCase,
  { window, known }: { readonly window: Triple; readonly known: ReadonlySet<number> },
): Region | undefined {
  const [width, height, depth] = sizeVoxels;
  const whole: Triple = [depth, height, width];
  const isForeground = (value: number | undefined): boolean => known.has(value ?? 0);
  const sums = [0, 0, 0];
  let count = 0;
  label.forEach((value, index) => {
    if (!isForeground(value)) return;
    const at = [Math.floor(index / (height * width)), Math.floor(index / width) % height, index % width];
    for (const axis of [0, 1, 2]) sums[axis]! += at[axis]!;
    count++;
  });
  if (count === 0) return undefined;
  const size = mapAxes(axis => Math.min(whole[axis], Math.max(window[axis], window[(2 - axis) as 0 | 1 | 2])));
  const start = mapAxes(axis =>
    Math.max(0, Math.min(whole[axis] - size[axis], Math.round(sums[axis]! / count - size[axis] / 2))),
  );
  const part = new Float32Array(channels * elementCount(size));
  const foreground: boolean[] = [];
  let to = 0;
  for (let channel = 0; channel < channels; channel++) {
    for (let z = 0; z < size[0]; z++) {
      for (let y = 0; y < size[1]; y++) {
        for (let x = 0; x < size[2]; x++) {
          const from = ((z + start[0]) * height + y + start[1]) * width + x + start[2];
          part[to++] = image[channel * elementCount(whole) + from]!;
          if (channel === 0) foreground.push(isForeground(label[from]));
        }
      }
    }
  }
  return { id, image: part, size, foreground };
}

/** The foreground in the middle of a region, as large as what a model of valid padding gives. */
function middleOf({ foreground, size }: Region, given: Triple): readonly boolean[] {
  const [, h, w] = given;
  const [z0, y0, x0] = mapAxes(axis => (size[axis] - given[axis]) / 2);
  return Array.from({ length: elementCount(given) }, (_, index) => {
    const [z, y, x] = [Math.floor(index / (h * w)), Math.floor(index / w) % h, index % w];
    return foreground[((z + z0) * size[1] + y + y0) * size[2] + x + x0] === true;
  });
}

/** Foreground Dice of a model over all regions. */
async function foregroundDice(
  file: ModelFile,
  regions: readonly Region[],
  { engine, data, overlap }: { readonly engine: Laboratory['engine']; readonly data: Data; readonly overlap: number },
): Promise<number> {
  const session = await openForFewWindows(engine, file);
  const { kind, values } = outputClasses(file.info);
  let [both, sum] = [0, 0];
  try {
    for (const region of regions) {
      const { id, image, size } = region;
      const [d, h, w] = size;
      const patch = [image.length / elementCount(size), d, h, w] as const;
      const given = takesPatch(file, patch) ? (file.info.output ?? size) : size;
      const raw = data.intensities.get(id) ?? measuredIntensities(image, image.length / elementCount(size));
      const seen = inNormalization(image, [raw], {
        from: data,
        to: file.info,
      });
      const { samples } = await askModel({ file, session }, seen, { patch, overlap, output: given, layers: [] });
      const foreground = middleOf(region, given);
      const scores = Float32Array.from(samples[0]!);
      activate(scores, values.length, file.info.activation);
      const labels = labelsFromProbabilities(scores, { classes: values.length, kind });
      labels.forEach((label, index) => {
        const isFound = kind === 'softmax' ? values[label] !== 0 : label !== 0;
        both += Number(isFound && foreground[index]);
        sum += Number(isFound) + Number(foreground[index]);
      });
    }
  } finally {
    await session.dispose();
  }
  return sum === 0 ? 0 : (2 * both) / sum;
}

/**
 * Refuses a teacher whose axes are taken in the wrong order.
 * @param options.overlap of neighbouring windows
 * @param options.known values of the labels that are foreground for the teacher
 * @throws {InputError} E_TEACHER_AXES with the Dice of both orders
 */
export async function assertAxisOrder(
  { engine, progress }: Pick<Laboratory, 'engine' | 'progress'>,
  file: ModelFile,
  { data, overlap, known }: { readonly data: Data; readonly overlap: number; readonly known: ReadonlySet<number> },
): Promise<void> {
  if (!isOpen(file)) return;
  const imaged = data.train.filter(({ synthesis }) => synthesis === undefined);
  // of maps that are painted anew in every step there is no image; those of the validation are painted once
  const regions = (imaged.length > 0 ? imaged : (data.val ?? []))
    .flatMap(one => regionOf(one, { window: file.info.patch, known }) ?? [])
    .slice(0, MOST_CASES);
  if (regions.length === 0) return;
  const axes = file.sourceAxes ?? file.metadata.axes;
  const other: Axes = reversedAxes(axes);
  const context = { engine, data, overlap };
  const taken = await foregroundDice(file, regions, context);
  const turned = await foregroundDice(reversed(file), regions, context);
  const figures = `foreground Dice ${taken.toFixed(3)} with axes ${axes}, ${turned.toFixed(3)} with ${other}, on ${regions.map(({ id }) => id).join(', ')}`;
  if (turned < taken + CLEAR_DIFFERENCE) {
    progress.log(`teacher: ${file.path}: ${figures}`);
    return;
  }
  throw new InputError(
    'E_TEACHER_AXES',
    `${file.path} sees its axes in the wrong order: ${figures}. Set teacher.model.axes to ${other}, or axes in the JSON beside the model.`,
  );
}
