/** Images painted of label maps: what is drawn, within which ranges, and what the formulas make of it. */
import { describe, expect, it } from 'vitest';
import { random } from '../../../../src/core/random.ts';
import { acquire, drawAcquisition } from '../../../../src/data/synthesis/acquisition.ts';
import { createBiasRows, drawBiasField } from '../../../../src/data/synthesis/bias-field.ts';
import { drawContrast } from '../../../../src/data/synthesis/contrast.ts';
import { labelRules } from '../../../../src/data/synthesis/label-rules.ts';
import { paintInto } from '../../../../src/data/synthesis/painting.ts';
import type { SynthesisSettings } from '../../../../src/data/synthesis/settings.ts';
import type { Xyz } from '../../../../src/volume/volume.ts';
import { PLAIN, synthesisOf } from '../../../support/synthesis.ts';

const SIZE: Xyz = [24, 20, 16];
const VOXELS = 24 * 20 * 16;
const SPACING: Xyz = [1, 1, 1];
/** Slabs along x of the values 0, 1, 2, 3, 7 and 8. */
const SLABS = Uint8Array.from({ length: VOXELS }, (_, i) => [0, 1, 2, 3, 7, 8][Math.floor((i % 24) / 4)]!);

function painted(changes: Partial<SynthesisSettings>, key: readonly (string | number)[] = [1], spacingMm = SPACING) {
  const settings = synthesisOf(changes);
  const image = new Float32Array(VOXELS);
  paintInto(image, { labels: SLABS, size: SIZE, spacingMm }, { settings, rules: labelRules(settings), key });
  return image;
}

/** Values of a slab, without its outer planes that the blur of a scan mixes. */
function slab(image: Float32Array, index: number): number[] {
  return [...image].filter((_, i) => Math.floor((i % 24) / 4) === index && [1, 2].includes(i % 4));
}

const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const deviationOf = (values: readonly number[]): number =>
  Math.sqrt(meanOf(values.map(value => (value - meanOf(values)) ** 2)));

describe('a painted image', () => {
  it('is the same for the same key, another for another key, and lies in 0 to 1', () => {
    const image = painted({});
    expect(painted({})).toEqual(image);
    expect(painted({}, [2])).not.toEqual(image);
    expect(Math.min(...image)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...image)).toBeLessThanOrEqual(1 + 1e-6);
  });

  it('does not depend on memory that other images have used', () => {
    const settings = synthesisOf();
    const options = { settings, rules: labelRules(settings), key: [5] };
    let taken = 0;
    const memory = {
      take: (length: number) => {
        taken++;
        return { first: new Float32Array(length).fill(7), second: new Float32Array(length).fill(-3) };
      },
    };
    const [clean, used] = [new Float32Array(VOXELS), new Float32Array(VOXELS).fill(9)];
    paintInto(clean, { labels: SLABS, size: SIZE, spacingMm: SPACING }, options);
    paintInto(used, { labels: SLABS, size: SIZE, spacingMm: SPACING }, { ...options, memory });
    expect(used).toEqual(clean);
    expect(taken).toBe(1);
  });

  it('has the drawn mean of every value, rescaled to 0 to 1, where nothing else varies', () => {
    const settings = synthesisOf(PLAIN);
    const rules = labelRules(settings);
    const { means } = drawContrast(settings, rules, random(3, 'contrast'));
    const image = painted(PLAIN, [3]);
    const drawn = [0, 1, 2, 3, 7, 8].map(value => means[rules.paintOf[value]!]!);
    const [low, high] = [Math.min(...drawn), Math.max(...drawn)];
    drawn.forEach((mean, index) => {
      // the least blur of a scan, 0.5 voxels, reaches two voxels far
      expect(meanOf(slab(image, index))).toBeCloseTo((mean - low) / (high - low), 1);
    });
  });

  it('has the drawn exponent', () => {
    const plain = painted(PLAIN, [4]);
    const gamma = Math.exp(0.5 * random(4, 'gamma').normal());
    const changed = painted({ ...PLAIN, gamma: 0.5 }, [4]);
    expect(gamma).not.toBeCloseTo(1, 1);
    // in the middle of a row of equal voxels no blur comes in
    const at = (image: Float32Array, index: number): number => slab(image, index)[0]!;
    for (let index = 0; index < 6; index++) {
      expect(Math.abs(at(changed, index) - at(plain, index) ** gamma)).toBeLessThan(0.03);
    }
  });

  it('has noise of a deviation of its own for every value', () => {
    const options = { ...PLAIN, means: [100, 100], deviations: [0, 30] } as const;
    const settings = synthesisOf(options);
    const rules = labelRules(settings);
    const { deviations } = drawContrast(settings, rules, random(6, 'contrast'));
    const image = painted(options, [6]);
    const found = [0, 1, 2, 3, 7, 8].map((_, index) => deviationOf(slab(image, index)));
    const drawn = [0, 1, 2, 3, 7, 8].map(value => deviations[rules.paintOf[value]!]!);
    const ratio = meanOf(found.map((value, index) => value / drawn[index]!));
    found.forEach((value, index) => {
      expect(value / drawn[index]! / ratio).toBeGreaterThan(0.8);
      expect(value / drawn[index]! / ratio).toBeLessThan(1.25);
    });
  });
});

