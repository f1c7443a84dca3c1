/**
 * How well a segmentation agrees with its reference: overlap, surface distances and volume per class of one case, and the summary of
 * many. The results are plain numbers ready for JSON: an infinite or undefined number is null and `presence` says why.
 */
import type { Xyz } from '../volume/volume.ts';
import { countOverlap, diceOf, type Overlap, type Presence, presenceOf, volumeMl } from './overlap.ts';
import { type BootstrapOptions, bootstrapMean, type Estimate, meanOf } from './statistics.ts';
import { surfaceDistance } from './surface-distance.ts';

/** Scores of one class in one case. */
export interface ClassScore {
  readonly presence: Presence;
  /** null where both are empty, 0 where one is. */
  readonly dice: number | null;
  /** null where either is empty: infinite where one is, undefined where both are. */
  readonly hd95Mm: number | null;
  readonly assdMm: number | null;
  /** Share of both surfaces within the tolerance; null where both are empty, 0 where one is. */
  readonly surfaceDice: number | null;
  /** Volume of the prediction. */
  readonly volumeMl: number;
  readonly referenceMl: number;
}

export interface CaseScore {
  readonly id: string;
  readonly classes: Readonly<Record<string, ClassScore>>;
  /** Mean over the classes present in reference or prediction; null where there is none. */
  readonly meanDice: number | null;
}

export interface ScoreCaseOptions {
  readonly id: string;
  readonly sizeVoxels: Xyz;
  readonly spacingMm: Xyz;
  /** The classes to score, without the background. */
  readonly classes: readonly { readonly value: number; readonly name: string }[];
  /** Tolerance of the surface Dice; 1 mm if not given. */
  readonly toleranceMm?: number;
}

/**
 * Scores a predicted label volume against its reference.
 * @param reference label value per voxel, x fastest
 * @param prediction same grid
 * @throws {ShapeError} if a volume is not of the stated size
 */
export function scoreCase(reference: Uint8Array, prediction: Uint8Array, options: ScoreCaseOptions): CaseScore {
  const { id, classes } = options;
  const overlaps = countOverlap(
    reference,
    prediction,
    classes.map(({ value }) => value),
  );
  const scores: Record<string, ClassScore> = {};
  const present: number[] = [];
  classes.forEach(({ value, name }, index) => {
    const overlap = overlaps[index]!;
    const dice = diceOf(overlap);
    if (dice !== null) present.push(dice);
    scores[name] = {
      presence: presenceOf(overlap),
      dice,
      ...surfaceScores(reference, prediction, { ...options, value, overlap }),
      volumeMl: volumeMl(overlap.prediction, options.spacingMm),
      referenceMl: volumeMl(overlap.reference, options.spacingMm),
    };
  });
  return { id, classes: scores, meanDice: present.length === 0 ? null : meanOf(present) };
}

function surfaceScores(
  reference: Uint8Array,
  prediction: Uint8Array,
  options: ScoreCaseOptions & { readonly value: number; readonly overlap: Overlap },
): Pick<ClassScore, 'hd95Mm' | 'assdMm' | 'surfaceDice'> {
  const presence = presenceOf(options.overlap);
  if (presence === 'both') return surfaceDistance(reference, prediction, options);
  return { hd95Mm: null, assdMm: null, surfaceDice: presence === 'neither' ? null : 0 };
}

/** Scores of one class over many cases. */
export interface ClassSummary {
  /** Over the cases where reference or prediction has the class. */
  readonly dice: Estimate;
  /** Over the cases where both have the class, so that the distance is finite. */
  readonly hd95Mm: Estimate;
  readonly assdMm: Estimate;
  /** Over the cases where reference or prediction has the class. */
  readonly surfaceDice: Estimate;
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
 * Means over cases with bootstrap intervals, per class and of the mean Dice. An estimate without a case is NaN, which JSON writes as null.
 * @param cases all with the same classes
 */
export function summarizeCases(cases: readonly CaseScore[], options: BootstrapOptions = {}): ScoreSummary {
  const estimate = (values: readonly (number | null)[]): Estimate =>
    bootstrapMean(
      values.filter(value => value !== null),
      options,
    );
  const classes: Record<string, ClassSummary> = {};
  for (const name of new Set(cases.flatMap(({ classes: scores }) => Object.keys(scores)))) {
    const scores = cases.flatMap(({ classes: ofCase }) => ofCase[name] ?? []);
    classes[name] = {
      dice: estimate(scores.map(({ dice }) => dice)),
      hd95Mm: estimate(scores.map(({ hd95Mm }) => hd95Mm)),
      assdMm: estimate(scores.map(({ assdMm }) => assdMm)),
      surfaceDice: estimate(scores.map(({ surfaceDice }) => surfaceDice)),
      bothEmpty: scores.filter(({ presence }) => presence === 'neither').length,
      oneEmpty: scores.filter(({ presence }) => presence === 'reference-only' || presence === 'prediction-only').length,
    };
  }
  return { meanDice: estimate(cases.map(({ meanDice }) => meanDice)), classes };
}
