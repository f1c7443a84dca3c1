/**
 * Means with intervals over cases, trained models and folds. Several models were trained alike (seeds, folds), and each
 * was scored on every case of its fold. Scores of one case are not independent, nor are those of one model, so neither
 * are counted as if they were.
 *
 * The interval is mean +- t s: s adds up the spread of the cases and the spread of the models, t is Student's with
 * Satterthwaite's degrees of freedom. `npm run coverage-of-intervals` measures how often it holds the truth
 * (docs/intervals.md).
 */
import { type Estimate, meanOf } from './statistics.ts';
import { studentQuantile } from './student-t.ts';

/** Scores by trained model (rows: the seeds) and case (columns); null where a score is undefined. */
export type ScoreTable = readonly (readonly (number | null)[])[];

/**
 * A table that adds to a case's value, or that is taken from it. Every term of a stratum has the same cases in the same
 * order.
 */
export interface ScoreTerm {
  readonly table: ScoreTable;
  readonly sign: 1 | -1;
}

/** Fewest cases that an interval is given for. */
export const FEWEST_CASES = 5;

/** The least and the most that a score can be; an interval does not leave it. */
export type ScoreRange = readonly [least: number, most: number];

const UNBOUNDED: ScoreRange = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];

/**
 * The value of every case: sum over terms of sign times the mean over the models, a model without a score left out.
 * @returns null for a case that a term has no score of
 */
export function caseValues(terms: readonly ScoreTerm[]): readonly (number | null)[] {
  return (terms[0]?.table[0] ?? []).map((_, column) => {
    let value = 0;
    for (const { table, sign } of terms) {
      const scores = table.flatMap(row => row[column] ?? []);
      if (scores.length === 0) return null;
      value += sign * meanOf(scores);
    }
    return value;
  });
}

/** A part of the variance of a mean, and how well it is known. */
export interface VariancePart {
  readonly variance: number;
  readonly degreesOfFreedom: number;
}

/** A mean and what its error is made of. */
export interface CrossedSpread {
  /** NaN where there is no case. */
  readonly mean: number;
  /** Cases. */
  readonly n: number;
  /** Standard error of the mean. */
  readonly standardError: number;
  /** Satterthwaite's, of the standard error; not a whole number. */
  readonly degreesOfFreedom: number;
  /** Variance of one case's value about the mean. */
  readonly caseVariance: number;
  /** Variance of the mean that the trained models add, whatever the number of cases. */
  readonly models: VariancePart;
}

function squares(values: readonly number[], mean: number): number {
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
}

/** Sums variances; degrees of freedom by Satterthwaite (Biometrics Bulletin 2, 1946): V^2 / sum(V_i^2 / f_i). */
export function satterthwaite(parts: readonly VariancePart[]): VariancePart {
  const variance = parts.reduce((sum, part) => sum + part.variance, 0);
  const spread = parts.reduce((sum, part) => sum + part.variance ** 2 / part.degreesOfFreedom, 0);
  return { variance, degreesOfFreedom: spread === 0 ? Number.POSITIVE_INFINITY : variance ** 2 / spread };
}

/** What the models of a term add to the variance of the mean; nothing is known of that from one model. */
function modelPart({ table }: ScoreTerm, share: number): readonly VariancePart[] {
  const means = table
    .map(row => row.filter(score => score !== null))
    .flatMap(row => (row.length === 0 ? [] : meanOf(row)));
  const degreesOfFreedom = means.length - 1;
  if (degreesOfFreedom < 1) return [];
  const variance = (share ** 2 * squares(means, meanOf(means))) / degreesOfFreedom / means.length;
  return [{ variance, degreesOfFreedom }];
}

/**
 * The mean over cases of {@link caseValues}, and its standard error. Cases are taken together over all strata, each
 * with the models that it was scored by:
 * - cases: their sample variance over n, with n - 2 degrees of freedom (one fewer than for normal values, since scores
 * are skewed),
 * - models: of every stratum and term with two models or more the sample variance of the models' means over their
 * number, weighted with
 * the stratum's share of the cases squared. With one model each this is not known, and the interval is that of these
 * models,
 * - folds: where the means of the strata differ by more than that, the variance between strata with (strata - 1)
 * degrees of freedom instead.
 *
 * A difference of two arms whose models belong together, seed by seed, is one term, the table of differences; of
 * unrelated models it is two terms, whose models add up.
 * @param strata the folds of a cross-validation, each with models and cases of its own
 */
export function crossedSpread(strata: readonly (readonly ScoreTerm[])[]): CrossedSpread {
  const used = strata.map(terms => withoutEmptyCases(terms)).filter(terms => (terms[0]?.table[0] ?? []).length > 0);
  const byStratum = used.map(terms => caseValues(terms) as readonly number[]);
  const values = byStratum.flat();
  const n = values.length;
  const mean = meanOf(values);
  const caseVariance = squares(values, mean) / (n - 1);
  const models = satterthwaite(
    used.flatMap((terms, at) => terms.flatMap(term => modelPart(term, byStratum[at]!.length / n))),
  );
  const cases: VariancePart = { variance: caseVariance / n, degreesOfFreedom: n - 2 };
  const total = [satterthwaite([cases, models]), ...betweenStrata(byStratum, mean)].reduce((most, part) =>
    part.variance > most.variance ? part : most,
  );
  const { variance, degreesOfFreedom } = total;
  return { mean, n, standardError: Math.sqrt(variance), degreesOfFreedom, caseVariance, models };
}

/** The variance of the mean as the means of the strata show it. */
function betweenStrata(byStratum: readonly (readonly number[])[], mean: number): readonly VariancePart[] {
  const degreesOfFreedom = byStratum.length - 1;
  if (degreesOfFreedom < 1) return [];
  const n = byStratum.reduce((sum, values) => sum + values.length, 0);
  const sum = byStratum.reduce((total, values) => total + ((values.length / n) * (meanOf(values) - mean)) ** 2, 0);
  return [{ variance: (sum * byStratum.length) / degreesOfFreedom, degreesOfFreedom }];
}

/**
 * Mean and 95 % interval of {@link crossedSpread}. Without a case all are NaN; with fewer than five cases the ends of
 * the interval are.
 * @param range that the interval is cut to
 */
export function crossedMean(strata: readonly (readonly ScoreTerm[])[], range: ScoreRange = UNBOUNDED): Estimate {
  const { mean, n, standardError, degreesOfFreedom } = crossedSpread(strata);
  if (n < FEWEST_CASES) return { mean, ci95: [Number.NaN, Number.NaN], n };
  const half = standardError === 0 ? 0 : studentQuantile(0.975, degreesOfFreedom) * standardError;
  return { mean, ci95: [Math.max(range[0], mean - half), Math.min(range[1], mean + half)], n };
}

/** Mean and 95 % interval over cases that one model was scored on; see {@link crossedMean}. */
export function estimateMean(values: readonly number[], range: ScoreRange = UNBOUNDED): Estimate {
  return crossedMean([[{ table: [values], sign: 1 }]], range);
}

function withoutEmptyCases(terms: readonly ScoreTerm[]): readonly ScoreTerm[] {
  const values = caseValues(terms);
  return terms.map(({ table, sign }) => ({
    sign,
    table: table.map(row => row.filter((_, column) => values[column] !== null)),
  }));
}