describe('a contrast', () => {
  const rules = labelRules(synthesisOf());
  const drawn = (settings: SynthesisSettings, count: number) => {
    const own = labelRules(settings);
    return Array.from({ length: count }, (_, i) => drawContrast(settings, own, random('contrast', i)));
  };

  it('has means and deviations that fill their ranges', () => {
    const settings = synthesisOf({ means: [20, 220], deviations: [5, 25] });
    const all = drawn(settings, 400);
    const means = all.flatMap(one => [...one.means.subarray(1)]);
    const deviations = all.flatMap(one => [...one.deviations.subarray(1)]);
    expect(Math.min(...means)).toBeGreaterThanOrEqual(20);
    expect(Math.max(...means)).toBeLessThanOrEqual(220);
    expect(meanOf(means)).toBeCloseTo(120, -1);
    // uniform: the range over the root of 12
    expect(deviationOf(means)).toBeCloseTo(200 / Math.sqrt(12), -1);
    expect(Math.min(...deviations)).toBeLessThan(5.5);
    expect(Math.max(...deviations)).toBeGreaterThan(24.5);
  });

  it('has one intensity for the two of a pair, and one of its own for every other value', () => {
    const { paintOf, paints } = labelRules(synthesisOf({ sides: [[2, 3]] }));
    expect(paintOf[2]).toBe(paintOf[3]);
    expect(new Set([0, 1, 2, 7, 8, 9].map(value => paintOf[value])).size).toBe(6);
    expect(paints).toBe(6);
    expect(rules.paints).toBe(7);
  });

  it('has black and dark air as often as asked', () => {
    const all = drawn(synthesisOf({ means: [50, 250] }), 2000);
    const black = all.filter(({ means, deviations }) => means[0] === 0 && deviations[0] === 0).length;
    const dark = all.filter(({ means }) => means[0]! > 0 && means[0]! <= 15).length;
    expect(black / 2000).toBeCloseTo(0.05, 1);
    expect(dark / 2000).toBeGreaterThan(0.22);
    expect(dark / 2000).toBeLessThan(0.28);
  });

  it('leaves a strip out together with the air, and nothing else', () => {
    const settings = synthesisOf({
      strips: [{ values: [7, 8], probability: 0.5 }],
      means: [50, 250],
      deviations: [5, 9],
    });
    const { paintOf } = labelRules(settings);
    const all = drawn(settings, 400);
    const missing = all.filter(({ means }) => means[paintOf[7]!] === 0);
    expect(missing.length / 400).toBeCloseTo(0.5, 1);
    for (const { means, deviations } of missing) {
      expect([means[0], means[paintOf[8]!], deviations[paintOf[7]!]]).toEqual([0, 0, 0]);
      expect(means[paintOf[9]!]).toBeGreaterThanOrEqual(50);
    }
  });
});

describe('a bias field', () => {
  const size: Xyz = [40, 30, 20];
  const fieldOf = (changes: Partial<SynthesisSettings>, key: number) => {
    const field = drawBiasField(synthesisOf(changes), { size, spacingMm: [2, 2, 2] }, random('bias', key));
    if (field === undefined) return undefined;
    const write = createBiasRows(field, size);
    const rows = Array.from({ length: size[1] * size[2] }, (_, i) => {
      const row = new Float64Array(size[0]);
      write(row, i % size[1], Math.floor(i / size[1]));
      return row;
    });
    return { field, rows };
  };

  it('is linear in its logarithm between points, and has their numbers at the corners', () => {
    const { field, rows } = fieldOf({ biasProbability: 1 }, 1)!;
    expect(field.points).toEqual([2, 2, 2]);
    expect(Math.log(rows[0]![0]!)).toBeCloseTo(field.logarithm[0]!, 10);
    expect(Math.log(rows.at(-1)!.at(-1)!)).toBeCloseTo(field.logarithm.at(-1)!, 10);
    const row = Array.from(rows[7]!, Math.log);
    const step = (row.at(-1)! - row[0]!) / 39;
    row.forEach((value, x) => {
      expect(value).toBeCloseTo(row[0]! + x * step, 9);
    });
  });

  it('is smooth: no two neighbours differ by more than the steps of its points allow', () => {
    const { field, rows } = fieldOf({ biasProbability: 1, biasSpacingMm: 20 }, 2)!;
    const extent = Math.max(...field.logarithm) - Math.min(...field.logarithm);
    const steps = rows.flatMap(row => Array.from(row.subarray(1), (value, x) => Math.abs(Math.log(value / row[x]!))));
    expect(Math.max(...steps)).toBeLessThanOrEqual((extent * (field.points[0] - 1)) / 39 + 1e-9);
    expect(Math.max(...steps)).toBeGreaterThan(0);
  });

  it('is there as often as asked', () => {
    const all = Array.from({ length: 300 }, (_, key) =>
      drawBiasField(synthesisOf({ biasProbability: 0.5 }), { size, spacingMm: [2, 2, 2] }, random('often', key)),
    );
    expect(all.filter(field => field !== undefined).length / 300).toBeCloseTo(0.5, 1);
  });
});

