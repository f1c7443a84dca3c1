/** All volumes of the segmentations of an image as a table for spreadsheets, with a comparison where one was made. */
import { type Segmented, structuresOf, volumesByValue } from './segmentations.ts';
import type { ComparedRow } from './structures-table.ts';

/** Two segmentations that were compared, by their names. */
export interface ComparisonRows {
  readonly first: string;
  readonly second: string;
  readonly rows: readonly ComparedRow[];
}

/** A field that spreadsheets read as it is: quoted where it has to be, and never a formula. */
export function csvField(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '';
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Rows as the text of a table, the head first. */
export function csvText(rows: readonly (readonly Parameters<typeof csvField>[0][])[]): string {
  return rows.map(row => `${row.map(csvField).join(',')}\r\n`).join('');
}

const HEAD = [
  'image',
  'segmentation',
  'structure',
  'label',
  'volumeMl',
  'comparedWith',
  'dice',
  'hd95Mm',
  'volumeDifferenceMl',
];

/** A row for each structure of each segmentation. */
export function volumesCsv(image: string, list: readonly Segmented[], comparison?: ComparisonRows): string {
  const structures = structuresOf(list);
  const lines = list.flatMap(item => {
    const volumes = volumesByValue(item);
    return structures.flatMap(({ value, name }) => {
      if (!volumes.has(value)) return [];
      const compared = comparison?.first === item.name ? comparison.rows.find(one => one.value === value) : undefined;
      const difference = compared && compared.firstMl - compared.secondMl;
      const scores = compared ? [comparison?.second, compared.dice, compared.hd95Mm, difference] : ['', '', '', ''];
      return [[image, item.name, name, value, volumes.get(value), ...scores]];
    });
  });
  return csvText([HEAD, ...lines]);
}
