/**
 * Seeded random numbers. A stream is a pure function of its key: `random(seed, 'patch', step)` gives the same numbers
 * on every machine, whatever ran before, so batches, initial weights and resumed runs are repeatable.
 * Source: the mixing function is MurmurHash3's finaliser, the generator is sfc32 (Chris Doty-Humphrey, PractRand).
 */

/** A source of pseudo-random numbers; each call advances it. */
export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Uniform integer in [0, bound). */
  integer(bound: number): number;
  /** Standard normal (Box-Muller). */
  normal(): number;
}

function mix(hash: number, value: number): number {
  let mixed = Math.imul(hash ^ value, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/**
 * A stream for a key of numbers and words. Different keys give independent streams.
 * @param key for example (seed, 'augment', step, sample)
 */
export function random(...key: readonly (number | string)[]): Random {
  let hash = 0x9747b28c;
  for (const part of key) {
    const text = typeof part === 'number' ? `#${part}` : `$${part}`;
    for (let index = 0; index < text.length; index++) hash = mix(hash, text.charCodeAt(index) + index * 0x9e3779b1);
  }
  let a = mix(hash, 1);
  let b = mix(hash, 2);
  let c = mix(hash, 3);
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 4294967296;
  };
  for (let warmUp = 0; warmUp < 12; warmUp++) next();
  return {
    uniform: next,
    integer: bound => Math.floor(next() * bound),
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  };
}

/** Fisher-Yates shuffle into a new array. */
export function shuffle<T>(items: readonly T[], source: Random): T[] {
  const shuffled = [...items];
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = source.integer(last + 1);
    [shuffled[last], shuffled[other]] = [shuffled[other] as T, shuffled[last] as T];
  }
  return shuffled;
}
