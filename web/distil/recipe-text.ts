/**
 * The recipe of a distillation in the page: images as the teacher was trained to see them, patches of its window as far
 * as cases and memory let it, a U-Net as the student. It is the program's own recipe, so that Node repeats it.
 */
import { mapAxes, xyz } from '../../src/core/axes.ts';
import { InputError } from '../../src/core/errors.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { isLabelled } from '../../src/data/dataset.ts';
import { dataShape, planArm } from '../../src/experiment/arm-plan.ts';
import type { ModelMetadata } from '../../src/experiment/model-facts.ts';
import { networkFor, type PlannedUnet } from '../../src/experiment/plan-network.ts';
import { firstFitting, shrinkingPatches } from '../../src/experiment/plan-patch.ts';
import { parseRecipe } from '../../src/recipe/parse.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import { trainingMemory } from '../../src/training/costs.ts';
import type { Xyz } from '../../src/volume/volume.ts';
import { type Choices, STUDENT_SIZES } from './protocol.ts';
import { FEWEST_LABELLED, SPLITS, withLabelledPatches } from './teacher-alone.ts';

/** Size and voxel size of an image in canonical axes. */
export interface Grid {
  readonly sizeVoxels: Xyz;
  readonly spacingMm: Xyz;
}

export interface RecipeOptions {
  readonly version: string;
  /** Path of the teacher's file in the session. */
  readonly teacherPath: string;
  readonly teacher: Pick<
    ModelMetadata,
    'patch' | 'crop' | 'spacingMm' | 'orientation' | 'imageInterpolation' | 'normalize' | 'labels' | 'axes'
  >;
  readonly dataset: Dataset;
  /** Of some of the images. */
  readonly grids: readonly Grid[];
  readonly choices: Choices;
  readonly threads: number;
  /** What computes. */
  readonly engine: Pick<Engine, 'device' | 'block' | 'folded'>;
  /** Bytes that the browser still lets this page store. */
  readonly freeBytes: number;
}

/** Memory of a training, beside the page, its images and the teacher. */
const TRAINING_BYTES = 1.5e9;
/** Largest side of a patch, voxels. */
const LARGEST_SIDE = 128;
const BATCH = 2;
/**
 * Share of the steps that have patches of their own, and how many have at least, where the teacher's answers are kept:
 * in a page it is most of a step.
 */
const OWN_SHARE = 0.25;
const FEWEST_OWN = 100;
/** Share of the free storage that the teacher's answers may take. */
const SOFT_LABEL_SHARE = 0.3;
/** Ratio of spacings from which volumes are turned only within their fine planes. */
const THICK_SLICES = 3;
/** Labelled cases from which a tenth is enough to choose by. */
const MANY_CASES = 20;

const list = (values: readonly number[]): string => `[${values.join(', ')}]`;
const lists = (values: readonly Xyz[]): string => `[${values.map(list).join(', ')}]`;

/** Voxel size of the training: the teacher's, or the median of the images. */
function spacingOf({ teacher, grids }: RecipeOptions): Xyz {
  if (teacher.spacingMm !== null) return teacher.spacingMm;
  return mapAxes(axis => {
    const sorted = grids.map(({ spacingMm }) => spacingMm[axis]).sort((a, b) => a - b);
    return sorted[sorted.length >> 1] ?? 1;
  });
}

/** Sizes of the images along an axis at that spacing, the smallest first. */
function sizesAlong(grids: readonly Grid[], spacing: Xyz, axis: 0 | 1 | 2): readonly number[] {
  return grids
    .map(({ sizeVoxels, spacingMm }) => Math.max(1, Math.round((sizeVoxels[axis] * spacingMm[axis]) / spacing[axis])))
    .sort((a, b) => a - b);
}

