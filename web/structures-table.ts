/** The table of the structures of the segmentation that is shown, beside another one where two are compared. */
import { formatDice, formatNumber, formatSigned } from '../src/core/format.ts';
import type { Agreement } from './difference.ts';
import { make } from './elements.ts';
import { type Structure, swatchOf } from './segmentations.ts';

/** Two segmentations side by side. */
export interface ComparedRow extends Agreement {
  readonly name: string;
  /** Undefined while it is not known yet. */
  readonly hd95Mm: number | undefined;
}

/** The difference of two volumes, for people: `+0.12 (+4 %)`. */
function volumeDifference({ firstMl, secondMl }: Agreement): string {
  const difference = firstMl - secondMl;
  const percent = secondMl === 0 ? '' : ` (${formatSigned((100 * difference) / secondMl, 0)} %)`;
  return `${formatSigned(difference, 2)}${percent}`;
}

function distanceText(hd95Mm: number | undefined): string {
  if (hd95Mm === undefined) return '…';
  if (Number.isNaN(hd95Mm)) return 'neither';
  return Number.isFinite(hd95Mm) ? formatNumber(hd95Mm, 2) : 'one only';
}

function tableOf(caption: string, heads: readonly string[], rows: readonly HTMLElement[]): readonly HTMLElement[] {
  return [
    make('caption', {}, caption),
    make('thead', {}, make('tr', {}, ...heads.map(head => make('th', { scope: 'col' }, head)))),
    make('tbody', {}, ...rows),
  ];
}

function rowOf(structure: Structure, cells: readonly string[]): HTMLElement {
  return make(
    'tr',
    {},
    make('th', { scope: 'row' }, ...swatchOf(structure)),
    ...cells.map(text => make('td', {}, text)),
  );
}

/** Draws how two segmentations agree. */
export function renderComparison(table: HTMLElement, caption: string, compared: readonly ComparedRow[]): void {
  const rows = compared.map(one =>
    rowOf(one, [one.dice === null ? 'neither' : formatDice(one.dice), distanceText(one.hd95Mm), volumeDifference(one)]),
  );
  table.replaceChildren(...tableOf(caption, ['Structure', 'Dice', 'HD95, mm', 'Volume, ml'], rows));
}

/** Draws the volumes of one segmentation. */
export function renderStructures(
  table: HTMLElement,
  structures: readonly Structure[],
  volumes: ReadonlyMap<number, number>,
): void {
  const rows = structures
    .filter(({ value }) => volumes.has(value))
    .map(structure => rowOf(structure, [formatNumber(volumes.get(structure.value), 2)]));
  table.replaceChildren(...tableOf('Structures of the one that is shown', ['Structure', 'Volume, ml'], rows));
}
