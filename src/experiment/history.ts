/**
 * `history.csv`: one row per step, `step,epoch,seconds,learningRate,<loss terms>,emaDecay,validationDice`. Loss terms
 * are the columns between the fixed ones, in the order in which they first appear; `emaDecay` is there if the
 * parameters are averaged, and says that it was the average that was validated. An empty cell is a value that the row
 * does not have.
 */

import { InputError } from '../core/errors.ts';
import type { StepRecord } from '../training/trainer.ts';

const FIRST_COLUMNS = ['step', 'epoch', 'seconds', 'learningRate'] as const;
const DECAY_COLUMN = 'emaDecay';
const LAST_COLUMN = 'validationDice';
/** A number as {@link formatHistory} writes it. */
const NUMBER = /^(?:-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Infinity)|NaN)$/;

/** The rows as CSV with a header; numbers keep every digit, so {@link parseHistory} gives the same rows. */
export function formatHistory(rows: readonly StepRecord[]): string {
  const terms = [...new Set(rows.flatMap(row => Object.keys(row.losses)))];
  const decays = rows.some(({ emaDecay }) => emaDecay !== undefined) ? [DECAY_COLUMN] : [];
  const lines = rows.map(row => [
    ...FIRST_COLUMNS.map(column => row[column]),
    ...terms.map(term => row.losses[term] ?? ''),
    ...decays.map(() => row.emaDecay ?? ''),
    row.validationDice ?? '',
  ]);
  return [[...FIRST_COLUMNS, ...terms, ...decays, LAST_COLUMN], ...lines].map(cells => `${cells.join(',')}\n`).join('');
}

/**
 * Reads the text of {@link formatHistory}.
 * @param path for messages
 * @throws {InputError} E_HISTORY if a column or a number is not one, a column is there twice, or a step is no count
 */
export function parseHistory(text: string, path: string): StepRecord[] {
  const [header = '', ...lines] = text.split(/\r?\n/).filter(line => line !== '');
  const columns = header.split(',');
  const expected = [...FIRST_COLUMNS, ...columns.slice(FIRST_COLUMNS.length, -1), LAST_COLUMN];
  if (columns.join() !== expected.join()) {
    throw new InputError(
      'E_HISTORY',
      `${path}: the first line must be ${[...FIRST_COLUMNS, '<loss terms>', LAST_COLUMN].join(',')}, got "${header}"`,
    );
  }
  const twice = columns.find((column, index) => columns.indexOf(column) !== index);
  if (twice !== undefined) throw new InputError('E_HISTORY', `${path}: the column "${twice}" is there twice`);
  return lines.map((line, index) => parseRow(columns, line.split(','), `${path}:${index + 2}`));
}

function parseRow(columns: readonly string[], cells: readonly string[], place: string): StepRecord {
  if (cells.length !== columns.length) {
    throw new InputError('E_HISTORY', `${place}: expected ${columns.length} cells, got ${cells.length}`);
  }
  const values = new Map<string, number>();
  columns.forEach((column, index) => {
    const cell = cells[index]!;
    if (cell === '') return;
    if (!NUMBER.test(cell)) {
      throw new InputError('E_HISTORY', `${place}: ${column} must be a number, got "${cell}"`);
    }
    values.set(column, Number(cell));
  });
  const number = (column: (typeof FIRST_COLUMNS)[number]): number => {
    const value = values.get(column);
    if (value === undefined) throw new InputError('E_HISTORY', `${place}: ${column} is empty`);
    return value;
  };
  const wholeNumber = (column: (typeof FIRST_COLUMNS)[number]): number => {
    const value = number(column);
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw new InputError('E_HISTORY', `${place}: ${column} must be a whole number of at least 0, got ${value}`);
  };
  const row = {
    step: wholeNumber('step'),
    epoch: wholeNumber('epoch'),
    seconds: number('seconds'),
    learningRate: number('learningRate'),
    losses: Object.fromEntries([...values].filter(([column]) => !isFixed(column))),
  };
  const [emaDecay, validationDice] = [values.get(DECAY_COLUMN), values.get(LAST_COLUMN)];
  return {
    ...row,
    ...(emaDecay !== undefined && { emaDecay }),
    ...(validationDice !== undefined && { validationDice }),
  };
}

function isFixed(column: string): boolean {
  return column === DECAY_COLUMN || column === LAST_COLUMN || FIRST_COLUMNS.some(fixed => fixed === column);
}
