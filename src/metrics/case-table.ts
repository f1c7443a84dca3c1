/** Scores of cases as a table: a row for each case, a column for each score, and the same as CSV (RFC 4180). */
import { type CaseScore, CLASS_METRICS } from './case-score.ts';

/**
 * A field of a CSV line; quoted where it must be. A text that a spreadsheet would take for a formula gets an
 * apostrophe.
 */
function field(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/**
 * The cases of one or several arms as CSV, one line for each arm, case and class: which of both have the class, all
 * metrics, and the volumes. A number that does not exist (a distance to nothing) is empty.
 * @param arms by name; the column is left out for a single arm without a name
 */
export function casesCsv(arms: readonly { readonly name: string; readonly cases: readonly CaseScore[] }[]): string {
  const isNamed = arms.some(({ name }) => name !== '');
  const header = [
    ...(isNamed ? ['arm'] : []),
    'case',
    'class',
    'presence',
    ...CLASS_METRICS,
    'volumeMl',
    'referenceMl',
    'meanDice',
  ];
  const rows = arms.flatMap(({ name, cases }) =>
    cases.flatMap(({ id, classes, meanDice }) =>
      Object.entries(classes).map(([className, score]) => [
        ...(isNamed ? [name] : []),
        id,
        className,
        score.presence,
        ...CLASS_METRICS.map(metric => score[metric]),
        score.volumeMl,
        score.referenceMl,
        meanDice,
      ]),
    ),
  );
  return [header, ...rows].map(row => `${row.map(field).join(',')}\r\n`).join('');
}
