/**
 * Whether something that is done to segmentations is kept: only where it helps on enough validation cases, provably,
 * and harms none of them. Choices by fewer cases are made by one or two of them for all others.
 */
import { wilcoxonSignedRank } from '../metrics/signed-rank.ts';
import { meanOf } from '../metrics/statistics.ts';

/** Fewest validation cases on which something is chosen. */
const FEWEST_VALIDATION_CASES = 10;

/** Loss of Dice from which one case is clearly worse. */
const CLEAR_LOSS = 0.01;

const LEVEL = 0.05;

/** What a choice does to the cases, and why it is not kept. */
export interface JudgedChoice {
  readonly cases: number;
  /** Mean Dice of the cases without and with it; 0 where there are none. */
  readonly diceWithout: number;
  readonly diceWith: number;
  readonly kept: boolean;
  /** Largest loss of Dice in one case; 0 where none loses. */
  readonly largestLoss: number;
  /** p-value of the paired test (Wilcoxon, two-sided). */
  readonly pValue: number;
  /** Why it is not kept; null where it is. */
  readonly reason: 'too few cases' | 'no gain' | 'a case gets worse' | 'gain not proven' | null;
}

/**
 * Judges a choice: it is kept where it raises the mean Dice of ten validation cases or more, no case loses more than
 * 0.01, and a paired test supports the gain at 5 %.
 * @param before Dice of each case without it
 * @param after and with it
 */
export function judgeChoice(before: readonly number[], after: readonly number[]): JudgedChoice {
  const losses = before.map((dice, index) => dice - after[index]!);
  const largestLoss = Math.max(0, ...losses);
  const { pValue } = wilcoxonSignedRank(after, before);
  const mean = (dice: readonly number[]): number => (dice.length === 0 ? 0 : meanOf(dice));
  const [diceWithout, diceWith] = [mean(before), mean(after)];
  const isGain = diceWith > diceWithout;
  const reason = !isGain
    ? 'no gain'
    : before.length < FEWEST_VALIDATION_CASES
      ? 'too few cases'
      : largestLoss > CLEAR_LOSS
        ? 'a case gets worse'
        : pValue >= LEVEL
          ? 'gain not proven'
          : null;
  return { diceWithout, diceWith, cases: before.length, kept: reason === null, largestLoss, pValue, reason };
}

/** Why a choice is not kept, in words. */
export function whyNotKept({
  cases,
  reason,
}: {
  readonly cases: number;
  readonly reason?: string | null | undefined;
}): string {
  return reason === 'too few cases'
    ? `${cases} validation cases are too few to choose by, ${FEWEST_VALIDATION_CASES} are needed`
    : String(reason);
}