/** The student for a patch, with as many levels as its size has and the patch has room for. */
function studentFor(wanted: Xyz, { choices }: RecipeOptions, { spacing, limit }: { spacing: Xyz; limit: Xyz }) {
  const features = STUDENT_SIZES[choices.size];
  const { patchVoxels, teacher: shape } = networkFor(wanted, spacing, { limit, levels: features.length });
  const student: PlannedUnet = { ...shape, features: features.slice(0, shape.kernels.length) };
  return { patchVoxels, student };
}

function unetText({ features, kernels, pooling }: PlannedUnet): string {
  const isPlain = (values: readonly Xyz[], value: number): boolean => values.flat().every(one => one === value);
  return [
    `features: ${list(features)}`,
    ...(isPlain(kernels, 3) ? [] : [`kernels: ${lists(kernels)}`]),
    ...(isPlain(pooling, 2) ? [] : [`pooling: ${lists(pooling)}`]),
  ].join(', ');
}

/** Number of steps that have patches of their own where the teacher's answers are kept. */
function ownSteps(steps: number): number {
  return Math.min(steps, Math.max(FEWEST_OWN, Math.ceil(OWN_SHARE * steps)));
}

/** Bytes of the teacher's answers that are kept; undefined where there is no room for them. */
function answerBytes(
  { patchVoxels, batch }: { patchVoxels: Xyz; batch: number },
  { teacher, choices, freeBytes }: RecipeOptions,
): number | undefined {
  const [x, y, z] = patchVoxels;
  const bytes = ownSteps(choices.steps) * batch * teacher.labels.length * x * y * z * Uint16Array.BYTES_PER_ELEMENT;
  return bytes > SOFT_LABEL_SHARE * freeBytes ? undefined : bytes;
}

/** The teacher's answers are kept where there is room for them, so that it is asked once for each patch. */
function softLabelLines(bytes: number | undefined): string[] {
  if (bytes === undefined) return ['  softLabels: step # the storage has no room for the answers of the teacher'];
  return [
    '  softLabels: cache # the teacher is asked once for each patch, by a resumed training too',
    `  cache: { limitMB: ${Math.ceil((1.1 * bytes) / 1e6) + 1} }`,
  ];
}

/** Patches that come again, where the answers to them are kept. */
function patchLines(patchVoxels: Xyz, isKept: boolean, { choices: { steps } }: RecipeOptions): string[] {
  const own = ownSteps(steps);
  const patch = `size: ${list(patchVoxels)}, foreground: 0.5`;
  if (!isKept || own === steps) return [`patch: { ${patch} } # voxels, x y z`];
  return [
    `# the patches of ${own} steps come again, so that the teacher answers ${own} times and not ${steps}; without repeatAfter every`,
    '# step has patches of its own, which is slower and more varied; voxels, x y z',
    `patch: { ${patch}, repeatAfter: ${own} }`,
  ];
}

/** What computed the steps that were tried, so that a session goes on with it. */
function machineLines({ threads, engine }: RecipeOptions): string[] {
  const device = `device: ${engine.device} # as tried in the page; cpu gives the same but for rounding`;
  return [`threads: ${threads}`, ...(engine.device === 'cpu' ? [] : [device])];
}

/** How the cases are divided: by fractions, or where there are too few labels by a file that lists them. */
function splitsLine(labelled: number): string {
  if (labelled < FEWEST_LABELLED) return `  splits: { file: ${SPLITS} } # too few labels to train and test on`;
  return labelled < MANY_CASES
    ? '  splits: { seed: 1, train: 0.6, val: 0.2, test: 0.2 }'
    : '  splits: { seed: 1, train: 0.7, val: 0.1, test: 0.2 }';
}

/**
 * The recipe as YAML with its reasons. With fewer than three labelled cases the student learns from the teacher alone.
 * @throws {InputError} E_PLAN_MEMORY if even the smallest patch is too much for a tab
 */
