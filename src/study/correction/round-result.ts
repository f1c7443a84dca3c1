/** How a round of corrections ended: whether the new student is taken, and by which figures. */
import { meanOf } from '../../metrics/statistics.ts';

/** Dice of a held-out case before and after a round. */
export interface CheckedCase {
  readonly id: string;
  readonly before: number;
  readonly after: number;
}

/** How a round ended. */
export interface RoundResult {
  /** Path of the new student. */
  readonly model: string;
  /** Whether it takes the place of the one before. */
  readonly isTaken: boolean;
  /** Number of labelled cases that it was trained on. */
  readonly trained: number;
  /** The held-out cases; none where there was no check. */
  readonly cases: readonly CheckedCase[];
}

/** Mean Dice before and after over the held-out cases; undefined where there was no check. */
export function checkMeans({
  cases,
}: Pick<RoundResult, 'cases'>): { readonly before: number; readonly after: number; readonly n: number } | undefined {
  if (cases.length === 0) return undefined;
  return {
    before: meanOf(cases.map(({ before }) => before)),
    after: meanOf(cases.map(({ after }) => after)),
    n: cases.length,
  };
}
