/** Writes a plan as a recipe: YAML with the reasons beside the values. Omitted keys have the defaults of the schema. */
import {
  formatBytes,
  formatDice,
  formatDuration,
  formatNumber,
  formatSeconds,
  formatShare,
  formatWhole,
  sixDigits,
} from '../core/format.ts';
import type { Fingerprint, Spread } from '../data/fingerprint.ts';
import type { AskedValues } from '../data/synthesis/settings.ts';
import type { Xyz } from '../volume/volume.ts';
import { type Plan, TRAINING_SHARE } from './plan.ts';
import type { PlannedUnet } from './plan-network.ts';
import type { Division, PlanTime } from './plan-time.ts';
import type { SpacingCeiling } from './spacing-ceiling.ts';

const list = (values: readonly number[]): string => `[${values.map(sixDigits).join(', ')}]`;
const lists = (values: readonly Xyz[]): string => `[${values.map(list).join(', ')}]`;
const isUniform = (values: readonly Xyz[], value: number): boolean => values.flat().every(one => one === value);

/** Keys of a U-Net; values that equal the default everywhere are omitted. */
function unetKeys({ features, kernels, pooling }: PlannedUnet): string {
  return [
    `features: ${list(features)}`,
    ...(isUniform(kernels, 3) ? [] : [`kernels: ${lists(kernels)}`]),
    ...(isUniform(pooling, 2) ? [] : [`pooling: ${lists(pooling)}`]),
  ].join(', ');
}

function sizeRange(sizes: readonly Spread[]): string {
  const at = (pick: (spread: Spread) => number): string => sizes.map(pick).join(' x ');
  return `${at(({ min }) => min)} to ${at(({ max }) => max)} voxels, median ${at(({ median }) => median)}`;
}

/** Rotation within planes, and about the coarse axis only, which keeps thick slices intact. */
function rotation({ isAnisotropic, spacingMm, patchVoxels }: Plan): string {
  if (patchVoxels.includes(1)) return list(patchVoxels.map(size => (size === 1 ? 15 : 0)));
  if (!isAnisotropic) return '15';
  const coarsest = Math.max(...spacingMm);
  return list(spacingMm.map(spacing => (spacing === coarsest ? 15 : 0)));
}

function normalization({ normalize }: Plan): string {
  const [first] = normalize;
  return normalize.every(method => method === first) ? String(first) : `[${normalize.join(', ')}]`;
}

/** Losses that beat the default for three or more exclusive classes, including the background. */
function distillation({ labels }: Fingerprint): readonly string[] {
  const areExclusive = labels.every(({ region }) => region === undefined);
  return areExclusive && labels.length >= 3 ? ['distill: { losses: [{ softDice: {} }, { dist: {} }] }'] : [];
}

function header(fingerprint: Fingerprint, plan: Plan, { time, region }: PlanContext): readonly string[] {
  const { dataset, labelledCases, unlabelledCases, channels, classes, foregroundShare, spacingMm, sizeVoxels } =
    fingerprint;
  const spacings = spacingMm.map(({ min, max }) => (min === max ? `${min}` : `${min}-${max}`)).join(' x ');
  return [
    `# ${dataset}: ${labelledCases} labelled cases${unlabelledCases > 0 ? `, ${unlabelledCases} without a label` : ''}`,
    `# channels: ${channels.map(({ name }) => name).join(', ')}`,
    `# size: ${sizeRange(sizeVoxels)}; spacing: ${spacings} mm`,
    `# segmented: ${formatShare(foregroundShare, 1)} of the voxels; ${classes
      .map(({ name, cases, voxelShare }) => `${name} ${formatShare(voxelShare, 1)} in ${cases} cases`)
      .join(', ')}`,
    '# Planned by the rules of nnU-Net (arXiv:1904.08128), scaled down to processors; every key: docs/recipe.md',
    ...(region === undefined
      ? []
      : [
          `# coarse stage: about ${costOf(region.coarse.steps, { ...region.costs, stepMs: time?.stepMs.coarse ?? region.costs.stepMs })}`,
        ]),
    `# teacher: about ${costText(plan, 'teacher', time)}`,
    `# student and baseline: about ${costText(plan, 'student', time)}`,
    ...(time === undefined
      ? []
      : [
          `# in all about ${formatDuration(time.seconds)} on this machine: steps as measured here, validations, post-processing and evaluation${foldsText(fingerprint)}`,
        ]),
  ];
}

function foldsText(fingerprint: Fingerprint): string {
  const { repeats } = divisionOf(fingerprint);
  return repeats > 1 ? `, for ${repeats} folds` : '';
}

