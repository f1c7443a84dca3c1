/**
 * Styles that distinguish arms in every table and chart: a fixed order, and colour, dash and marker together, so that
 * none alone carries the meaning.
 */
import { ARMS } from '../experiment/record.ts';

/** Style of an arm. Colours are CSS variables, so that light, dark and print mode each define theirs. */
export interface ArmStyle {
  readonly colour: string;
  /** Dash pattern, an SVG stroke-dasharray. */
  readonly dash: string;
  readonly symbol: 'circle' | 'square' | 'triangle' | 'diamond' | 'star' | 'cross';
}

const STYLES: readonly ArmStyle[] = [
  { colour: 'var(--arm-1)', dash: 'none', symbol: 'circle' },
  { colour: 'var(--arm-2)', dash: '7 3', symbol: 'square' },
  { colour: 'var(--arm-3)', dash: '2 3', symbol: 'triangle' },
  { colour: 'var(--arm-4)', dash: '9 3 2 3', symbol: 'diamond' },
  { colour: 'var(--arm-5)', dash: '4 2', symbol: 'star' },
  { colour: 'var(--arm-6)', dash: '1 2', symbol: 'cross' },
];

/**
 * Names of arms in the order of tables: teacher, student, baseline if they exist, then the others as given, each once.
 */
export function orderArms(names: Iterable<string>): readonly string[] {
  const given = new Set(names);
  const known: readonly string[] = ARMS.filter(arm => given.has(arm));
  return [...known, ...[...given].filter(name => !known.includes(name))];
}

/**
 * A style for each arm: the three known arms always look the same, others take the remaining styles in turn.
 * @param order as from {@link orderArms}
 */
export function armStyles(order: readonly string[]): ReadonlyMap<string, ArmStyle> {
  const known: readonly string[] = ARMS;
  let next = ARMS.length;
  return new Map(
    order.map(name => [name, STYLES[known.includes(name) ? known.indexOf(name) : next++ % STYLES.length]!]),
  );
}