describe('a simulated scan', () => {
  const scan = (data: Float32Array, size: Xyz, voxelMm: Xyz, sigmaVoxels: Xyz): Float32Array => {
    const image = data.slice();
    const memory = { first: new Float32Array(data.length), second: new Float32Array(data.length) };
    acquire({ data: image, size, spacingMm: [1, 1, 1] }, { voxelMm, sigmaVoxels }, memory);
    return image;
  };

  it('keeps a constant image as it is', () => {
    const image = scan(new Float32Array(12 * 10 * 9).fill(0.4), [12, 10, 9], [3, 1, 2.2], [2, 0.5, 1.5]);
    expect(Math.max(...image.map(value => Math.abs(value - 0.4)))).toBeLessThan(1e-6);
  });

  it('moves nothing: a ramp stays that ramp inside, along every axis', () => {
    const size: Xyz = [24, 24, 24];
    for (const axis of [0, 1, 2] as const) {
      const index = (i: number) => [i % 24, Math.floor(i / 24) % 24, Math.floor(i / 576)][axis]!;
      const ramp = Float32Array.from({ length: 24 ** 3 }, (_, i) => index(i));
      const image = scan(ramp, size, [4, 4, 4], [1, 1, 1]);
      image.forEach((value, i) => {
        if (index(i) >= 4 && index(i) <= 16) expect(value).toBeCloseTo(index(i), 4);
      });
    }
  });

  it('blurs a point to a Gaussian of its deviation, and draws lines between the voxels that it samples', () => {
    const size: Xyz = [1, 48, 1];
    const point = new Float32Array(48);
    point[24] = 1;
    const sigma = 2;
    const blurred = scan(point, size, [1, 1, 1], [sigma, sigma, sigma]);
    const norm = Array.from({ length: 13 }, (_, k) => Math.exp(-0.5 * ((k - 6) / sigma) ** 2)).reduce((a, b) => a + b);
    for (let y = 18; y <= 30; y++) {
      expect(blurred[y]).toBeCloseTo(Math.exp(-0.5 * ((y - 24) / sigma) ** 2) / norm, 6);
    }
    const coarse = scan(point, size, [1, 4, 1], [sigma, sigma, sigma]);
    for (let y = 20; y < 28; y++) {
      const [from, share] = [Math.floor(y / 4) * 4, (y % 4) / 4];
      expect(coarse[y]).toBeCloseTo((1 - share) * blurred[from]! + share * blurred[from + 4]!, 6);
    }
  });

  it('is drawn within its ranges: coarse along all axes, thick along one, or as the map is', () => {
    const settings = synthesisOf();
    const all = Array.from({ length: 3000 }, (_, i) => drawAcquisition(settings, [1, 1, 1], random('scan', i)));
    const kinds = all.map(
      ({ voxelMm }) => new Set(voxelMm.filter(size => size > 1)).size * 10 + voxelMm.filter(size => size > 1).length,
    );
    const share = (kind: number): number => kinds.filter(one => one === kind).length / 3000;
    expect(share(0)).toBeCloseTo(0.05, 1);
    expect(share(13)).toBeCloseTo(0.95 * 0.1, 1);
    expect(share(11)).toBeCloseTo(0.95 * 0.9, 1);
    for (const { voxelMm, sigmaVoxels } of all) {
      voxelMm.forEach((size, axis) => {
        expect(size).toBeLessThanOrEqual(8);
        // the blur of the whole voxel at most, of the map's own at least
        const [least, most] = size === 1 ? [0.5, 0.5] : [0.75, 0.75 * size];
        expect(sigmaVoxels[axis]).toBeGreaterThanOrEqual(least / 1.03 - 1e-9);
        expect(sigmaVoxels[axis]).toBeLessThanOrEqual(most * 1.03 + 1e-9);
      });
    }
    expect(Math.max(...all.flatMap(({ voxelMm }) => voxelMm))).toBeGreaterThan(7.9);
  });

  it('never has finer voxels than the map', () => {
    for (let i = 0; i < 100; i++) {
      const { voxelMm } = drawAcquisition(synthesisOf(), [1, 5, 9], random('coarse map', i));
      expect(voxelMm[1]).toBeGreaterThanOrEqual(5);
      expect(voxelMm[2]).toBe(9);
    }
  });
});
