/** How many test cases a "not worse than" verdict needs, from the spread of a finished study. */

import { InputError } from '../core/errors.ts';
import { formatSigned, plural } from '../core/format.ts';
import { FEWEST_CASES } from '../metrics/crossed-mean.ts';
import { casesNeeded } from '../metrics/margin.ts';
import type { Files } from '../runtime/files.ts';
import { diceSpread } from './comparison/not-worse.ts';
import { inSentence, sizeOf } from './comparison/sentences.ts';
import { readArms } from './read-run.ts';

const POWERS = [0.8, 0.9] as const;

/** Cases that a true difference needs. */
interface NeededCases {
  /** Assumed mean difference of student and teacher. */
  readonly difference: number;
  /** By the share of studies that come to the verdict; null where no number of cases is enough. */
  readonly cases: Readonly<Record<'0.8' | '0.9', number | null>>;
}

/** Plan for one student and its teacher. */
export interface PairPower {
  readonly a: string;
  readonly b: string;
  readonly margin: number;
  readonly n: number;
  readonly models: readonly [number, number];
  readonly meanDifference: number;
  /** Standard deviation of a case's difference, Dice. */
  readonly caseDeviation: number;
  /** Standard deviation that the trained models add to the mean; 0 where one seed says nothing of it. */
  readonly modelDeviation: number;
  /** If both are equally good, and if they differ as was seen. */
  readonly needed: readonly [NeededCases, NeededCases];
  readonly sentence: string;
}

function neededText({ difference, cases }: NeededCases): string {
  const [some, most] = [cases['0.8'], cases['0.9']];
  if (some === null) return `if the true difference is ${formatSigned(difference)}, no number of cases is enough`;
  const more = most === null ? 'no number for 90 %' : `${most} for 90 %`;
  return `if the true difference is ${formatSigned(difference)}, ${plural(some, 'case')} for a chance of 80 %, ${more}`;
}

/**
 * Plans the test of every student in a run or sweep against its teacher; see {@link casesNeeded}.
 * @param margin largest loss of mean Dice that does not matter, above 0
 * @throws {InputError} E_POWER where there is no student with a teacher, or too few cases to know their spread
 */
export async function planPower(files: Files, study: string, margin: number): Promise<readonly PairPower[]> {
  const { taught } = await readArms(files, [study]);
  const plans = taught.flatMap(({ pair }): PairPower[] => {
    const spread = diceSpread(pair);
    if (spread === undefined || spread.n < FEWEST_CASES) return [];
    const [student, teacher] = pair;
    const { mean, n, caseVariance } = spread;
    // where folds differ more than cases and seeds explain, that is of the models too
    const ofFolds = spread.standardError ** 2 - caseVariance / n;
    const models =
      ofFolds > spread.models.variance
        ? { variance: ofFolds, degreesOfFreedom: spread.degreesOfFreedom }
        : spread.models;
    const needed = (difference: number): NeededCases => {
      const counts = POWERS.map(power => [
        String(power),
        casesNeeded({ caseVariance, models, margin, difference }, power),
      ]);
      return { difference, cases: Object.fromEntries(counts) as NeededCases['cases'] };
    };
    const plan = {
      a: student.name,
      b: teacher.name,
      margin,
      n,
      models: [student.repeats.length, teacher.repeats.length] as const,
      meanDifference: mean,
      caseDeviation: Math.sqrt(caseVariance),
      modelDeviation: Math.sqrt(models.variance),
      needed: [needed(0), needed(mean)] as const,
    };
    const texts = plan.needed.map(neededText).join('; ');
    return [
      {
        ...plan,
        sentence: `To find ${inSentence(plan.a)} not worse than ${inSentence(plan.b)} by ${margin} mean Dice: ${texts} (from ${sizeOf(plan)}).`,
      },
    ];
  });
  if (plans.length > 0) return plans;
  throw new InputError(
    'E_POWER',
    `${study} has no student and teacher of the same classes with ${FEWEST_CASES} test cases or more. ` +
      'Evaluate both first: the spread of their cases says how many are needed.',
  );
}
