import { describe, expect, test } from 'vitest';
import { patientsByPattern, patientsByTable } from '../../../src/data/patients.ts';

const IDS = ['p7_left', 'p7_right', 'p12_left'];

describe('patientsByPattern', () => {
  test('takes the first group of the pattern', () => {
    expect(IDS.map(patientsByPattern(IDS, '^(.+?)_'))).toEqual(['p7', 'p7', 'p12']);
  });

  test('names the cases that do not match', () => {
    const error = expect.objectContaining({ code: 'E_PATIENTS', message: expect.stringContaining('p12_left') });
    expect(() => patientsByPattern(IDS, '^(p7)_')).toThrow(error);
  });
});

describe('patientsByTable', () => {
  test('looks every case up', () => {
    const table = JSON.stringify({ p7_left: 'Ann', p7_right: 'Ann', p12_left: 'Bob', other: 'Cy' });
    expect(IDS.map(patientsByTable(IDS, table, 't.json'))).toEqual(['Ann', 'Ann', 'Bob']);
  });

  test.each([
    ['{', /t\.json is not JSON/],
    ['[]', /t\.json: .*\nIt must hold/],
    ['{ "p7_left": 7 }', /t\.json p7_left: .*\nIt must hold/],
    ['{ "p7_left": "Ann", "p7_right": "Ann" }', /no patient for these cases: p12_left/],
  ])('refuses %s', (text, message) => {
    const error = expect.objectContaining({ code: 'E_PATIENTS', message: expect.stringMatching(message) });
    expect(() => patientsByTable(IDS, text, 't.json')).toThrow(error);
  });
});
