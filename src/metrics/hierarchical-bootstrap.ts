/**
 * Bootstrap intervals over cases and seeds: several models were trained alike (seeds, folds), and each was scored on every case. Scores of one
 * case are not independent, so neither models nor cases are resampled as if they were.
 */
import { percentile } from '../core/percentile.ts';
import { type Random, random } from '../core/random.ts';
import { type BootstrapOptions, bootstrapMean, type Estimate, meanOf } from './statistics.ts';

/** Scores by trained model (rows: the seeds) and case (columns); null where a score is undefined. */
export type ScoreTable = readonly (readonly (number | null)[])[];

/** A table that adds to a case's value, or that is taken from it. Every term of a stratum has the same cases in the same order. */
export interface ScoreTerm {
  readonly table: ScoreTable;
  readonly sign: 1 | -1;
}

/**
 * The value of every case: sum over terms of sign times the mean over the models, a model without a score left out.
 * @returns null for a case that a term has no score of
 */
export function caseValues(terms: readonly ScoreTerm[]): readonly (number | null)[] {
  const once = terms.map(({ table }) => table.map(() => 1));
  return (terms[0]?.table[0] ?? []).map((_, column) => valueOfCase(terms, once, column));
}

function valueOfCase(terms: readonly ScoreTerm[], weights: readonly ArrayLike<number>[], column: number) {
  let value = 0;
  for (let at = 0; at < terms.length; at++) {
    const { table, sign } = terms[at]!;
    let [sum, weight] = [0, 0];
    for (let row = 0; row < table.length; row++) {
      const score = table[row]![column]!;
      if (score === null) continue;
      sum += weights[at]![row]! * score;
      weight += weights[at]![row]!;
    }
    if (weight === 0) return null;
    value += (sign * sum) / weight;
  }
  return value;
}

/** How often each of `count` things is drawn in `count` draws with replacement. One thing is always drawn once, and costs no number. */
function drawCounts(count: number, source: Random): Int32Array {
  const counts = new Int32Array(count);
  if (count === 1) return counts.fill(1);
  for (let draw = 0; draw < count; draw++) counts[source.integer(count)]! += 1;
  return counts;
}

/**
 * Mean over cases of {@link caseValues} with an interval over cases and seeds: in every resample and stratum the trained models of each
 * term are drawn with replacement, then the cases, independently of each other since every model has seen every case (rows and columns
 * of a crossed table). With one model per term it is {@link bootstrapMean}. A case that none of the drawn models has a score of is left out of
 * that resample.
 *
 * A difference of two arms whose models belong together, seed by seed, is one term, the table of differences; of unrelated models it is two
 * terms, which are drawn apart.
 * @param strata parts that are drawn for themselves: the folds of a cross-validation, each with models and cases of its own
 * @see Owen, The Pigeonhole Bootstrap, Annals of Applied Statistics 1 (2007), arXiv:0712.1111
 */
export function hierarchicalBootstrap(
  strata: readonly (readonly ScoreTerm[])[],
  options: BootstrapOptions = {},
): Estimate {
  const { seed = 0, resamples = 2000 } = options;
  const used = strata.map(terms => withoutEmptyCases(terms)).filter(terms => (terms[0]?.table[0] ?? []).length > 0);
  const values = used.flatMap(terms => caseValues(terms) as readonly number[]);
  if (values.length === 0) return bootstrapMean([], options);
  const source = random(seed, 'bootstrap');
  const means = new Float64Array(resamples);
  for (let resample = 0; resample < resamples; resample++) {
    let [sum, n] = [0, 0];
    for (const terms of used) {
      const weights = terms.map(({ table }) => drawCounts(table.length, source));
      const cases = terms[0]!.table[0]!.length;
      for (let draw = 0; draw < cases; draw++) {
        const value = valueOfCase(terms, weights, source.integer(cases));
        if (value === null) continue;
        sum += value;
        n++;
      }
    }
    means[resample] = sum / n;
  }
  const drawn = means.filter(mean => !Number.isNaN(mean));
  return { mean: meanOf(values), ci95: [percentile(drawn, 2.5), percentile(drawn, 97.5)], n: values.length };
}

function withoutEmptyCases(terms: readonly ScoreTerm[]): readonly ScoreTerm[] {
  const values = caseValues(terms);
  return terms.map(({ table, sign }) => ({
    sign,
    table: table.map(row => row.filter((_, column) => values[column] !== null)),
  }));
}
