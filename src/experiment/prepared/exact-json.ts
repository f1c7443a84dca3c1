/** JSON that gives back the very same numbers: NaN, infinity and -0 too, which plain JSON loses. */

const MARK = '#';
const UNUSUAL: ReadonlyMap<string, number> = new Map([
  ['#NaN', Number.NaN],
  ['#Infinity', Number.POSITIVE_INFINITY],
  ['#-Infinity', Number.NEGATIVE_INFINITY],
  ['#-0', -0],
]);

function nameOf(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

/** A value as text; text that begins with the mark of numbers is marked once more. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => {
    if (typeof one === 'number' && (!Number.isFinite(one) || Object.is(one, -0))) return `${MARK}${nameOf(one)}`;
    return typeof one === 'string' && one.startsWith(MARK) ? `${MARK}${one}` : one;
  });
}

/** The value of a text that {@link toJson} wrote. */
export function fromJson(text: string): unknown {
  return JSON.parse(text, (_, one: unknown) => {
    if (typeof one !== 'string' || !one.startsWith(MARK)) return one;
    return UNUSUAL.get(one) ?? one.slice(MARK.length);
  });
}
