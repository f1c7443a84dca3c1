/** Samples in which only some classes were looked for: their background is background or any other class. */
import { describe, expect, it } from 'vitest';
import { gradient } from '../../../src/autodiff/gradient.ts';
import { classMaps, type DistillationContext, LOGITS, sideOf } from '../../../src/distillation/context.ts';
import { GraphBuilder } from '../../../src/graph/graph.ts';
import { groupedLogits } from '../../../src/losses/distillation/class-groups.ts';
import { type HardLossOptions, hardLossTerms } from '../../../src/training/hard-loss.ts';
import { completeClasses } from '../../../src/training/taught-classes.ts';
import { centralDifference, relativeError } from '../../support/central-difference.ts';
import { evaluate } from '../../support/evaluate.ts';
import { draw } from '../../support/operator-cases.ts';

const SPACE = [2, 2, 3];
const VOXELS = 12;
const DICE = { batch: true, background: false, squared: false, smooth: 1e-5 };
const CE = (classWeights: 'uniform' | 'root' | 'balanced' | readonly number[]): HardLossOptions => ({
  crossEntropy: { weight: 1, kind: 'categorical', classWeights },
  dice: { weight: 0, ...DICE },
});
const DICE_OF = (dice: Partial<typeof DICE>): HardLossOptions => ({
  crossEntropy: { weight: 0, kind: 'categorical', classWeights: 'uniform' },
  dice: { weight: 1, ...DICE, ...dice },
});
const binary = (options: HardLossOptions): HardLossOptions => ({
  ...options,
  crossEntropy: { ...options.crossEntropy, kind: 'binary' },
});

const SETTINGS: readonly (readonly [string, HardLossOptions])[] = [
  ['cross-entropy, all voxels alike', CE('uniform')],
  ['cross-entropy by the root of the frequency', CE('root')],
  ['balanced cross-entropy', CE('balanced')],
  ['cross-entropy of given weights', CE([1, 2, 3])],
  ['Dice of a batch', DICE_OF({})],
  ['Dice of each sample, with background and squares', DICE_OF({ batch: false, background: true, squared: true })],
  ['Dice without smoothing', DICE_OF({ smooth: 0, background: true })],
  ['binary cross-entropy', binary(CE('uniform'))],
  ['balanced binary cross-entropy', binary(CE('balanced'))],
  ['Dice of independent classes', binary(DICE_OF({ batch: false }))],
];

interface Case {
  readonly logits: Float64Array;
  readonly label: Float64Array;
  /** 1 or 0 for each sample and channel; all if not given. */
  readonly annotated?: readonly number[];
  readonly classes?: number;
  readonly space?: readonly number[];
}

function run(settings: HardLossOptions, { logits, label, annotated, space = SPACE, ...more }: Case) {
  const builder = new GraphBuilder();
  const voxels = space.reduce((product, length) => product * length, 1);
  const samples = label.length / voxels;
  const classes = more.classes ?? logits.length / label.length;
  const z = builder.input('logits', [samples, classes, ...space]);
  const terms = hardLossTerms(builder, z, builder.input('label', [samples, 1, ...space], 'int32'), {
    ...settings,
    ...(annotated && { annotated: builder.input('annotated', [samples, classes, 1, 1, 1]) }),
  });
  const value = terms[0]!.value;
  const [slope] = gradient(builder, value, [z]);
  const feeds = { logits, label, ...(annotated && { annotated: Float64Array.from(annotated) }) };
  const results = evaluate({ value, slope: slope! }, feeds);
  return { value: results['value']![0]!, slope: results['slope']!, loss: value, feeds };
}

const logits = draw({ shape: [2, 3, ...SPACE], draw: 'signed' }, 'logits');
const label = Float64Array.from({ length: 2 * VOXELS }, (_, index) => (index * 5) % 3);
/** The first sample has all classes; in the second the last class was not looked for. */
const PARTLY = [1, 1, 1, 1, 1, 0];
const partlyLabelled = label.map((value, index) => (index >= VOXELS && value === 2 ? 0 : value));
const channelsOf = (settings: HardLossOptions): number => (settings.crossEntropy.kind === 'binary' ? 2 : 3);
const drawn = (settings: HardLossOptions): Float64Array =>
  channelsOf(settings) === 3 ? logits : draw({ shape: [2, 2, ...SPACE], draw: 'signed' }, 'independent');
const partlyOf = (settings: HardLossOptions): readonly number[] => (channelsOf(settings) === 3 ? PARTLY : [1, 1, 1, 0]);

