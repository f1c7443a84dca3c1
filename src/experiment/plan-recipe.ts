/** Writes a plan as a recipe: YAML with the reasons beside the values. Omitted keys have the defaults of the schema. */
import { formatBytes, formatDuration, formatSeconds, formatShare, formatWhole } from '../core/format.ts';
import type { Fingerprint, Spread } from '../data/fingerprint.ts';
import type { Xyz } from '../volume/volume.ts';
import type { Plan, PlannedUnet } from './plan.ts';

const list = (values: readonly number[]): string => `[${values.map(value => Number(value.toPrecision(6))).join(', ')}]`;
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

/** Rotation about the coarse axis only, which keeps thick slices intact. */
function rotation({ isAnisotropic, spacingMm }: Plan): string {
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

function header(fingerprint: Fingerprint, plan: Plan): readonly string[] {
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
    `# teacher: about ${costText(plan, 'teacher')}`,
    `# student and baseline: about ${costText(plan, 'student')}`,
  ];
}

function costText({ teacher, student, steps }: Plan, arm: 'teacher' | 'student'): string {
  const { parameters, trainingBytes, stepMs } = arm === 'teacher' ? teacher : student;
  return `${formatWhole(parameters)} parameters, ${formatBytes(trainingBytes)}, ${formatSeconds(stepMs / 1000)} per step, ${formatDuration((stepMs * steps) / 1000)}`;
}

/** Cases below which one division leaves too few to test and to choose by. */
const FEW_CASES = 30;

function splitsOf({ labelledCases }: Fingerprint): string {
  return labelledCases < FEW_CASES
    ? `{ seed: 1, folds: 5 } # only ${labelledCases} labelled cases: with folds every one is tested once, at five times the training`
    : '{ seed: 1, train: 0.7, val: 0.1, test: 0.2 } # or { folds: 5 }';
}

/**
 * The recipe of a plan.
 * @param dataset path of the data set, as the recipe names it
 */
export function formatPlan(fingerprint: Fingerprint, plan: Plan, dataset: string): string {
  const { spacingMm, medianSizeVoxels, patchVoxels, teacher, student, batch, steps } = plan;
  const regions = fingerprint.labels.some(({ region }) => region !== undefined);
  const train = `steps: ${steps}, batch: ${batch}`;
  return [
    ...header(fingerprint, plan),
    'data:',
    `  dataset: ${JSON.stringify(dataset)}`,
    `  splits: ${splitsOf(fingerprint)}; data.patients keeps scans of one patient together`,
    'preprocess:',
    `  spacingMm: ${list(spacingMm)} # the median of the cases; they are then ${medianSizeVoxels.join(' x ')} voxels in the median`,
    `  normalize: ${normalization(plan)}`,
    'patch:',
    `  size: ${list(patchVoxels)} # voxels, x y z`,
    '  foreground: 0.33 # a third of the patches is centred on a labelled voxel',
    'augment:',
    '  flip: [] # add x, y or z where left and right, front and back or top and bottom mean the same',
    `  rotateDegrees: ${rotation(plan)}`,
    '  scale: [0.85, 1.18]',
    '  noise: 0.1',
    '  brightness: 0.1',
    '  contrast: [0.8, 1.25]',
    '  gamma: [0.8, 1.25]',
    '  probability: { noise: 0.3, brightness: 0.3, contrast: 0.3, gamma: 0.3 }',
    ...(regions ? ['loss: { crossEntropy: { kind: binary } } # regions overlap, so each is a channel of its own'] : []),
    'teacher:',
    `  unet: { ${unetKeys(teacher)} }`,
    `  train: { ${train} }`,
    'student: # a sixteenth of the parameters',
    `  unet: { ${unetKeys(student)} }`,
    `  train: { ${train}, learningRate: 0.01 } # small networks learn slowly at the teacher's rate`,
    ...distillation(fingerprint),
    'seeds: [1] # three or more to compare methods rather than models',
    '',
  ].join('\n');
}
