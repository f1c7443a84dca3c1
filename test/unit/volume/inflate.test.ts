/** Compressed bytes: whole or an error, whichever bit is damaged, and never more memory than can come. */
import { gzipSync, zlibSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import {
  availableContentBytes,
  gunzip,
  gzip,
  inflateRaw,
  largestContentBytes,
  unzlib,
  zlib,
} from '../../../src/volume/inflate.ts';

const content = Uint8Array.from({ length: 5000 }, (_, i) => (i * i) % 251);

function unpacked(unpack: typeof gunzip, bytes: Uint8Array): Uint8Array {
  const pieces: number[] = [];
  unpack(bytes, piece => pieces.push(...piece));
  return Uint8Array.from(pieces);
}

describe.each([
  ['gzip', gunzip, gzipSync(content)],
  ['zlib', unzlib, zlibSync(content)],
])('%s', (_, unpack, packed) => {
  test('gives the content back', () => expect(unpacked(unpack, packed)).toEqual(content));

  test('every flipped bit is an error or, in what is no content, without effect', () => {
    let errors = 0;
    for (let bit = 0; bit < packed.length * 8; bit += 7) {
      const damaged = packed.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      let result: Uint8Array;
      try {
        result = unpacked(unpack, damaged);
      } catch {
        errors++;
        continue;
      }
      expect(result).toEqual(content);
    }
    expect(errors).toBeGreaterThan((packed.length * 8) / 7 - 20);
  });

  test('an end that lacks is an error', () => {
    for (const kept of [0, 1, 5, packed.length >> 1, packed.length - 1]) {
      expect(() => unpacked(unpack, packed.subarray(0, kept))).toThrow();
    }
  });
});

test('every member of a gzip file is verified, not the last one only', () => {
  const [one, two] = [gzipSync(content.subarray(0, 2000)), gzipSync(content.subarray(2000))];
  const whole = Uint8Array.from([...one, ...two]);
  expect(unpacked(gunzip, whole)).toEqual(content);
  const damaged = whole.slice();
  damaged[one.length - 6]! ^= 1;
  expect(() => unpacked(gunzip, damaged)).toThrow('checksum');
});

test('our own streams are read by another inflater', () => {
  expect(unpacked(gunzip, gzip([content.subarray(0, 9), content.subarray(9)]))).toEqual(content);
  expect(unpacked(unzlib, zlib(content))).toEqual(content);
  expect(unpacked(inflateRaw, zlib(content).subarray(2, -4))).toEqual(content);
});

test('the most that stored bytes can hold grows with them, whatever is claimed', () => {
  expect(largestContentBytes(1000, 'none')).toBe(1000);
  expect(largestContentBytes(208, 'gzip')).toBeLessThan(300e3);
  expect(largestContentBytes(208, 'picture')).toBeLessThan(20e6);
});

test('a claim far beyond the usual is counted before it is believed', () => {
  let calls = 0;
  const count = (pieces: number) => (onPiece: (piece: Uint8Array) => void) => {
    calls++;
    for (let i = 0; i < pieces; i++) onPiece(content);
  };
  expect(availableContentBytes(2 ** 20, 2 ** 26, count(2))).toBe(2 ** 20 * 1032);
  expect(availableContentBytes(2 ** 20, 2 ** 40, count(2))).toBe(2 ** 20 * 1032);
  expect(calls).toBe(0);
  expect(availableContentBytes(2 ** 20, 2 ** 29, count(2))).toBe(2 * content.length);
});
