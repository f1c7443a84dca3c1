/**
 * Exponentials, powers and logarithms of many float32 numbers, by table: what a volume with a dozen classes asks for
 * takes hundreds of millions of them, and the exact functions of the language cost ten times as much. A table holds
 * the function over one octave (a factor of two), with linear interpolation between its steps; the rest is a power of
 * two. Errors stay below the rounding of float32 (6e-8) unless said otherwise.
 */

const STEP_BITS = 12;
/** Steps of an octave. */
const STEPS = 2 ** STEP_BITS;
/** Of the 23 bits of a mantissa, those below a step. */
const REST_BITS = 23 - STEP_BITS;
const REST_MASK = 2 ** REST_BITS - 1;
const REST = 1 / 2 ** REST_BITS;
const MANTISSA_MASK = 2 ** 23 - 1;
const EXPONENTS = 256;
const EXPONENT_BIAS = 127;
/** Bits of the smallest float32 with a mantissa of full length. */
const SMALLEST_NORMAL = 2 ** 23;
/** exp below this is 0 in float32. */
const LEAST = -104;

/** 2^(-j / STEPS). */
const HALVES = Float64Array.from({ length: STEPS + 1 }, (_, j) => 2 ** (-j / STEPS));
/** 2^-e. */
const OCTAVES = Float64Array.from({ length: EXPONENTS }, (_, e) => 2 ** -e);
const STEPS_PER_UNIT = STEPS * Math.LOG2E;

/**
 * exp(x) for x <= 0; 0 below -104. The relative error is below 4e-9.
 * @returns NaN for NaN
 */
export function exponential(x: number): number {
  if (x < LEAST) return 0;
  const place = -x * STEPS_PER_UNIT;
  const whole = place | 0;
  const j = whole & (STEPS - 1);
  const low = HALVES[j]!;
  return (low + (place - whole) * (HALVES[j + 1]! - low)) * OCTAVES[whole >> STEP_BITS]!;
}

/** Bits of the numbers of an array, which share its memory. */
function bitsOf({ buffer, byteOffset, length }: Float32Array): Int32Array {
  return new Int32Array(buffer, byteOffset, length);
}

/** x -> x^p, over an octave and for each octave. */
export interface PowerTable {
  readonly power: number;
  readonly mantissas: Float64Array;
  readonly scales: Float64Array;
}

/** The table of a power. @param power above 0 */
export function powerTable(power: number): PowerTable {
  const mantissas = Float64Array.from({ length: STEPS + 1 }, (_, j) => (1 + j / STEPS) ** power);
  const scales = Float64Array.from({ length: EXPONENTS }, (_, e) => 2 ** ((e - EXPONENT_BIAS) * power));
  scales[EXPONENTS - 1] = Number.NaN;
  return { power, mantissas, scales };
}

/** A part of an array. */
interface Part {
  readonly from: number;
  readonly count: number;
}

/**
 * Raises numbers to the power p of a table, in place: x^p for finite x >= 0; what is negative becomes 0, and what is
 * not finite NaN. The relative error is below |p (p - 1)| 8e-9.
 */
export function raise(values: Float32Array, { from, count }: Part, { power, mantissas, scales }: PowerTable): void {
  const bits = bitsOf(values);
  for (let i = from; i < from + count; i++) {
    const one = bits[i]!;
    if (one < SMALLEST_NORMAL) {
      values[i] = Math.max(0, values[i]!) ** power;
      continue;
    }
    const j = (one & MANTISSA_MASK) >> REST_BITS;
    const low = mantissas[j]!;
    const between = low + (one & REST_MASK) * REST * (mantissas[j + 1]! - low);
    values[i] = between * scales[one >> 23]!;
  }
}

const LOGARITHMS = Float64Array.from({ length: STEPS + 1 }, (_, j) => Math.log(1 + j / STEPS));

/**
 * Adds x log x to sums, 0 for x <= 0. The error of the logarithm is below 8e-9.
 * @param sums one for each number that is read
 */
export function addXLogX(values: Float32Array, { from, count }: Part, sums: Float64Array): void {
  const bits = bitsOf(values);
  for (let i = 0; i < count; i++) {
    const one = bits[from + i]!;
    // below it x log x is nothing beside any other
    if (one < SMALLEST_NORMAL) continue;
    const j = (one & MANTISSA_MASK) >> REST_BITS;
    const low = LOGARITHMS[j]!;
    const between = low + (one & REST_MASK) * REST * (LOGARITHMS[j + 1]! - low);
    sums[i]! += values[from + i]! * (between + ((one >> 23) - EXPONENT_BIAS) * Math.LN2);
  }
}
