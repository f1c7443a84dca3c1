/**
 * Numbers as people read them, in reports, tables, messages and the page. A number that is missing or not finite is
 * written `n/a`, never as a false zero. A minus sign is the true one (U+2212), and there is no negative zero but of a
 * difference. Units of bytes are decimal: 1 MB is 10^6 bytes.
 */

type MaybeNumber = number | null | undefined;

function finite(value: MaybeNumber): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** Fixed decimals with a true minus and never a negative zero, `n/a` where there is no finite number. */
export function formatNumber(value: MaybeNumber, decimals: number): string {
  if (!finite(value)) return 'n/a';
  const size = Math.abs(value).toFixed(decimals);
  return value < 0 && Number(size) !== 0 ? `\u2212${size}` : size;
}

/** A number rounded to six digits, as measured sizes and intensities are shown and kept. */
export function sixDigits(value: number): number {
  return Number(value.toPrecision(6));
}

/** A Dice score, three decimals. */
export function formatDice(value: MaybeNumber): string {
  return formatNumber(value, 3);
}

/**
 * A difference with its sign: `+0.012`. One that rounds to zero keeps its sign, `−0.000`: the end of an interval that
 * lies below zero must not look as if the interval excluded zero.
 */
export function formatSigned(value: MaybeNumber, decimals = 3): string {
  if (!finite(value)) return 'n/a';
  return `${value < 0 ? '\u2212' : '+'}${Math.abs(value).toFixed(decimals)}`;
}

/** `0.801 to 0.842`; `no interval` where neither end is known, as with fewer than five cases. */
export function formatInterval(
  interval: readonly [MaybeNumber, MaybeNumber],
  format: (value: MaybeNumber) => string,
): string {
  return interval.some(finite) ? `${format(interval[0])} to ${format(interval[1])}` : 'no interval';
}

/** `p = 0.031`, and `p < 0.001` below that. */
export function formatPValue(pValue: MaybeNumber): string {
  if (!finite(pValue)) return 'p n/a';
  return pValue < 0.001 ? 'p < 0.001' : `p = ${pValue.toFixed(3)}`;
}

/** Every digit of a count, in groups of three: `199,131`. */
export function formatWhole(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** `1 case`, `2 cases`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

const LISTED = 5;

/** The first five of a list and the number of the others: `a, b, c, d, e and 7 more`. */
export function listSome(items: readonly string[], separator = ', '): string {
  const more = items.length > LISTED ? ` and ${items.length - LISTED} more` : '';
  return items.slice(0, LISTED).join(separator) + more;
}

/** Counts of parameters and operations: `5598`, `88.9 k`, `1.23 M`, `4.56 G`. */
export function formatCount(value: MaybeNumber): string {
  if (!finite(value)) return 'n/a';
  if (value < 10_000) return String(Math.round(value));
  const scaled = ([unit, size]: readonly [string, number]) => `${(value / size).toPrecision(3)} ${unit}`;
  if (value < 999_500) return scaled(['k', 1e3]);
  if (value < 999.5e6) return scaled(['M', 1e6]);
  return value < 999.5e9 ? scaled(['G', 1e9]) : scaled(['T', 1e12]);
}

/** Sizes in decimal units: `912 B`, `356 kB`, `1.20 MB`, `2.41 GB`. */
export function formatBytes(value: MaybeNumber): string {
  if (!finite(value)) return 'n/a';
  if (value < 1000) return `${Math.round(value)} B`;
  if (value < 999_500) return `${(value / 1e3).toPrecision(3)} kB`;
  return value < 999.5e6 ? `${(value / 1e6).toPrecision(3)} MB` : `${(value / 1e9).toPrecision(3)} GB`;
}

/** Durations with three significant digits: `85.0 ms`, `1.24 s`. */
export function formatSeconds(value: MaybeNumber): string {
  if (!finite(value)) return 'n/a';
  return value < 0.9995 ? `${(value * 1e3).toPrecision(3)} ms` : `${value.toPrecision(3)} s`;
}

/** Share of a whole in percent: `6.2 %`, `104 %`; `n/a` where the whole is zero or either is missing. */
export function formatShare(part: MaybeNumber, whole: MaybeNumber): string {
  if (!finite(part) || !finite(whole) || whole === 0) return 'n/a';
  const percent = (100 * part) / whole;
  return `${percent < 99.95 ? percent.toPrecision(percent < 1 ? 2 : 3) : percent.toFixed(0)} %`;
}

/** `1 h 05 min`, `3 min 20 s`, `8 s`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const pad = (value: number): string => String(value).padStart(2, '0');
  if (hours > 0) return `${hours} h ${pad(minutes)} min`;
  return minutes > 0 ? `${minutes} min ${pad(rest)} s` : `${rest} s`;
}