function costText({ teacher, student, steps }: Plan, arm: 'teacher' | 'student', time?: PlanTime): string {
  const own = arm === 'teacher' ? teacher : student;
  return costOf(steps, { ...own, stepMs: time?.stepMs[arm] ?? own.stepMs });
}

function costOf(steps: number, { parameters, trainingBytes, stepMs }: StageCosts): string {
  return `${formatWhole(parameters)} parameters, ${formatBytes(trainingBytes)}, ${formatSeconds(stepMs / 1000)} per step, ${formatDuration((stepMs * steps) / 1000)}`;
}

/** Cases below which one division leaves too few to test and to choose by. */
const FEW_CASES = 30;
const FOLDS = 5;
/** Share of the training cases of a fold that validate: the default of data.splits.val. */
const FOLD_VALIDATION = 0.1;

function foldsOf({ labelledCases }: Fingerprint): number {
  return Math.max(2, Math.min(FOLDS, labelledCases));
}

/** How the planned recipe divides its cases. */
export function divisionOf(fingerprint: Fingerprint): Division {
  const folds = foldsOf(fingerprint);
  return fingerprint.labelledCases < FEW_CASES
    ? { validation: FOLD_VALIDATION, test: 1 / folds, repeats: folds }
    : { validation: 0.1, test: 0.2, repeats: 1 };
}

function splitsOf(fingerprint: Fingerprint): string {
  const { labelledCases } = fingerprint;
  return labelledCases < FEW_CASES
    ? `{ seed: 1, folds: ${foldsOf(fingerprint)} } # only ${labelledCases} labelled cases: with folds every one is tested once, at as many trainings`
    : '{ seed: 1, train: 0.7, val: 0.1, test: 0.2 } # or { folds: 5 }';
}

export interface PlanContext {
  /** Path of the data set, as the recipe names it. */
  readonly dataset: string;
  /** Times on this machine. */
  readonly time?: PlanTime;
  /** The plan at full resolution that this one stands for, and what its spacing costs at best. */
  readonly instead?: { readonly full: Plan; readonly ceiling: SpacingCeiling };
  /** The region that the plan is for, and what finds it. */
  readonly region?: RegionContext;
}

/** Costs of a network in training. */
export type StageCosts = Pick<Plan['student'], 'parameters' | 'trainingBytes' | 'stepMs'>;

/** The region of interest of a fine stage. */
interface RegionContext {
  /** The plan of whole cases, whose student finds it. */
  readonly coarse: Plan;
  /** Costs of that network by itself. */
  readonly costs: StageCosts;
  readonly marginMm: number;
  /** Share of the voxels of a case in it, in the median. */
  readonly share: number;
}

/** The region of a fine stage, with its reason. */
function cascadeLines(fingerprint: Fingerprint, { region }: PlanContext): readonly string[] {
  if (region === undefined) return [];
  const { coarse, marginMm, share } = region;
  return [
    'cascade:',
    `  # the box around everything that is labelled, with ${marginMm} mm on every side, has ${formatShare(share, 1)} of the voxels of a case in the median:`,
    '  # a network that is trained first finds it in whole cases; all that follows is about what lies inside',
    '  coarse:',
    `    # whole cases are then ${coarse.medianSizeVoxels.join(' x ')} voxels in the median, of which a patch covers ${formatShare(coarse.coverage, 1)}`,
    `    spacingMm: ${list(coarse.spacingMm)}`,
    `    patch: { size: ${list(coarse.patchVoxels)} }`,
    `    unet: { ${unetKeys(coarse.student)} } # small, since every model file carries it; a larger one misses less`,
    `    train: { steps: ${coarse.steps}, batch: ${coarse.batch}, learningRate: 0.01 } # ${stepsReason(fingerprint, coarse)}`,
    `  marginMm: ${marginMm}`,
  ];
}

/** The crop with its reason; why there is none where cases would have been cropped but for their labels. */
function cropLines({ boxShare, labelledOutside, labelledCases }: Fingerprint, { crop }: Plan): readonly string[] {
  const kept = formatShare(boxShare.median, 1);
  if (crop === 'nonzero') {
    return [
      `  # around the body everything is 0: the box around the rest has ${kept} of the voxels of a case in the median (${formatShare(boxShare.min, 1)} to ${formatShare(boxShare.max, 1)})`,
      '  crop: nonzero',
    ];
  }
  if (labelledOutside === 0 || boxShare.median > 0.99) return [];
  return [
    `  # no crop: ${labelledOutside} of ${labelledCases} cases have labelled voxels where the image is 0, outside of the box around the rest`,
  ];
}

