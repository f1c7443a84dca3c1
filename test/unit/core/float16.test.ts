import { describe, expect, it } from 'vitest';
import { fromFloat16, roundToFloat16, toFloat16 } from '../../../src/core/float16.ts';
import { random } from '../../../src/core/random.ts';

/** Value of a pattern by the definition in IEEE 754-2019, section 3.4. */
function definedValue(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, (bits & 1023) / 1024];
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15));
}

const FINITE = Array.from({ length: 0x7c00 }, (_, bits) => definedValue(bits));

describe('float16', () => {
  it('has the value of every pattern, and gives the pattern back', () => {
    const patterns = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
    expect([...fromFloat16(patterns)]).toEqual([...patterns].map(definedValue));
    const finite = patterns.filter(bits => (bits & 0x7c00) !== 0x7c00);
    expect(toFloat16(fromFloat16(finite))).toEqual(finite);
  });

  it('is the nearest half, the even one of two', () => {
    const source = random(1, 'halves');
    const values = Float32Array.from({ length: 1000 }, (_, index) => {
      if (index % 3 === 0) {
        const at = source.integer(FINITE.length - 1);
        return (FINITE[at]! + FINITE[at + 1]!) / 2;
      }
      return source.normal() * 2 ** (source.integer(50) - 32);
    });
    const halves = toFloat16(values);
    values.forEach((value, index) => {
      const size = Math.abs(value);
      let low = FINITE.findLastIndex(half => half <= size);
      const next = FINITE[low + 1];
      if (next !== undefined) {
        const [below, above] = [size - FINITE[low]!, next - size];
        if (above < below || (above === below && low % 2 === 1)) low++;
      }
      expect(halves[index]! & 0x7fff).toBe(low);
    });
  });

  it('keeps signs and NaN, and stops at the largest half', () => {
    const rounded = roundToFloat16(Float32Array.of(-0, 1e9, -1e9, Number.NaN, Number.NEGATIVE_INFINITY, 1e-9));
    expect([...rounded]).toEqual([-0, 65504, -65504, Number.NaN, -65504, 0]);
  });
});