export function recipeText(options: RecipeOptions): string {
  const { version, teacherPath, teacher, dataset, grids, choices, engine } = options;
  const labelled = dataset.cases.filter(isLabelled).length;
  const unlabelled = dataset.cases.length - labelled;
  const isAlone = labelled < FEWEST_LABELLED;
  const spacing = spacingOf(options);
  const window = teacher.axes.endsWith('XYZ') ? teacher.patch : xyz(teacher.patch);
  const limit = mapAxes(axis => 2 * (sizesAlong(grids, spacing, axis)[0] ?? 1));
  const wanted = mapAxes(axis => {
    const sizes = sizesAlong(grids, spacing, axis);
    return Math.min(LARGEST_SIDE, window[axis] ?? 1, Math.max(8, sizes[sizes.length >> 1] ?? 1), limit[axis]);
  });
  const [own, others] = isAlone ? [0, BATCH] : unlabelled > 0 ? [1, 1] : [BATCH, 0];
  const isThick = Math.max(...spacing) > THICK_SLICES * Math.min(...spacing);
  const coarsest = Math.max(...spacing);
  const regions = dataset.labels.some(({ region }) => region !== undefined);
  const textFor = (patch: Xyz): string => {
    const { patchVoxels, student } = studentFor(patch, options, { spacing, limit });
    const bytes = answerBytes({ patchVoxels, batch: own + others }, options);
    return [
      `# Made by voxstill ${version} in a browser. To repeat it in Node put the data as ${dataset.folder} and the teacher as`,
      `# ${teacherPath} beside this file, and run: npx voxstill ${isAlone ? 'train recipe.yaml --arm student' : 'run recipe.yaml'}`,
      'data:',
      `  dataset: ${JSON.stringify(dataset.folder)}`,
      splitsLine(labelled),
      'preprocess: # as the teacher was trained',
      ...(teacher.crop === undefined || teacher.crop === 'none' ? [] : [`  crop: ${teacher.crop}`]),
      `  spacingMm: ${teacher.spacingMm === null ? 'null' : list(teacher.spacingMm)}`,
      `  orientation: ${teacher.orientation === 'RAS' ? 'canonical' : 'stored'}`,
      `  imageInterpolation: ${teacher.imageInterpolation}`,
      `  normalize: ${JSON.stringify(teacher.normalize)}`,
      ...patchLines(patchVoxels, bytes !== undefined, options),
      'augment:',
      '  flip: [] # add x, y or z where left and right, front and back or top and bottom mean the same',
      `  rotateDegrees: ${isThick ? list(spacing.map(one => (one === coarsest ? 10 : 0))) : 10}`,
      '  scale: [0.9, 1.1]',
      '  noise: 0.05',
      '  gamma: [0.8, 1.25]',
      ...(regions
        ? ['loss: { crossEntropy: { kind: binary } } # regions overlap, so each is a channel of its own']
        : []),
      `teacher: { onnx: ${JSON.stringify(teacherPath)} }`,
      'student:',
      `  unet: { ${unetText(student)} }`,
      `  train: { steps: ${choices.steps}, batch: ${own}, learningRate: 0.01 }`,
      'distill:',
      `  losses: ${dataset.labels.length >= 3 && !regions ? '[{ softDice: {} }, { dist: {} }]' : '[{ softDice: {} }]'}`,
      ...(others > 0 ? [`  unlabelled: { batch: ${others} } # of the ${unlabelled} images without labels`] : []),
      ...softLabelLines(bytes),
      isAlone ? 'baseline: false # without labels it has nothing to learn from' : `baseline: ${choices.baseline}`,
      'seeds: [1]',
      ...machineLines(options),
      '',
    ].join('\n');
  };
  const bytesOf = (patch: Xyz): number => {
    const recipe = withLabelledPatches(parseRecipe(textFor(patch), { path: 'the recipe' }));
    return trainingMemory(planArm(recipe, 'student', dataShape(dataset)).step, engine);
  };
  const patch = firstFitting(shrinkingPatches(wanted, spacing), bytesOf, TRAINING_BYTES);
  if (patch === undefined) {
    throw new InputError(
      'E_PLAN_MEMORY',
      'even the smallest patch takes more memory than a tab has. Choose a smaller student.',
    );
  }
  return textFor(patch);
}