/** Why the spacing is what it is. */
function spacingReason({ medianSizeVoxels, coverage }: Plan, { instead, region }: PlanContext): readonly string[] {
  const size = medianSizeVoxels.join(' x ');
  const what = region === undefined ? 'a case' : 'a region';
  if (instead === undefined) {
    return [
      region === undefined
        ? `the median of the cases; they are then ${size} voxels in the median`
        : `the median of the cases; their regions are then ${size} voxels in the median`,
    ];
  }
  const { full, ceiling } = instead;
  const dice = Object.entries(ceiling.dice).flatMap(([name, value]) =>
    value === null ? [] : [`${name} ${formatDice(value)}`],
  );
  return [
    `coarser than the cases (${full.spacingMm.join(' x ')}); ${region === undefined ? 'they' : 'the regions'} are then ${size} voxels in the median:`,
    `a patch covers ${formatShare(coverage, 1)} of ${what}, where at full resolution it would cover ${formatShare(full.coverage, 1)}${region === undefined ? ' (--resolution full)' : ''}`,
    `no network can do better at this spacing than a Dice of ${dice.join(', ')} (measured on the labels of ${ceiling.cases} cases)`,
  ];
}

/** Why there are that many steps. */
function stepsReason({ labelledCases }: Fingerprint, { steps, batch, coverage }: Plan): string {
  const visits = (steps * batch * coverage) / Math.max(1, Math.round(TRAINING_SHARE * labelledCases));
  return `patches cover each training case ${formatNumber(visits, visits < 10 ? 1 : 0)} times; more steps are better where there is time`;
}

/** How images are painted, where the data set has none. */
function synthesisLines({ synthesis }: Fingerprint): readonly string[] {
  if (synthesis === undefined) return [];
  const one = (value: number | string): string => String(value);
  const text = (values: AskedValues): string =>
    typeof values === 'object' ? `[${values.map(one).join(', ')}]` : one(values);
  return [
    '  synthesize: # the cases are label maps: images are painted of them, docs/synthesis.md',
    ...(synthesis.flip ? [] : ['    flip: false # or pair left and right values in sides']),
    '    # several values may be one class; tissues that no network should learn belong in others: [22-50]',
    '    classes:',
    ...Object.entries(synthesis.classes).map(([name, values]) => `      ${JSON.stringify(name)}: ${text(values)}`),
  ];
}

function augmentation(plan: Plan): readonly string[] {
  return [
    'augment:',
    '  flip: [] # add x, y or z where left and right, front and back or top and bottom mean the same',
    `  rotateDegrees: ${rotation(plan)}`,
    '  scale: [0.85, 1.18]',
    '  noise: 0.1',
    '  brightness: 0.1',
    '  contrast: [0.8, 1.25]',
    '  gamma: [0.8, 1.25]',
    '  probability: { noise: 0.3, brightness: 0.3, contrast: 0.3, gamma: 0.3 }',
  ];
}

/** The recipe of a plan. */
export function formatPlan(fingerprint: Fingerprint, plan: Plan, context: PlanContext): string {
  const { dataset } = context;
  const { spacingMm, patchVoxels, teacher, student, batch, steps } = plan;
  const regions = fingerprint.labels.some(({ region }) => region !== undefined);
  const train = `steps: ${steps}, batch: ${batch}`;
  return [
    ...header(fingerprint, plan, context),
    'data:',
    `  dataset: ${JSON.stringify(dataset)}`,
    `  splits: ${splitsOf(fingerprint)}; data.patients keeps scans of one patient together`,
    ...synthesisLines(fingerprint),
    ...cascadeLines(fingerprint, context),
    'preprocess:',
    ...cropLines(fingerprint, plan),
    ...spacingReason(plan, context).map(reason => `  # ${reason}`),
    `  spacingMm: ${list(spacingMm)}`,
    `  normalize: ${normalization(plan)}`,
    'patch:',
    `  size: ${list(patchVoxels)} # voxels, x y z: the largest that fits the memory with a batch of ${batch}`,
    '  foreground: 0.33 # a third of the patches is centred on a labelled voxel',
    ...(fingerprint.synthesis === undefined ? augmentation(plan) : []),
    ...(regions ? ['loss: { crossEntropy: { kind: binary } } # regions overlap, so each is a channel of its own'] : []),
    'teacher:',
    `  unet: { ${unetKeys(teacher)} }`,
    `  train: { ${train} } # ${stepsReason(fingerprint, plan)}`,
    'student: # a sixteenth of the parameters',
    `  unet: { ${unetKeys(student)} }`,
    `  train: { ${train}, learningRate: 0.01 } # small networks learn slowly at the teacher's rate`,
    ...distillation(fingerprint),
    'seeds: [1] # three or more to compare methods rather than models',
    '',
  ].join('\n');
}
