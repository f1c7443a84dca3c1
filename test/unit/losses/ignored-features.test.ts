/**
 * Terms on features where some voxels of the patch are ignored: a voxel of a feature counts by the share of its block
 * that counts.
 * Values against the formulas as plain loops, derivatives against central differences.
 */
import { describe, expect, it } from 'vitest';
import { gradient } from '../../../src/autodiff/gradient.ts';
import type { Shape } from '../../../src/core/shape.ts';
import { GraphBuilder, type Value } from '../../../src/graph/graph.ts';
import { attentionLoss } from '../../../src/losses/distillation/attention.ts';
import { channelWiseLoss } from '../../../src/losses/distillation/channel-wise.ts';
import { countedShare } from '../../../src/losses/distillation/feature-grid.ts';
import { hintLoss } from '../../../src/losses/distillation/hint.ts';
import { centralDifference, relativeError } from '../../support/central-difference.ts';
import { evaluate } from '../../support/evaluate.ts';
import { draw } from '../../support/operator-cases.ts';

const SAMPLES = 3;
const CHANNELS = 2;
const FEATURE: Shape = [SAMPLES, CHANNELS, 1, 2, 3];
const VOXELS = 6;
/** Twice as fine along every axis. */
const PATCH: Shape = [SAMPLES, 1, 2, 4, 6];
const TEMPERATURE = 3;

const student = draw({ shape: FEATURE, draw: 'signed' }, 'student');
const teacher = draw({ shape: FEATURE, draw: 'signed' }, 'teacher');
/** Shares of 0 to 1 in the first two samples, nothing in the third. */
const counted = Float64Array.from({ length: SAMPLES * 48 }, (_, i) => (i < 96 && (i * 7) % 5 < 2 && i % 6 > 0 ? 1 : 0));

/** The share of every voxel of the feature by its block, [sample][voxel]. */
const shares = Array.from({ length: SAMPLES }, (_, n) =>
  Array.from({ length: VOXELS }, (__, v) => {
    const [y, x] = [Math.floor(v / 3), v % 3];
    let sum = 0;
    for (const [dz, dy, dx] of [0, 1, 2, 3, 4, 5, 6, 7].map(k => [k >> 2, (k >> 1) & 1, k & 1] as const)) {
      sum += counted[((n * 2 + dz) * 4 + 2 * y + dy) * 6 + 2 * x + dx]!;
    }
    return sum / 8;
  }),
);

const at = (values: Float64Array, n: number, c: number, v: number): number => values[(n * CHANNELS + c) * VOXELS + v]!;
const voxels = Array.from({ length: VOXELS }, (_, v) => v);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

type Loss = (builder: GraphBuilder, s: Value, t: Value, share: Value | undefined) => Value;

const LOSSES: Readonly<Record<string, Loss>> = {
  hint: hintLoss,
  attention: attentionLoss,
  'channel-wise': (builder, s, t, share) =>
    channelWiseLoss(builder, s, t, { temperature: builder.float(TEMPERATURE), counted: share }),
};

/** The formulas of the docstrings. */
const FORMULAS: Readonly<Record<string, () => number>> = {
  hint: () => {
    let [above, below] = [0, 0];
    for (let n = 0; n < SAMPLES; n++) {
      for (const v of voxels) {
        const w = shares[n]![v]!;
        const squares = [0, 1].map(c => (at(student, n, c, v) - at(teacher, n, c, v)) ** 2);
        above += (w * 0.5 * sum(squares)) / CHANNELS;
        below += w;
      }
    }
    return above / below;
  },
  attention: () =>
    sum(
      [0, 1].map(n => {
        const weighted = (q: readonly number[]): number => sum(q.map((value, v) => shares[n]![v]! * value));
        const unit = (values: Float64Array): number[] => {
          const q = voxels.map(v => at(values, n, 0, v) ** 2 + at(values, n, 1, v) ** 2);
          return q.map(value => value / Math.sqrt(weighted(q.map(one => one * one))));
        };
        const [s, t] = [unit(student), unit(teacher)];
        return weighted(s.map((value, v) => (value - t[v]!) ** 2));
      }),
    ) / 2,
  'channel-wise': () =>
    (TEMPERATURE ** 2 / (2 * CHANNELS)) *
    sum(
      [0, 1].flatMap(n =>
        [0, 1].map(c => {
          const softened = (values: Float64Array): number[] => {
            const e = voxels.map(v => shares[n]![v]! * Math.exp(at(values, n, c, v) / TEMPERATURE));
            return e.map(value => value / sum(e));
          };
          const [p, q] = [softened(teacher), softened(student)];
          return sum(voxels.map(v => (p[v]! === 0 ? 0 : p[v]! * Math.log(p[v]! / q[v]!))));
        }),
      ),
    ),
};

function build(loss: Loss) {
  const builder = new GraphBuilder();
  const [s, t] = [builder.input('student', FEATURE), builder.input('teacher', FEATURE)];
  const value = loss(builder, s, t, countedShare(builder, builder.input('counted', PATCH), s));
  return { value, slope: gradient(builder, value, [s])[0]! };
}

const FEEDS = { student, teacher, counted };

describe.each(Object.keys(LOSSES))('%s with ignored voxels', name => {
  const loss = LOSSES[name]!;

  it('has the value of its formula, in which an ignored sample counts for nothing', () => {
    expect(shares.flat().some(share => share > 0 && share < 1)).toBe(true);
    expect(shares.flat()).toContain(0);
    const value = evaluate({ value: build(loss).value }, FEEDS)['value']![0]!;
    const expected = FORMULAS[name]!();
    expect(expected).toBeGreaterThan(1e-3);
    // a thousandth of a voxel keeps the division of the hint from 0
    expect(Math.abs(value / expected - 1)).toBeLessThan(name === 'hint' ? 3e-4 : 1e-6);
  });

  it('has the derivatives of its value, 0 where nothing counts', () => {
    const { value, slope } = build(loss);
    const found = evaluate({ slope }, FEEDS)['slope']!;
    expect(relativeError(found, centralDifference(value, FEEDS, 'student'))).toBeLessThan(1e-6);
    found.forEach((one, index) => {
      const [n, v] = [Math.floor(index / (CHANNELS * VOXELS)), index % VOXELS];
      if (shares[n]![v] === 0) expect(Math.abs(one)).toBe(0);
    });
  });

  it('is what it is without an ignore label where everything counts', () => {
    const all = { ...FEEDS, counted: counted.map(() => 1) };
    const builder = new GraphBuilder();
    const inputs = [builder.input('student', FEATURE), builder.input('teacher', FEATURE)] as const;
    const plain = evaluate({ value: loss(builder, ...inputs, undefined) }, FEEDS)['value']![0]!;
    const value = evaluate({ value: build(loss).value }, all)['value']![0]!;
    expect(Math.abs(value / plain - 1)).toBeLessThan(1e-4);
  });

  it('is 0, with derivatives of 0, where nothing counts at all', () => {
    const { value, slope } = build(loss);
    const nothing = evaluate({ value, slope }, { ...FEEDS, counted: counted.map(() => 0) });
    expect(Math.abs(nothing['value']![0]!)).toBe(0);
    for (const one of nothing['slope']!) expect(Math.abs(one)).toBe(0);
  });
});
