import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromJson, toJson } from '../../../src/experiment/prepared/exact-json.ts';

describe('exact JSON', () => {
  it('gives back numbers that plain JSON loses, and text that looks like them', () => {
    const value = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0, '#NaN', '##', '#', '', null];
    const back = fromJson(toJson(value)) as readonly unknown[];
    expect(back).toHaveLength(value.length);
    for (const [index, one] of value.entries()) expect(Object.is(back[index], one)).toBe(true);
  });

  it('gives back any value of JSON and any number', () => {
    const number = fc.double();
    const any = fc.letrec(tie => ({
      value: fc.oneof(number, fc.string(), fc.boolean(), fc.constant(null), tie('list'), tie('record')),
      list: fc.array(tie('value'), { maxLength: 4 }),
      record: fc.dictionary(fc.string({ minLength: 1 }), tie('value'), { maxKeys: 4, noNullPrototype: true }),
    })).value;
    fc.assert(
      fc.property(any, value => {
        expect(fromJson(toJson(value))).toEqual(value);
      }),
      { numRuns: 200, seed: 7 },
    );
  });
});
