import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Connectivity, connectedComponents, findHoles, paintComponents } from '../../../src/volume/components.ts';
import type { Xyz } from '../../../src/volume/volume.ts';

interface Golden {
  readonly sizeVoxels: Xyz;
  readonly seed: number;
  readonly density: number;
  readonly components: Readonly<Record<string, { readonly sizes: readonly number[]; readonly checksum: number }>>;
  readonly filled?: number;
}

const goldens = JSON.parse(
  readFileSync(new URL('../../fixtures/components-goldens.json', import.meta.url), 'utf8'),
) as { readonly cases: readonly Golden[] };

/** The masks of make-components-goldens.py, as label 7 among 0 and, where asked for, other labels. */
function maskOf({ sizeVoxels, seed, density }: Golden): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: sizeVoxels[0] * sizeVoxels[1] * sizeVoxels[2] }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 < density ? 7 : 0;
  });
}

function checksum(numbers: Iterable<number>): number {
  let result = 0;
  for (const number of numbers) result = (result * 31 + number) % 1000000007;
  return result;
}

describe.each(goldens.cases)('$sizeVoxels at density $density', golden => {
  it.each<Connectivity>([6, 18, 26])('has the components that SciPy finds, with %i neighbours', connectivity => {
    const data = maskOf(golden);
    const found = connectedComponents(data, golden.sizeVoxels, { value: 7, connectivity });
    const { sizes, checksum: expected } = golden.components[connectivity]!;
    expect(Array.from(found.sizes)).toEqual(sizes);
    const numbers = new Int32Array(data.length);
    found.start.forEach((first, run) => {
      numbers.fill(found.component[run]! + 1, first, first + found.length[run]!);
    });
    expect(checksum(numbers)).toBe(expected);
  });
});

it.each(goldens.cases.filter(({ filled }) => filled !== undefined))(
  'has the holes that SciPy fills: $sizeVoxels at density $density',
  golden => {
    const data = maskOf(golden);
    const { outside, isHole } = findHoles(data, golden.sizeVoxels, 7);
    paintComponents(data, outside, { value: 7, chosen: component => isHole[component]! });
    expect(checksum(data.map(value => (value === 7 ? 1 : 0)))).toBe(golden.filled);
  },
);

it('takes every other label for the outside of a class', () => {
  const data = Uint8Array.of(1, 1, 1, 1, 3, 1, 1, 1, 1, 3);
  const { sizes } = connectedComponents(data, [10, 1, 1], { value: 1, complement: true, connectivity: 6 });
  expect(Array.from(sizes)).toEqual([1, 1]);
});

it('finds nothing in an empty volume and one component in a full one', () => {
  const options = { value: 1, connectivity: 26 } as const;
  expect(connectedComponents(new Uint8Array(60), [3, 4, 5], options).sizes.length).toBe(0);
  expect(Array.from(connectedComponents(new Uint8Array(60).fill(1), [3, 4, 5], options).sizes)).toEqual([60]);
});
