/** history.csv: its columns, and the way there and back. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatHistory, parseHistory } from '../../../src/experiment/history.ts';

describe('history.csv', () => {
  it('has the loss terms between the fixed columns and empty cells for what a row lacks', () => {
    const csv = formatHistory([
      { step: 1, epoch: 0, seconds: 0.5, learningRate: 0.003, losses: { total: 1.5, dice: 0.75 } },
      { step: 2, epoch: 0, seconds: 1, learningRate: 0.002, losses: { total: 1.25, kd: 0.1 }, validationDice: 0.5 },
    ]);
    expect(csv.split('\n')).toEqual([
      'step,epoch,seconds,learningRate,total,dice,kd,validationDice',
      '1,0,0.5,0.003,1.5,0.75,,',
      '2,0,1,0.002,1.25,,0.1,0.5',
      '',
    ]);
  });

  it('says behind the loss terms how the validated parameters were averaged, if they were', () => {
    const csv = formatHistory([
      { ...{ step: 1, epoch: 0, seconds: 0.5, learningRate: 0.003, losses: { total: 1.5 } }, emaDecay: 0.1 },
      {
        ...{ step: 2, epoch: 0, seconds: 1, learningRate: 0.002, losses: { total: 1.25, kd: 0.1 } },
        ...{ emaDecay: 0.25, validationDice: 0.5 },
      },
    ]);
    expect(csv.split('\n')).toEqual([
      'step,epoch,seconds,learningRate,total,kd,emaDecay,validationDice',
      '1,0,0.5,0.003,1.5,,0.1,',
      '2,0,1,0.002,1.25,0.1,0.25,0.5',
      '',
    ]);
  });

  it('gives the same rows when read again', () => {
    const number = fc.double({ noDefaultInfinity: true, noNaN: true }).map(value => value + 0);
    const row = fc.record(
      {
        step: fc.nat(),
        epoch: fc.nat(),
        seconds: number,
        learningRate: number,
        losses: fc.dictionary(fc.constantFrom('total', 'dice', 'kd'), number, { noNullPrototype: true }),
        emaDecay: number,
        validationDice: number,
      },
      { requiredKeys: ['step', 'epoch', 'seconds', 'learningRate', 'losses'] },
    );
    fc.assert(
      fc.property(fc.array(row), rows => {
        expect(parseHistory(formatHistory(rows), 'history.csv')).toEqual(rows);
      }),
    );
  });

  it('refuses a file of another kind, and names the cell that is no number', () => {
    expect(() => parseHistory('a,b\n', 'x.csv')).toThrow(/x\.csv: the first line must be step,epoch/);
    const header = 'step,epoch,seconds,learningRate,total,validationDice\n';
    expect(() => parseHistory(`${header}1,0,1,1,1,\n2,0,1,1,oops,\n`, 'x.csv')).toThrow(
      'x.csv:3: total must be a number, got "oops"',
    );
    expect(() => parseHistory(`${header}1,0,1\n`, 'x.csv')).toThrow('x.csv:2: expected 6 cells, got 3');
    expect(() => parseHistory(`${header},0,1,1,1,\n`, 'x.csv')).toThrow('x.csv:2: step is empty');
    for (const cell of [' ', '0x10', '1_000', '1.', 'nan', '--1', '+1']) {
      expect(() => parseHistory(`${header}1,0,1,1,${cell},\n`, 'x.csv')).toThrow('x.csv:2: total must be a number');
    }
  });

  it('refuses steps and epochs that count nothing, and columns that are there twice', () => {
    const header = 'step,epoch,seconds,learningRate,total,validationDice\n';
    for (const step of ['1e30', '-1', '1.5', 'NaN', 'Infinity']) {
      expect(() => parseHistory(`${header}${step},0,1,1,1,\n`, 'x.csv')).toThrow(
        /^x\.csv:2: step must be a whole number of at least 0, got /,
      );
    }
    expect(() => parseHistory(`${header}1,-2,1,1,1,\n`, 'x.csv')).toThrow('x.csv:2: epoch must be a whole number');
    for (const twice of ['total', 'step']) {
      const odd = header.replace('total', `total,${twice}`);
      expect(() => parseHistory(odd, 'x.csv')).toThrow(`x.csv: the column "${twice}" is there twice`);
    }
  });

  it('takes columns with the names of built-in properties as they are', () => {
    const text = 'step,epoch,seconds,learningRate,constructor,__proto__,validationDice\n1,0,1,1,2,3,\n';
    const rows = parseHistory(text, 'x.csv');
    expect(Object.entries(rows[0]?.losses ?? {})).toEqual([
      ['constructor', 2],
      ['__proto__', 3],
    ]);
    expect(formatHistory(rows)).toBe(text);
  });
});
