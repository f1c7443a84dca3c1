/**
 * What the parts of a recipe ask of each other: patches that the networks accept, and settings that exclude one
 * another. A part by itself is checked by its own schema.
 */
import type { z } from 'zod';
import { AXES, xyz, zyx } from '../../core/axes.ts';
import type { Xyz } from '../../core/shape.ts';
import { type Geometry, jointGeometry, nearestSizes } from '../../nn/geometry.ts';
import { architectureOf } from '../network.ts';
import type { RecipeKeys } from './shape.ts';
import { isFinished } from './teacher.ts';

type Context = z.RefinementCtx<RecipeKeys>;

/** Fewest levels of a decoder of which one besides the finest and the lowest is left for deep supervision. */
const SUPERVISED_DECODER = 3;

/** Checks that networks accept a patch. */
function checkSize(
  asked: Xyz,
  {
    geometry,
    networks,
    path,
    context,
  }: {
    readonly geometry: Geometry;
    /** Whose they are, in words. */
    readonly networks: string;
    readonly path: string[];
    readonly context: Context;
  },
): void {
  const size = zyx(asked);
  if (AXES.every(axis => geometry.outputLength(size[axis], axis) !== undefined)) return;
  const nearest = nearestSizes(geometry, size).map(candidate => `[${xyz(candidate).join(', ')}]`);
  context.addIssue({
    code: 'custom',
    path,
    message:
      nearest.length === 0
        ? `the ${networks} have no size near it that they can take; use fewer levels or smaller kernels`
        : `the ${networks} cannot take it; nearest sizes that work: ${nearest.join(' and ')}`,
  });
}

/** Checks that every trained network accepts its patch, and that the results of two networks have the same centre. */
function checkPatch(recipe: RecipeKeys, context: Context): void {
  // a number out of its range leaves the settings around it as they were written, without defaults
  if (context.issues.length > 0) return;
  const { student, teacher: taught, patch, cascade } = recipe;
  // the number of classes does not affect a size
  const own = architectureOf(student, 1).geometry;
  const isAlone = isFinished(taught);
  checkSize(patch.size, {
    geometry: isAlone ? own : jointGeometry(own, architectureOf(taught, 1).geometry),
    networks: isAlone ? 'networks of student' : 'networks of teacher and student',
    path: ['patch', 'size'],
    context,
  });
  if (cascade === null || typeof cascade.coarse === 'string') return;
  checkSize(cascade.coarse.patch.size, {
    geometry: architectureOf(cascade.coarse, 1).geometry,
    networks: 'network of the coarse stage',
    path: ['cascade', 'coarse', 'patch', 'size'],
    context,
  });
}

/** Refuses deep supervision of a network without a decoder of which a coarser level counts. */
function checkDeepSupervision(recipe: RecipeKeys, context: Context): void {
  if (context.issues.length > 0) return;
  const { student, teacher: taught, cascade } = recipe;
  const coarse = cascade === null || typeof cascade.coarse === 'string' ? {} : { 'cascade.coarse': cascade.coarse };
  for (const [key, settings] of Object.entries({ teacher: taught, student, ...coarse })) {
    if (isFinished(settings) || !settings.train.deepSupervision) continue;
    if (architectureOf(settings, 1).decoder.length >= SUPERVISED_DECODER) continue;
    context.addIssue({
      code: 'custom',
      path: [...key.split('.'), 'train', 'deepSupervision'],
      message:
        'needs a unet, residualUnet or generalizedUnet (padding: same) of at least 4 levels: the finest level of the decoder has the loss anyway, and the lowest does not count',
    });
  }
}

/**
 * Refuses a teacher with labels of its own where the normalisation is measured on the training cases: teacher and
 * student would be given different images.
 */
function checkTeacherLabels(recipe: RecipeKeys, context: Context): void {
  const { data, preprocess, teacher: taught } = recipe;
  if (data.splits.teacherLabels === 'same' || isFinished(taught) || ![preprocess.normalize].flat().includes('ct'))
    return;
  context.addIssue({
    code: 'custom',
    path: ['data', 'splits', 'teacherLabels'],
    message:
      'normalize: ct is measured on the training cases, which differ between teacher and student here; give its numbers, { ct: { low, high, mean, deviation } }, or train the teacher alone and name its file as teacher.onnx',
  });
}

/** Refuses what painted images cannot have: left and right where axes are not turned, and intensities of CT. */
function checkSynthesis({ data, preprocess }: RecipeKeys, context: Context): void {
  if (data.synthesize === null) return;
  if (preprocess.crop !== 'none') {
    const message =
      'cannot be combined with data.synthesize: what is painted has no voxels that were set to 0 for all images alike';
    context.addIssue({ code: 'custom', path: ['preprocess', 'crop'], message });
  }
  if (preprocess.orientation !== 'canonical') {
    const message = 'data.synthesize needs canonical axes, since it mirrors left and right';
    context.addIssue({ code: 'custom', path: ['preprocess', 'orientation'], message });
  }
  if ([preprocess.normalize].flat().some(method => method === 'ct' || typeof method === 'object')) {
    const message = 'painted images (data.synthesize) have no unit; use min-max, percentile or z-score';
    context.addIssue({ code: 'custom', path: ['preprocess', 'normalize'], message });
  }
}

/** Refuses a student with two starts, and one that is to start from several teachers. */
function checkStart({ student: own, teacher: taught }: RecipeKeys, context: Context): void {
  if (own.from === null) return;
  const refuse = (message: string): void => context.addIssue({ code: 'custom', path: ['student', 'from'], message });
  if (own.train.from !== null) refuse('cannot be combined with student.train.from; choose one start');
  if ('models' in taught || ('onnx' in taught && [taught.onnx].flat().length > 1)) {
    refuse('the student can start from one teacher alone, and there are several');
  }
}

/** Refuses training without labelled patches where something needs them: only a student can learn without labels. */
function checkLabelledPatches(recipe: RecipeKeys, context: Context): void {
  const { student: own, teacher: taught, baseline, distill, cascade } = recipe;
  const refuse = (path: string[], message: string): void => context.addIssue({ code: 'custom', path, message });
  if (!isFinished(taught) && taught.train.batch === 0) refuse(['teacher', 'train', 'batch'], 'must be at least 1');
  if (cascade !== null && typeof cascade.coarse !== 'string' && cascade.coarse.train.batch === 0) {
    refuse(['cascade', 'coarse', 'train', 'batch'], 'must be at least 1');
  }
  if (own.train.batch > 0) return;
  if (distill.unlabelled.batch === 0) {
    refuse(['student', 'train', 'batch'], 'is 0, so distill.unlabelled.batch must be at least 1');
  }
  if (baseline) refuse(['baseline'], 'must be false where student.train.batch is 0: without labels it has no target');
  if (own.train.deepSupervision) {
    refuse(['student', 'train', 'deepSupervision'], 'needs labelled patches, but train.batch is 0');
  }
}

/** All checks of a recipe as a whole, in the order of their messages. */
export const COMBINATIONS: readonly ((recipe: RecipeKeys, context: Context) => void)[] = [
  checkPatch,
  checkDeepSupervision,
  checkTeacherLabels,
  checkSynthesis,
  checkStart,
  checkLabelledPatches,
];
