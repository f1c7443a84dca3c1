/**
 * How well a segmentation agrees with its reference: overlap, surface distances, volume and calibration per class of
 * one case, and the summary of many. The results are plain numbers ready for JSON: an infinite or undefined number is
 * null and `presence` says why.
 */
import type { LabelArray, Xyz } from '../volume/volume.ts';
import { estimateMean, type ScoreRange } from './crossed-mean.ts';
import { type LesionScore, scoreLesions } from './lesions.ts';
import {
  countOverlap,
  diceOf,
  iouOf,
  maskOf,
  type Overlap,
  type Presence,
  precisionOf,
  presenceOf,
  sensitivityOf,
  volumeMl,
} from './overlap.ts';
import { type Estimate, meanOf } from './statistics.ts';
import { surfaceDistance } from './surface-distance.ts';

/** What is averaged over cases, per class, and what it can be. */
const RANGES = {
  dice: [0, 1],
  iou: [0, 1],
  sensitivity: [0, 1],
  precision: [0, 1],
  hd95Mm: [0, Number.POSITIVE_INFINITY],
  assdMm: [0, Number.POSITIVE_INFINITY],
  surfaceDice: [0, 1],
  volumeErrorMl: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  volumeErrorPercent: [-100, Number.POSITIVE_INFINITY],
  ece: [0, 1],
  lesionF1: [0, 1],
  lesionDice: [0, 1],
  panopticQuality: [0, 1],
  calibratedEce: [0, 1],
  expectedDice: [0, 1],
} as const satisfies Partial<Record<keyof ClassScore, ScoreRange>>;

/** A score of one class in one case. */
export type ClassMetric = keyof typeof RANGES;

/** What is averaged over cases, per class. */
export const CLASS_METRICS = Object.keys(RANGES) as readonly ClassMetric[];

/** The least and the most that a metric can be. */
export function rangeOf(metric: ClassMetric): ScoreRange {
  return RANGES[metric];
}

/** Scores of one class in one case. */
export interface ClassScore {
  readonly presence: Presence;
  /** null where both are empty, 0 where one is. */
  readonly dice: number | null;
  /** Intersection over union; null where both are empty, 0 where one is. */
  readonly iou: number | null;
  /** Share of the reference that was found; null where the reference is empty. */
  readonly sensitivity: number | null;
  /** Share of the prediction that is right; null where the prediction is empty. */
  readonly precision: number | null;
  /** null where either is empty: infinite where one is, undefined where both are. */
  readonly hd95Mm: number | null;
  readonly assdMm: number | null;
  /** Share of both surfaces within the tolerance; null where both are empty, 0 where one is. */
  readonly surfaceDice: number | null;
  /** Volume of the prediction. */
  readonly volumeMl: number;
  readonly referenceMl: number;
  /** Prediction minus reference; null where both are empty. */
  readonly volumeErrorMl: number | null;
  /** The same in per cent of the reference; null where the reference is empty. */
  readonly volumeErrorPercent: number | null;
  /**
   * Expected calibration error of the class's probabilities over all voxels; null where both are empty or no
   * probabilities are known.
   */
  readonly ece: number | null;
  /** The same of the probabilities at the model's temperature; null where it has none. */
  readonly calibratedEce: number | null;
  /** Dice that the model expects by its own probabilities; null where it found nothing, or they are not known. */
  readonly expectedDice: number | null;
  /** F1 of lesions, for classes declared as many structures; null for others. See {@link scoreLesions}. */
  readonly lesionF1: number | null;
  readonly lesionDice: number | null;
  readonly panopticQuality: number | null;
}

export interface CaseScore {
  readonly id: string;
  readonly classes: Readonly<Record<string, ClassScore>>;
  /** Mean over the classes present in reference or prediction; null where there is none. */
  readonly meanDice: number | null;
}

/** A class to score. */
interface ScoredClass {
  readonly value: number;
  readonly name: string;
  /** The label values that make up a region, which is scored as a whole; absent for plain classes. */
  readonly region?: readonly number[] | undefined;
}

export interface ScoreCaseOptions {
  readonly id: string;
  readonly sizeVoxels: Xyz;
  readonly spacingMm: Xyz;
  /** The classes to score, without the background. */
  readonly classes: readonly ScoredClass[];
  /** Tolerance of the surface Dice; 1 mm if not given. */
  readonly toleranceMm?: number;
  /** Classes that are made of many structures, which are scored structure by structure too. */
  readonly lesions?: readonly string[];
  /** Expected calibration error by class name, where probabilities are known. */
  readonly ece?: Readonly<Record<string, number>>;
  /** The same at the model's temperature. */
  readonly calibratedEce?: Readonly<Record<string, number>>;
  /** Dice that the model expects, by class name. */
  readonly expectedDice?: Readonly<Record<string, number | null>>;
}

