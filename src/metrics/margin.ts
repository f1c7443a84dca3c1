/**
 * Whether one arm is not worse than another by a margin (non-inferiority): a one-sided t test of the mean difference
 * against the margin, over cases and trained models together; and how many cases such a test needs.
 * Sources: Schuirmann, A comparison of the two one-sided tests procedure, J. Pharmacokin. Biopharm. 15 (1987); Piaggio
 * et al., CONSORT extension for noninferiority trials, JAMA 308 (2012).
 */
import { type CrossedSpread, FEWEST_CASES, satterthwaite } from './crossed-mean.ts';
import { noncentralUpperTail, studentQuantile, studentUpperTail } from './student-t.ts';

/** Verdict, for example on a student compared with its teacher. */
type MarginVerdict = 'not worse' | 'worse' | 'cannot tell';

/** What a difference says about a margin. */
export interface MarginTest {
  readonly verdict: MarginVerdict;
  /**
   * The difference is at least and at most this, each with 95 % confidence; together they are the 90 % interval. NaN
   * below five cases.
   */
  readonly ci90: readonly [low: number, high: number];
  /** p-value of the one-sided test against a loss of the margin or more. NaN below five cases. */
  readonly pNotWorse: number;
  /** p-value of the one-sided test against a loss of the margin or less. */
  readonly pWorse: number;
}

/** One-sided, as the two halves of a 90 % interval. */
const LEVEL = 0.05;

/**
 * Judges a mean difference a - b of scores where higher is better: *not worse* where the loss is shown to be smaller
 * than the margin, *worse* where it is shown to be larger, each at 5 %; otherwise nobody can tell. H0 of the first:
 * difference <= -margin; t = (difference + margin) / s.
 * @param margin above 0, in the unit of the score
 */
export function judgeMargin({ mean, n, standardError, degreesOfFreedom }: CrossedSpread, margin: number): MarginTest {
  if (n < FEWEST_CASES)
    return { verdict: 'cannot tell', ci90: [Number.NaN, Number.NaN], pNotWorse: Number.NaN, pWorse: Number.NaN };
  const t = standardError === 0 ? Number.POSITIVE_INFINITY * Math.sign(mean + margin) : (mean + margin) / standardError;
  const half = standardError === 0 ? 0 : studentQuantile(1 - LEVEL, degreesOfFreedom) * standardError;
  const pNotWorse = Number.isFinite(t) ? studentUpperTail(t, degreesOfFreedom) : t > 0 ? 0 : 1;
  const pWorse = 1 - pNotWorse;
  const verdict = pNotWorse < LEVEL ? 'not worse' : pWorse < LEVEL ? 'worse' : 'cannot tell';
  return { verdict, ci90: [mean - half, mean + half], pNotWorse, pWorse };
}

/** What a plan for a test against a margin assumes. */
export interface MarginPlan {
  /** Variance of one case's difference. */
  readonly caseVariance: number;
  /** What the trained models add to the variance of the mean, whatever the number of cases. */
  readonly models: CrossedSpread['models'];
  readonly margin: number;
  /** The true difference; 0 where both are equally good. */
  readonly difference: number;
}

/** The chance that {@link judgeMargin} says "not worse" with so many cases. */
export function marginPower({ caseVariance, models, margin, difference }: MarginPlan, cases: number): number {
  const { variance, degreesOfFreedom } = satterthwaite([
    { variance: caseVariance / cases, degreesOfFreedom: cases - 2 },
    models,
  ]);
  if (variance === 0) return difference > -margin ? 1 : 0;
  return noncentralUpperTail(
    studentQuantile(1 - LEVEL, degreesOfFreedom),
    degreesOfFreedom,
    (difference + margin) / Math.sqrt(variance),
  );
}

/** Most cases that are thought of. */
const MOST_CASES = 100_000;

/**
 * Fewest cases with which the test says "not worse" in a share `power` of all studies.
 * @returns null where no number of cases is enough: the models differ too much, or the loss is the margin
 */
export function casesNeeded(plan: MarginPlan, power: number): number | null {
  const isEnough = (cases: number): boolean => marginPower(plan, cases) >= power;
  if (plan.difference <= -plan.margin || !isEnough(MOST_CASES)) return null;
  let [few, many] = [FEWEST_CASES - 1, MOST_CASES];
  while (many - few > 1) {
    const middle = Math.floor((few + many) / 2);
    if (isEnough(middle)) many = middle;
    else few = middle;
  }
  return many;
}
