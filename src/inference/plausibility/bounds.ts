/**
 * When a number is far from those of the training cases, and how a warning says so.
 *
 * A positive number is far if it lies beyond the training cases by a factor m, that is outside of [min / m, max * m],
 * m = max(2 * (1 + 2 / n), sqrt(max / min)) for n training cases. The 2: none of 200 cases of the Decathlon's
 * hippocampus set lies beyond the others by more than 1.11 in any of these numbers, and wrong inputs (a whole head, 5
 * mm slices, metres for millimetres) by 3 to 1000. The share of n: few cases show less than their population. The root:
 * a number that varies by orders of magnitude between training cases, as volumes of tumours do, may go beyond by half
 * of that again.
 */
import type { WarningCode } from '../../core/errors.ts';
import { formatNumber } from '../../core/format.ts';
import type { Range, TrainingFacts } from '../../data/training-facts.ts';
import type { ModelInfo } from '../model-info.ts';

/** A model, and what is known of its training cases. */
export interface Expectation {
  readonly info: ModelInfo;
  /** Absent in models from elsewhere, and in those of earlier versions. */
  readonly training?: TrainingFacts | undefined;
}

/** The warnings that an image or a result is far from what a model was trained on. */
export const PLAUSIBILITY_CODES = [
  'W_IMAGE_EXTENT',
  'W_IMAGE_SPACING',
  'W_IMAGE_PLANE',
  'W_IMAGE_CONSTANT',
  'W_IMAGE_LABELS',
  'W_IMAGE_INTENSITY',
  'W_CLASS_VOLUME',
  'W_CLASS_PLACE',
] as const satisfies readonly WarningCode[];

/** A warning that an image or a result is far from what the model was trained on. */
export interface PlausibilityWarning {
  readonly code: (typeof PLAUSIBILITY_CODES)[number];
  readonly message: string;
  /** Channel of the image, counted from 0. */
  readonly channel?: number;
  /** Name of the class. */
  readonly class?: string;
  /** The numbers that are far: one, or x, y and z; units are in the message and in {@link unit}. */
  readonly found?: number | readonly number[];
  /** Smallest and largest of the training cases. */
  readonly training?: { readonly min: number | readonly number[]; readonly max: number | readonly number[] };
  readonly unit?: 'mm' | 'ml' | 'intensity';
  /** How many times as large as the largest of the training cases, or, below 1, as the smallest. */
  readonly times?: number;
}

/** Factor beyond many training cases that is far. */
const FAR = 2;

/** How much wider bounds are for few training cases. */
export function allowanceFor(cases: number): number {
  return 1 + 2 / cases;
}

/** How far a number lies beyond a range of positive numbers: 1 inside, above 1 larger, below 1 smaller. */
export function timesBeyond(value: number, { min, max }: Range): number {
  if (value > max) return value / max;
  return value < min ? value / min : 1;
}

/**
 * Whether a positive number is far from those of the training cases.
 * @param options.cases number of training cases
 * @param options.below factor below the smallest that is far; as above if not given
 */
export function isFar(
  value: number,
  spread: Range,
  { cases, below = FAR }: { readonly cases: number; readonly below?: number },
): boolean {
  const limit = (factor: number): number => Math.max(factor * allowanceFor(cases), Math.sqrt(spread.max / spread.min));
  const times = timesBeyond(value, spread);
  return times > limit(FAR) || times < 1 / limit(below);
}

const LARGE = 1000;

/** A number with three digits, large ones as whole numbers. */
export function shown(value: number): string {
  const size = Math.abs(value);
  if (size >= LARGE) return formatNumber(value, 0);
  if (size === 0) return '0';
  const text = String(Number(size.toPrecision(3)));
  return value < 0 ? `\u2212${text}` : text;
}

/** `31 to 43`, or one number where both are shown alike. */
export function shownRange({ min, max }: Pick<Range, 'min' | 'max'>): string {
  return shown(min) === shown(max) ? shown(min) : `${shown(min)} to ${shown(max)}`;
}