/**
 * Scores a predicted label volume against its reference.
 * @param reference label value per voxel, x fastest
 * @param prediction same grid
 * @throws {ShapeError} if a volume is not of the stated size
 */
export function scoreCase(reference: LabelArray, prediction: LabelArray, options: ScoreCaseOptions): CaseScore {
  const { id, classes, spacingMm } = options;
  const overlaps = countOverlap(
    reference,
    prediction,
    classes.map(({ value, region }) => region ?? value),
  );
  const scores: Record<string, ClassScore> = {};
  const present: number[] = [];
  classes.forEach(({ value, name, region }, index) => {
    const overlap = overlaps[index]!;
    const dice = diceOf(overlap);
    if (dice !== null) present.push(dice);
    const presence = presenceOf(overlap);
    scores[name] = {
      presence,
      dice,
      iou: iouOf(overlap),
      sensitivity: sensitivityOf(overlap),
      precision: precisionOf(overlap),
      ...(region === undefined
        ? surfaceScores(reference, prediction, { ...options, value, overlap })
        : surfaceScores(maskOf(reference, region), maskOf(prediction, region), { ...options, value: 1, overlap })),
      ...volumeScores(overlap, spacingMm),
      ece: presence === 'neither' ? null : (options.ece?.[name] ?? null),
      calibratedEce: presence === 'neither' ? null : (options.calibratedEce?.[name] ?? null),
      expectedDice: options.expectedDice?.[name] ?? null,
      ...lesionScores(options.lesions?.includes(name) === true, () =>
        region === undefined
          ? scoreLesions(reference, prediction, { ...options, value })
          : scoreLesions(maskOf(reference, region), maskOf(prediction, region), { ...options, value: 1 }),
      ),
    };
  });
  return { id, classes: scores, meanDice: present.length === 0 ? null : meanOf(present) };
}

function lesionScores(isMultiple: boolean, score: () => LesionScore): LesionScore {
  return isMultiple ? score() : { lesionF1: null, lesionDice: null, panopticQuality: null };
}

function surfaceScores(
  reference: LabelArray,
  prediction: LabelArray,
  options: ScoreCaseOptions & { readonly value: number; readonly overlap: Overlap },
): Pick<ClassScore, 'hd95Mm' | 'assdMm' | 'surfaceDice'> {
  const presence = presenceOf(options.overlap);
  if (presence === 'both') return surfaceDistance(reference, prediction, options);
  return { hd95Mm: null, assdMm: null, surfaceDice: presence === 'neither' ? null : 0 };
}

function volumeScores(
  { reference, prediction }: Overlap,
  spacingMm: Xyz,
): Pick<ClassScore, 'volumeMl' | 'referenceMl' | 'volumeErrorMl' | 'volumeErrorPercent'> {
  const difference = prediction - reference;
  return {
    volumeMl: volumeMl(prediction, spacingMm),
    referenceMl: volumeMl(reference, spacingMm),
    volumeErrorMl: reference + prediction === 0 ? null : volumeMl(difference, spacingMm),
    volumeErrorPercent: reference === 0 ? null : (100 * difference) / reference,
  };
}

/** Scores of one class over many cases: each metric over the cases where it is a number. */
export interface ClassSummary extends Readonly<Record<ClassMetric, Estimate>> {
  /** Cases where neither has the class; left out of all means. */
  readonly bothEmpty: number;
  /** Cases where just one has it. */
  readonly oneEmpty: number;
}

export interface ScoreSummary {
  /** Over the cases where any class is present. */
  readonly meanDice: Estimate;
  readonly classes: Readonly<Record<string, ClassSummary>>;
}

/**
 * Means over cases with 95 % intervals, per class and of the mean Dice. An estimate without a case is NaN, which JSON
 * writes as null.
 * @param cases all with the same classes
 */
export function summarizeCases(cases: readonly CaseScore[]): ScoreSummary {
  const estimate = (values: readonly (number | null)[], metric: ClassMetric): Estimate =>
    estimateMean(
      values.filter(value => value !== null),
      rangeOf(metric),
    );
  const classes: Record<string, ClassSummary> = {};
  for (const name of new Set(cases.flatMap(({ classes: scores }) => Object.keys(scores)))) {
    const scores = cases.flatMap(({ classes: ofCase }) => ofCase[name] ?? []);
    const estimates = CLASS_METRICS.map(
      metric =>
        [
          metric,
          estimate(
            scores.map(score => score[metric]),
            metric,
          ),
        ] as const,
    );
    classes[name] = {
      ...(Object.fromEntries(estimates) as Record<ClassMetric, Estimate>),
      bothEmpty: scores.filter(({ presence }) => presence === 'neither').length,
      oneEmpty: scores.filter(({ presence }) => presence === 'reference-only' || presence === 'prediction-only').length,
    };
  }
  return {
    meanDice: estimate(
      cases.map(({ meanDice }) => meanDice),
      'dice',
    ),
    classes,
  };
}
