/** The table of all cases: what it lists, how it is sorted, and the file that it carries. */
import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { casesCsv } from '../../../src/metrics/case-table.ts';
import { renderCaseTable } from '../../../src/report/case-table.ts';
import { html } from '../../../src/report/markup.ts';
import { classScore } from '../../support/scores.ts';
import { evaluation } from './fixtures.ts';

const evaluations = {
  student: evaluation({ 'case 10': { Anterior: 0.5 }, 'case 2': { Anterior: 0.9 }, 'case 1': { Anterior: 0.7 } }),
  teacher: evaluation({ 'case 10': { Anterior: 0.6 }, 'case 2': { Anterior: 0.4 }, 'case 1': { Anterior: 0.8 } }),
};

function parse(): Document {
  const { document } = parseHTML(
    `<!doctype html><html><body>${html`${renderCaseTable(evaluations)}`.markup}</body></html>`,
  );
  return document as unknown as Document;
}

/** The cases in the order that a radio button gives them. */
function orderBy(document: Document, title: string): (string | null | undefined)[] {
  const label = [...document.querySelectorAll('label')].find(one => one.textContent?.trim() === title);
  const id = label?.querySelector('input')?.getAttribute('id') ?? '';
  const column = new RegExp(`#cases:has\\(#${id}:checked\\) tbody tr\\{order:var\\((--c\\d+)\\)\\}`).exec(
    document.querySelector('#cases style')?.textContent ?? '',
  )?.[1];
  const rows = [...document.querySelectorAll('#cases tbody tr')];
  const placeOf = (row: Element): number =>
    Number(new RegExp(`${column}:(\\d+)`).exec(row.getAttribute('style') ?? '')?.[1]);
  return [...rows].sort((a, b) => placeOf(a) - placeOf(b)).map(row => row.querySelector('th')?.textContent);
}

describe('the table of all cases', () => {
  it('lists every case of every arm, in the order of their numbers', () => {
    const rows = [...parse().querySelectorAll('#cases tbody tr')].map(row =>
      [...row.children].map(cell => cell.textContent),
    );
    // mean Dice, Dice and HD95 of student and teacher; arms always stand in one order
    expect(rows).toEqual([
      ['case 1', '0.800', '0.700', '0.800', '0.700', '2.00', '2.00'],
      ['case 2', '0.400', '0.900', '0.400', '0.900', '2.00', '2.00'],
      ['case 10', '0.600', '0.500', '0.600', '0.500', '2.00', '2.00'],
    ]);
  });

  it('is sorted by the worst of any column without a script', () => {
    const document = parse();
    expect(orderBy(document, 'mean Dice, student')).toEqual(['case 10', 'case 1', 'case 2']);
    expect(orderBy(document, 'mean Dice, teacher')).toEqual(['case 2', 'case 10', 'case 1']);
    expect(document.querySelectorAll('input[type="radio"][checked]')).toHaveLength(1);
  });

  it('carries a file with every metric', () => {
    const link = parse().querySelector('a[download="cases.csv"]')?.getAttribute('href') ?? '';
    const text = Buffer.from(link.replace('data:text/csv;base64,', ''), 'base64').toString();
    expect(text.split('\r\n')[0]).toBe(
      'arm,case,class,presence,dice,iou,sensitivity,precision,hd95Mm,assdMm,surfaceDice,volumeErrorMl,volumeErrorPercent,ece,lesionF1,lesionDice,panopticQuality,calibratedEce,expectedDice,volumeMl,referenceMl,meanDice',
    );
    expect(text.split('\r\n')).toHaveLength(1 + 6 + 1);
  });
});

describe('the CSV file of cases', () => {
  it('quotes what must be, leaves empty what does not exist, and gives a spreadsheet no formula', () => {
    const score = classScore({ presence: 'reference-only', dice: 0, hd95Mm: null });
    const text = casesCsv([{ name: '', cases: [{ id: 'a "b", c', classes: { '=1+1': score }, meanDice: 0 }] }]);
    const [header, line] = text.split('\r\n');
    expect(header?.startsWith('case,class,presence,dice,')).toBe(true);
    expect(line?.startsWith('"a ""b"", c",\'=1+1,reference-only,0,')).toBe(true);
    expect(line?.split(',')[header!.split(',').indexOf('hd95Mm') + 1]).toBe('');
  });
});
