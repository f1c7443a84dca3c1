/** What the parts of `npm run prove` have in common. */
import type { Ground } from './ground.ts';

/** What `npm run prove` was told. */
interface ProofOptions {
  /** Of kills, for each kind of study. */
  readonly chains: number;
  /** In each chain, at most. */
  readonly kills: number;
  /** Of files, at most. */
  readonly damages: number;
  /** For each kind of input. */
  readonly mutations: number;
  /** Seeds of flaky folders, for each check. */
  readonly folders: number;
  /** Of the long training. */
  readonly steps: number;
  readonly seed: number;
  /** One kind of study or input; all if not given. */
  readonly only?: string | undefined;
  readonly say: (line: string) => void;
}

/** Proves a promise, says its figures, and returns whether it was kept. */
export type Part = (ground: Ground, options: ProofOptions) => Promise<boolean>;

/** For example `3 identical, 1 reported`. */
export function countBy<T>(items: readonly T[], key: (item: T) => string): string {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return [...counts].map(([name, count]) => `${count} ${name}`).join(', ');
}
