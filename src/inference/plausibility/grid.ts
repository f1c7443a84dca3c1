/** Whether the grid of an image is like those that a model was trained on: planes, extent and spacing. */
import { AXES, AXIS_NAMES, type Axis } from '../../core/axes.ts';
import { extentMmOf, imageMlOf, type TrainingFacts } from '../../data/training-facts.ts';
import type { Grid } from '../../volume/volume.ts';
import type { ModelInfo } from '../model-info.ts';
import { type Expectation, isFar, type PlausibilityWarning, shown, shownRange, timesBeyond } from './bounds.ts';

/** Finer voxels are averaged when the image is resampled, which costs little; only other units go this far. */
const FAR_FINER = 4;
/** A spacing that is wrong by this factor is in another unit. */
const OTHER_UNIT = 100;

function planeWarnings({ sizeVoxels }: Grid, { info, training }: Expectation): readonly PlausibilityWarning[] {
  const smallest = training?.sizeVoxels?.map(({ min }) => min) ?? info.patch.toReversed();
  if (!AXES.some(axis => sizeVoxels[axis] === 1 && Math.min(...smallest) > 1)) return [];
  const message = `the image is a plane (${sizeVoxels.join(' x ')} voxels), but the model was trained on volumes. Give the whole volume.`;
  return [{ code: 'W_IMAGE_PLANE', message, found: sizeVoxels }];
}

function extentWarnings(grid: Grid, { imageMl, extentMm, cases }: TrainingFacts): readonly PlausibilityWarning[] {
  if (imageMl === undefined || extentMm === undefined) return [];
  const found = extentMmOf(grid);
  const far = AXES.filter(axis => isFar(found[axis], extentMm[axis], { cases }));
  if (far.length === 0) return [];
  const times = timesBeyond(imageMlOf(grid), imageMl);
  const along = (axis: Axis): string =>
    `${shown(found[axis])} mm along ${AXIS_NAMES[axis]} (in training ${shownRange(extentMm[axis])} mm)`;
  const size =
    times > 1
      ? `is ${shown(times)} times as large as the largest`
      : times < 1
        ? `is ${shown(1 / times)} times smaller than the smallest`
        : 'has another shape than all';
  const advice =
    found[far[0]!] > extentMm[far[0]!].max
      ? 'Cut out the region that the training images show, or take a model for whole scans.'
      : 'Give an image of the whole region that the training images show.';
  return [
    {
      code: 'W_IMAGE_EXTENT',
      message: `the image ${size} of the training cases: ${far.map(along).join(', ')}. ${advice}`,
      found,
      training: { min: extentMm.map(({ min }) => min), max: extentMm.map(({ max }) => max) },
      unit: 'mm',
      times,
    },
  ];
}

function spacingWarnings(
  { spacingMm: found }: Grid,
  info: ModelInfo,
  training: TrainingFacts,
): readonly PlausibilityWarning[] {
  const { spacingMm, cases } = training;
  if (spacingMm === undefined) return [];
  const isResampled = info.spacingMm !== undefined || info.nnunet !== undefined;
  const options = { cases, ...(isResampled && { below: FAR_FINER }) };
  const far = AXES.filter(axis => isFar(found[axis], spacingMm[axis], options));
  if (far.length === 0) return [];
  const beyond = far.map(axis => timesBeyond(found[axis], spacingMm[axis]));
  const times = beyond.reduce((most, next) => (Math.abs(Math.log(next)) > Math.abs(Math.log(most)) ? next : most));
  const isUnit = times > OTHER_UNIT || times < 1 / OTHER_UNIT;
  const along = (axis: Axis): string =>
    `${shown(found[axis])} mm along ${AXIS_NAMES[axis]} (in training ${shownRange(spacingMm[axis])} mm)`;
  const advice = isUnit
    ? 'Its header seems to be in another unit than millimetres; correct it.'
    : times > 1
      ? 'What lies between its slices cannot be known; give a scan with thinner ones.'
      : 'Give a scan with voxels like those of training.';
  return [
    {
      code: 'W_IMAGE_SPACING',
      message: `the image has voxels of ${far.map(along).join(', ')}. ${advice}`,
      found,
      training: { min: spacingMm.map(({ min }) => min), max: spacingMm.map(({ max }) => max) },
      unit: 'mm',
      times,
    },
  ];
}

/**
 * Compares a grid with those of the training cases; without them, only a plane can be found.
 * @param grid in the axes of the model
 */
export function gridWarnings(grid: Grid, expectation: Expectation): readonly PlausibilityWarning[] {
  const { info, training } = expectation;
  const plane = planeWarnings(grid, expectation);
  if (plane.length > 0 || training === undefined) return plane;
  return [...extentWarnings(grid, training), ...spacingWarnings(grid, info, training)];
}
