/** Probabilities against softmax(z / T), entropy against its definition, the expected Dice against sums by hand. */
import { describe, expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import { calibrated, countConfidence, voxelEntropy } from '../../../src/inference/confidence.ts';
import { activate, labelsFromProbabilities } from '../../../src/inference/probabilities.ts';

const VOXELS = 40;

/** Logits [K, VOXELS] and their probabilities. */
function draw(classes: number, activation: 'softmax' | 'sigmoid') {
  const numbers = random(classes, activation);
  const logits = Float32Array.from({ length: classes * VOXELS }, () => 4 * numbers.normal());
  const probabilities = logits.slice();
  activate(probabilities, classes, activation);
  return { logits, probabilities };
}

describe('calibrated', () => {
  it.each([0.4, 1, 3])('is the activation of the logits divided by the temperature: %s', temperature => {
    for (const [activation, classes] of [
      ['softmax', 4],
      ['sigmoid', 3],
    ] as const) {
      const { logits, probabilities } = draw(classes, activation);
      const expected = logits.map(value => value / temperature);
      activate(expected, classes, activation);
      const got = calibrated(probabilities, { classes, kind: activation, temperature });
      for (const [index, value] of got.entries()) expect(value).toBeCloseTo(expected[index]!, 4);
    }
  });

  it('keeps every label by the most likely class', () => {
    for (const [activation, classes] of [
      ['softmax', 4],
      ['sigmoid', 3],
    ] as const) {
      const { probabilities } = draw(classes, activation);
      const plain = labelsFromProbabilities(probabilities, { classes, kind: activation });
      for (const temperature of [0.3, 2, 7]) {
        const sure = calibrated(probabilities, { classes, kind: activation, temperature });
        expect(labelsFromProbabilities(sure, { classes, kind: activation })).toEqual(plain);
      }
    }
  });

  it('gives numbers for probabilities of exactly 0 and 1', () => {
    const certain = Float32Array.of(1, 0, 0, 1);
    expect(calibrated(certain, { classes: 2, kind: 'softmax', temperature: 2 })).toEqual(certain);
    expect(calibrated(certain, { classes: 2, kind: 'sigmoid', temperature: 2 })).toEqual(certain);
  });
});

describe('voxelEntropy', () => {
  it('is 0 where one class is certain, 1 where all are equal, and its definition between', () => {
    const probabilities = Float32Array.of(1, 1 / 3, 0.5, 0, 1 / 3, 0.25, 0, 1 / 3, 0.25);
    const [certain, none, between] = voxelEntropy(probabilities, 3, 'softmax');
    expect(certain).toBe(0);
    expect(none).toBeCloseTo(1, 6);
    expect(between).toBeCloseTo((0.5 * Math.log(2) + 0.5 * Math.log(4)) / Math.log(3), 6);
  });

  it('is the mean over independent classes', () => {
    const [mixed] = voxelEntropy(Float32Array.of(0.5, 1), 2, 'sigmoid');
    expect(mixed).toBeCloseTo(0.5, 6);
  });
});

describe('countConfidence', () => {
  const labels = [
    { value: 0, name: 'background' },
    { value: 7, name: 'organ' },
  ];
  const PLACES = Int32Array.of(0, 1, 2, 3);
  const organ = [0.9, 0.6, 0.2, 0.3];
  const slice = Float32Array.from([...organ.map(p => 1 - p), ...organ]);
  const given = Uint8Array.of(7, 7, 0, 0);
  const counter = (more: { canChange?: boolean; counted?: Uint8Array } = {}) => {
    const classes = { kind: 'softmax' as const, values: [0, 7] };
    const one = countConfidence({
      classes,
      labels,
      temperature: null,
      voxels: 4,
      entropy: true,
      canChange: false,
      ...more,
    });
    one.add(slice, PLACES, given);
    return one;
  };

  it('adds up the expected Dice and places the entropy', () => {
    const one = counter();
    expect(one.finish(given, given)).toEqual({
      temperature: null,
      expectedDice: { organ: expect.closeTo((2 * 1.5) / (2 + 2), 6) },
    });
    expect(one.entropy?.[1]).toBeCloseTo(-(0.6 * Math.log2(0.6) + 0.4 * Math.log2(0.4)), 6);
  });

  it('follows labels that post-processing takes away or fills in', () => {
    const after = Uint8Array.of(7, 0, 7, 0);
    const { expectedDice } = counter({ canChange: true }).finish(given, after);
    expect(expectedDice['organ']).toBeCloseTo((2 * (0.9 + 0.2)) / (2 + 2), 4);
    expect(counter({ canChange: true }).finish(given, new Uint8Array(4)).expectedDice).toEqual({ organ: null });
  });

  it('leaves out voxels that do not count', () => {
    const { expectedDice } = counter({ counted: Uint8Array.of(1, 0, 1, 1) }).finish(given, given);
    expect(expectedDice['organ']).toBeCloseTo((2 * 0.9) / (1 + 1.4), 6);
  });

  it('adds up slices of many voxels at a temperature as their definition does', () => {
    const [voxels, classes, temperature] = [2500, 3, 1.7];
    const numbers = random('many voxels');
    const probabilities = Float32Array.from({ length: classes * voxels }, () => 6 * numbers.normal());
    activate(probabilities, classes, 'softmax');
    // voxels of a slice that is stored backwards, in a volume of two slices
    const places = Int32Array.from({ length: voxels }, (_, i) => 2 * voxels - 1 - i);
    const given = new Uint8Array(2 * voxels);
    const own = labelsFromProbabilities(probabilities, { classes, kind: 'softmax' });
    places.forEach((place, i) => {
      given[place] = own[i]!;
    });
    const one = countConfidence({
      classes: { kind: 'softmax', values: [0, 1, 2] },
      labels: ['background', 'one', 'two'].map((name, value) => ({ name, value })),
      temperature,
      voxels: 2 * voxels,
      entropy: true,
      canChange: false,
    });
    one.add(probabilities, places, given);
    const inside = [0, 0, 0];
    const all = [0, 0, 0];
    for (let i = 0; i < voxels; i++) {
      const raised = [0, 1, 2].map(k => probabilities[k * voxels + i]! ** (1 / temperature));
      const sum = raised.reduce((left, right) => left + right);
      let entropy = 0;
      raised.forEach((value, k) => {
        const p = value / sum;
        all[k]! += p;
        if (own[i] === k) inside[k]! += p;
        entropy -= p > 0 ? (p * Math.log(p)) / Math.log(classes) : 0;
      });
      expect(Math.abs(one.entropy![places[i]!]! - entropy)).toBeLessThan(1e-6);
    }
    const { expectedDice } = one.finish(given, given);
    for (const [k, name] of [
      [1, 'one'],
      [2, 'two'],
    ] as const) {
      const count = own.filter(value => value === k).length;
      expect(expectedDice[name]).toBeCloseTo((2 * inside[k]!) / (count + all[k]!), 6);
    }
    expect(one.entropy!.subarray(0, voxels).every(value => value === 0)).toBe(true);
  });

  it('takes a region with all labels that lie in it, and says nothing of regions that were changed', () => {
    const regions = [
      { value: 0, name: 'background' },
      { value: 1, name: 'whole', region: [1, 2] },
      { value: 2, name: 'core', region: [2] },
    ];
    const one = countConfidence({
      classes: { kind: 'regions', values: [1, 2] },
      labels: regions,
      temperature: null,
      voxels: 2,
      entropy: false,
      canChange: true,
    });
    const before = Uint8Array.of(1, 2);
    one.add(Float32Array.of(0.8, 0.4, 0.1, 0.7), Int32Array.of(0, 1), before);
    const { expectedDice } = one.finish(before, before.slice());
    expect(expectedDice['whole']).toBeCloseTo((2 * 1.2) / (2 + 1.2), 6);
    expect(expectedDice['core']).toBeCloseTo((2 * 0.7) / (1 + 0.8), 6);
    expect(one.finish(before, Uint8Array.of(1, 0)).expectedDice).toEqual({ whole: null, core: null });
  });
});
