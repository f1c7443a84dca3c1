/**
 * What one model or several say about turning probabilities into labels, and about how sure these are: thresholds
 * and temperatures, which count only where all models of an ensemble share them.
 */
import type { LabelArray, Volume } from '../volume/volume.ts';
import { type Confidence, type ConfidenceCounter, countConfidence } from './confidence.ts';
import { type JointClasses, sharedPostprocessing, sharedTemperature, sharedThresholds } from './ensemble.ts';
import type { ModelInfo, ModelLabel, OutputClasses } from './model-info.ts';
import { PLAIN_THRESHOLD } from './probabilities.ts';

/** A warning about an ensemble whose models do not agree. */
export interface EnsembleWarning {
  readonly code: 'W_DECODE' | 'W_TEMPERATURE';
  readonly message: string;
}

/** What the confidence of a segmentation is counted over. */
interface ConfidenceOf {
  readonly classes: OutputClasses;
  readonly voxels: number;
  readonly options: {
    readonly confidence?: boolean | 'entropy';
    readonly postprocess?: boolean;
    readonly counted?: Uint8Array | undefined;
    readonly joint?: JointClasses;
  };
}

/**
 * Thresholds of classes by name as those of the output's channels; a class without one, and the background, has the
 * plain one.
 * @param values label value of each channel
 */
export function channelThresholds(
  byName: Readonly<Record<string, number>>,
  labels: readonly ModelLabel[],
  values: readonly number[],
): readonly number[] {
  const nameOf = new Map(labels.map(({ value, name }) => [value, name]));
  return values.map(value => (value === 0 ? undefined : byName[nameOf.get(value) ?? '']) ?? PLAIN_THRESHOLD);
}

/**
 * The thresholds of the channels that the models share; none where they differ.
 * @param joint where the models know different classes; then they share none
 */
export function decoding(
  infos: readonly ModelInfo[],
  { values }: OutputClasses,
  joint?: JointClasses,
): { readonly thresholds?: readonly number[]; readonly warnings: readonly EnsembleWarning[] } {
  const byName = sharedThresholds(infos);
  const hasAny = infos.some(({ thresholds = {} }) => Object.keys(thresholds).length > 0);
  if (byName === undefined || (joint !== undefined && hasAny)) {
    const message =
      'the models of the ensemble have different thresholds of their classes, so the likeliest class wins.';
    return { warnings: [{ code: 'W_DECODE', message }] };
  }
  if (Object.keys(byName).length === 0) return { warnings: [] };
  return { thresholds: channelThresholds(byName, infos[0]!.labels, values), warnings: [] };
}

/** What counts how sure the segmentation is, if that is asked for. */
export function confidenceOf(
  infos: readonly ModelInfo[],
  { classes, voxels, options }: ConfidenceOf,
): ConfidenceCounter | undefined {
  const { confidence = false, postprocess: isFinished = true, counted, joint } = options;
  if (confidence === false) return undefined;
  return countConfidence({
    classes,
    labels: joint?.labels ?? infos[0]!.labels,
    temperature: joint === undefined ? sharedTemperature(infos) : null,
    voxels,
    counted,
    entropy: confidence === 'entropy',
    canChange: isFinished && Object.keys(sharedPostprocessing(infos) ?? {}).length > 0,
  });
}

/**
 * Says where temperatures were fitted but cannot be used.
 * @param joint where the models know different classes
 */
export function temperatureWarnings(infos: readonly ModelInfo[], joint?: JointClasses): readonly EnsembleWarning[] {
  if (infos.every(({ temperature }) => temperature === undefined)) return [];
  if (joint === undefined && sharedTemperature(infos) !== null) return [];
  const message =
    'the models of the ensemble have different temperatures, so expected Dice and entropy are from the mean of their probabilities as it is.';
  return [{ code: 'W_TEMPERATURE', message }];
}

/** What was counted, with the entropy as a volume on the grid of the segmentation. */
export function confidenceOn(
  grid: Pick<Volume, 'sizeVoxels' | 'spacingMm' | 'affine'>,
  counter: ConfidenceCounter,
  { before, after }: { readonly before: LabelArray; readonly after: LabelArray },
): Confidence {
  const { entropy } = counter;
  return {
    ...counter.finish(before, after),
    ...(entropy && { entropy: { ...grid, data: entropy, channels: 1 } }),
  };
}