describe('the hard loss of partly annotated samples', () => {
  it.each(SETTINGS)('is the ordinary one where every class was looked for: %s', (_, settings) => {
    const all = new Array<number>(2 * channelsOf(settings)).fill(1);
    const [plain, marginal] = [
      run(settings, { logits: drawn(settings), label, classes: channelsOf(settings) }),
      run(settings, { logits: drawn(settings), label, annotated: all, classes: channelsOf(settings) }),
    ];
    // a thousandth of a voxel keeps divisions from 0
    expect(Math.abs(marginal.value / plain.value - 1)).toBeLessThan(1e-4);
    expect(relativeError(marginal.slope, plain.slope)).toBeLessThan(1e-4);
  });

  it.each(SETTINGS)('has the slope of central differences: %s', (_, settings) => {
    const known = { logits: drawn(settings), label: partlyLabelled, annotated: partlyOf(settings) };
    const { slope, loss, feeds } = run(settings, { ...known, classes: channelsOf(settings) });
    expect(relativeError(slope, centralDifference(loss, feeds, 'logits'))).toBeLessThan(1e-6);
  });

  it('is - log of the sum of background and classes that were not looked for, voxel by voxel', () => {
    const z = [0.3, -1.2, 2.1];
    const [a, b, c] = z.map(Math.exp) as [number, number, number];
    const one = (value: number): number =>
      run(CE('uniform'), {
        logits: Float64Array.from(z),
        label: Float64Array.of(value),
        annotated: [1, 1, 0],
        space: [1, 1, 1],
        classes: 3,
      }).value;
    expect(one(0)).toBeCloseTo(-Math.log((a + c) / (a + b + c)), 12);
    expect(one(1)).toBeCloseTo(-Math.log(b / (a + b + c)), 12);
  });

  it.each([
    ['cross-entropy', CE('uniform')],
    ['cross-entropy by the root of the frequency', CE('root')],
    ['Dice with background', DICE_OF({ background: true })],
    ['Dice without', DICE_OF({ batch: false, squared: true })],
  ])('is the loss of the student with both classes in one: %s', (_, settings) => {
    const builder = new GraphBuilder();
    const grouped = groupedLogits(builder, builder.input('logits', [2, 3, ...SPACE]), [[0, 2], [1]]);
    const two = evaluate({ grouped }, { logits })['grouped']!;
    const lacking = label.map(value => (value === 2 ? 0 : value));
    const marginal = run(settings, { logits, label: lacking, annotated: [1, 1, 0, 1, 1, 0] });
    const merged = run(settings, { logits: two, label: lacking, classes: 2 });
    // a class without voxels adds a thousandth of a voxel to the weights
    expect(marginal.value / merged.value).toBeCloseTo(1, 3);
  });

  it('is pulled nowhere by background where the student sees a class that was not looked for', () => {
    const sure = Float64Array.from([-40, -40, 40]);
    const known = { logits: sure, label: Float64Array.of(0), space: [1, 1, 1], classes: 3 };
    const [marginal, plain] = [run(CE('uniform'), { ...known, annotated: [1, 1, 0] }), run(CE('uniform'), known)];
    expect(marginal.value).toBeCloseTo(0, 12);
    for (const slope of marginal.slope) expect(slope).toBeCloseTo(0, 12);
    expect(plain.value).toBeCloseTo(80, 6);
    const dice = run(DICE_OF({ background: true }), { ...known, annotated: [1, 1, 0] });
    for (const slope of dice.slope) expect(Math.abs(slope)).toBeLessThan(1e-6);
  });

  it('does not see what labels say of independent classes that were not looked for', () => {
    const settings = [binary(CE('balanced')), binary(DICE_OF({}))];
    for (const each of settings) {
      const known = { logits: drawn(each), annotated: [1, 0, 1, 0], classes: 2 };
      const [first, second] = [
        run(each, { ...known, label }),
        run(each, { ...known, label: label.map(value => (value === 2 ? 0 : value)) }),
      ];
      expect(second.value).toBeCloseTo(first.value, 12);
      first.slope.forEach((slope, index) => {
        if (Math.floor(index / VOXELS) % 2 === 1) expect(Math.abs(slope)).toBe(0);
      });
      expect(first.value).toBeGreaterThan(0.01);
    }
  });

  it('is finite at logits far apart, and where a class was looked for in no sample', () => {
    const far = Float64Array.from([-800, 900, 300]);
    const known = { logits: far, label: Float64Array.of(0), annotated: [1, 0, 1], space: [1, 1, 1], classes: 3 };
    for (const [, settings] of SETTINGS.slice(0, 7)) {
      const { value, slope } = run(settings, known);
      expect(Number.isFinite(value)).toBe(true);
      expect([...slope].every(Number.isFinite)).toBe(true);
    }
    expect(run(CE('uniform'), known).value).toBeCloseTo(0, 9);
  });
});

describe('the reference of terms that ask the labels', () => {
  const maps = (
    activation: 'softmax' | 'sigmoid',
    annotated: readonly number[],
    teacher: readonly number[],
  ): number[] => {
    const builder = new GraphBuilder();
    const isSigmoid = activation === 'sigmoid';
    const channels = isSigmoid ? 2 : 3;
    const label = builder.input('label', [1, 3, 1, 1, 4]);
    const context: DistillationContext = {
      builder,
      student: sideOf('student', new Map()),
      teacher: sideOf('teacher', new Map([[LOGITS, builder.input('teacher', [1, channels, 1, 1, 4])]])),
      activation,
      labelled: label,
      complete: completeClasses(builder, builder.input('annotated', [1, channels, 1, 1, 1]), {
        groups: undefined,
        isSigmoid,
      }),
      hyper: () => builder.float(1),
      adapter: () => label,
    };
    const result = classMaps(context, { reference: 'label' });
    // background, first class, background, background
    const labelled = Float64Array.from([1, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
    const feeds = { label: labelled, annotated: Float64Array.from(annotated), teacher: Float64Array.from(teacher) };
    return [...evaluate({ result }, feeds)['result']!];
  };

  it('is the label, but the teacher where it sees in the background a class that was not looked for', () => {
    // the teacher sees background, the second class, the second class, the first class
    const teacher = [9, 0, 0, 0, 0, 0, 0, 9, 0, 9, 9, 0];
    expect(maps('softmax', [1, 1, 0], teacher)).toEqual([1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0]);
    expect(maps('softmax', [1, 1, 1], teacher)).toEqual([1, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
    const independent = [-9, -9, -9, 9, -9, 9, 9, -9];
    expect(maps('sigmoid', [1, 0], independent)).toEqual([1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0]);
  });
});
