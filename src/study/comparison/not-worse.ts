/**
 * "Not worse than": students judged against their teachers by a margin of Dice that was set before the results were
 * known.
 */
import { formatPValue, formatSigned } from '../../core/format.ts';
import { type CrossedSpread, crossedSpread } from '../../metrics/crossed-mean.ts';
import { judgeMargin } from '../../metrics/margin.ts';
import type { MarginJudgement } from './comparison.ts';
import { type ArmEvaluations, classNames, differenceStrata } from './score-tables.ts';
import { inSentence, sizeOf, startingSentence } from './sentences.ts';
import { scoreOf } from './tested-metric.ts';

/** A student and what it is held against. */
export type ArmPair = readonly [student: ArmEvaluations, teacher: ArmEvaluations];

/** What the mean Dice of two arms differs by; undefined where they have no case or not the same classes in common. */
export function diceSpread([a, b]: ArmPair): CrossedSpread | undefined {
  const [own, other] = [a, b].map(arm => [...classNames(arm)].sort().join());
  if (own !== other) return undefined;
  const spread = crossedSpread(differenceStrata(a, b, scoreOf('meanDice')));
  return spread.n === 0 ? undefined : spread;
}

function sentenceOf(judged: Omit<MarginJudgement, 'sentence'>): string {
  const { a, b, margin, verdict, meanDifference, ci90, pNotWorse, pWorse } = judged;
  const difference = `difference ${formatSigned(meanDifference)}`;
  const size = sizeOf(judged);
  const late = judged.givenAfterwards === true ? ' The margin was given when the results were known.' : '';
  switch (verdict) {
    case 'not worse':
      return `${startingSentence(a)} is not worse than ${inSentence(b)}: it loses less than ${margin} mean Dice (${difference}, at least ${formatSigned(ci90[0])} with 95 % confidence, ${formatPValue(pNotWorse)}, ${size}).${late}`;
    case 'worse':
      return `${startingSentence(a)} is worse than ${inSentence(b)}: it loses more than ${margin} mean Dice (${difference}, at most ${formatSigned(ci90[1])} with 95 % confidence, ${formatPValue(pWorse)}, ${size}).${late}`;
    case 'cannot tell': {
      const range = Number.isNaN(ci90[0])
        ? 'too few cases for an interval'
        : `90 % CI ${formatSigned(ci90[0])} to ${formatSigned(ci90[1])}, ${formatPValue(pNotWorse)}`;
      return `${size} cannot tell whether ${inSentence(a)} loses less than ${margin} mean Dice against ${inSentence(b)} (${difference}, ${range}).${late}`;
    }
    default:
      return verdict satisfies never;
  }
}

/**
 * Judges students against their teachers; see {@link judgeMargin}. Pairs without the same classes or without a shared
 * case are left out.
 * @param margin largest loss of mean Dice that does not matter, above 0
 * @param options.givenAfterwards whether the results were known when the margin was chosen, which the sentence then
 * says
 */
export function judgeNotWorse(
  pairs: readonly ArmPair[],
  margin: number,
  { givenAfterwards = false }: { readonly givenAfterwards?: boolean } = {},
): readonly MarginJudgement[] {
  return pairs.flatMap(pair => {
    const spread = diceSpread(pair);
    if (spread === undefined) return [];
    const [a, b] = pair;
    const judged: Omit<MarginJudgement, 'sentence'> = {
      a: a.name,
      b: b.name,
      metric: 'meanDice',
      margin,
      ...judgeMargin(spread, margin),
      meanDifference: spread.mean,
      n: spread.n,
      models: [a.repeats.length, b.repeats.length],
      ...(givenAfterwards && { givenAfterwards: true as const }),
    };
    return [{ ...judged, sentence: sentenceOf(judged) }];
  });
}
