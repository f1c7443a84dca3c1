/**
 * Voxels that nobody has looked at count in no loss: every loss of a half-ignored batch is that of the other half
 * alone.
 */
import { describe, expect, it } from 'vitest';
import { gradient } from '../../../src/autodiff/gradient.ts';
import { elementCount, type Shape } from '../../../src/core/shape.ts';
import { type DistillationContext, LOGITS, sideOf } from '../../../src/distillation/context.ts';
import {
  distillationHyperValues,
  distillationTerms,
  distillationValues,
  lossSchema,
} from '../../../src/distillation/terms.ts';
import { GraphBuilder, type Value } from '../../../src/graph/graph.ts';
import { countedVoxels, type HardLossOptions, hardLossTerms, targetMaps } from '../../../src/training/hard-loss.ts';
import { evaluate } from '../../support/evaluate.ts';
import { draw } from '../../support/operator-cases.ts';

const CLASSES = 3;
const IGNORE = 3;
/** Two samples; the first plane of each is labelled, the second ignored. */
const WHOLE: Shape = [2, CLASSES, 2, 2, 3];
const HALF: Shape = [2, CLASSES, 1, 2, 3];
const PLANE = 6;
const KNOWN = [0, 1, 2, 1, 0, 0, 2, 2, 1, 0, 0, 1];

const student = draw({ shape: WHOLE, draw: 'signed' }, 'student');
const teacher = draw({ shape: WHOLE, draw: 'signed' }, 'teacher');

/** The first plane of every image of a batch. */
function firstPlanes(values: Float64Array): Float64Array {
  const planes = Array.from({ length: values.length / (2 * PLANE) }, (_, image) =>
    Array.from(values.subarray(image * 2 * PLANE, image * 2 * PLANE + PLANE)),
  );
  return Float64Array.from(planes.flat());
}

const wholeLabel = Float64Array.from(
  [0, 1].flatMap(sample => [
    ...KNOWN.slice(sample * PLANE, (sample + 1) * PLANE),
    ...new Array<number>(PLANE).fill(IGNORE),
  ]),
);
const halfLabel = Float64Array.from(KNOWN);

interface Inputs {
  readonly builder: GraphBuilder;
  readonly student: Value;
  readonly teacher: Value;
  readonly label: Value;
}

/** Value of a loss and its derivative to the student's logits. */
function run(shape: Shape, build: (inputs: Inputs) => Value) {
  const builder = new GraphBuilder();
  const [s, t] = [builder.input('student', shape), builder.input('teacher', shape)];
  const label = builder.input('label', [2, 1, ...shape.slice(2)], 'int32');
  const value = build({ builder, student: s, teacher: t, label });
  const [slope] = gradient(builder, value, [s]);
  const isWhole = elementCount(shape) === student.length;
  const feeds = isWhole
    ? { student, teacher, label: wholeLabel }
    : { student: firstPlanes(student), teacher: firstPlanes(teacher), label: halfLabel };
  const results = evaluate({ value, slope: slope! }, feeds);
  return { value: results['value']![0]!, slope: results['slope']! };
}

function expectSame(build: (inputs: Inputs, ignore: number | undefined) => Value): void {
  const whole = run(WHOLE, inputs => build(inputs, IGNORE));
  const half = run(HALF, inputs => build(inputs, undefined));
  expect(half.value).toBeGreaterThan(0);
  // a thousandth of a voxel keeps divisions from 0
  expect(whole.value / half.value).toBeCloseTo(1, 3);
  const [seen, expected] = [firstPlanes(whole.slope), half.slope];
  const largest = Math.max(...expected.map(Math.abs));
  expect(largest).toBeGreaterThan(0);
  seen.forEach((value, index) => {
    expect(Math.abs(value - expected[index]!)).toBeLessThan(2e-3 * largest);
  });
  whole.slope.forEach((value, index) => {
    if (index % (2 * PLANE) >= PLANE) expect(Math.abs(value)).toBe(0);
  });
}

describe('the hard loss', () => {
  const dice = { batch: true, background: true, squared: false, smooth: 1e-5 };
  const options: readonly (readonly [string, Omit<HardLossOptions, 'ignore'>])[] = [
    ...(['uniform', 'root', 'balanced', [1, 2, 3]] as const).map(
      classWeights =>
        [
          `categorical cross-entropy, weights ${classWeights}`,
          { crossEntropy: { weight: 1, kind: 'categorical', classWeights }, dice: { weight: 0, ...dice } },
        ] as const,
    ),
    ...(['uniform', 'root', 'balanced'] as const).map(
      classWeights =>
        [
          `binary cross-entropy, weights ${classWeights}`,
          {
            crossEntropy: { weight: 1, kind: 'binary', classWeights },
            dice: { weight: 0, ...dice },
            regions: [[1, 2], [2], [1]],
          },
        ] as const,
    ),
    [
      'Dice',
      { crossEntropy: { weight: 0, kind: 'categorical', classWeights: 'uniform' }, dice: { weight: 1, ...dice } },
    ],
    [
      'Dice with squares, per sample',
      {
        crossEntropy: { weight: 0, kind: 'categorical', classWeights: 'uniform' },
        dice: { weight: 1, ...dice, squared: true, batch: false, background: false },
      },
    ],
    [
      'Dice of regions',
      {
        crossEntropy: { weight: 0, kind: 'binary', classWeights: 'uniform' },
        dice: { weight: 1, ...dice },
        regions: [[1, 2], [2], [1]],
      },
    ],
  ];

  it.each(options)('leaves ignored voxels out of the %s', (_, settings) => {
    expectSame((inputs, ignore) => {
      const [term] = hardLossTerms(inputs.builder, inputs.student, inputs.label, { ...settings, ignore });
      return term!.value;
    });
  });

  it('is finite where nothing is labelled at all', () => {
    const builder = new GraphBuilder();
    const [logits, label] = [builder.input('logits', WHOLE), builder.input('label', [2, 1, 2, 2, 3], 'int32')];
    const [, { crossEntropy, dice: sums }] = [0, options[0]![1]];
    const settings = { crossEntropy, dice: { ...sums, weight: 1 }, ignore: IGNORE };
    const values = Object.fromEntries(
      hardLossTerms(builder, logits, label, settings).map(term => [term.name, term.value]),
    );
    const results = evaluate(values, { logits: student, label: new Float64Array(4 * PLANE).fill(IGNORE) });
    for (const value of Object.values(results)) expect(Number.isFinite(value![0]!)).toBe(true);
  });
});

describe('the losses against a teacher', () => {
  const HARD: HardLossOptions = {
    crossEntropy: { weight: 1, kind: 'categorical', classWeights: 'uniform' },
    dice: { weight: 0, batch: true, background: true, squared: false, smooth: 0 },
  };

  it.each([
    { kd: {} },
    { kd: { classWeights: 'balanced', foregroundWeight: 2 } },
    { logitRegression: {} },
    { dkd: {} },
    { dist: {} },
    { softDice: {} },
    { attention: { studentLayer: LOGITS, teacherLayer: LOGITS } },
    { channelWise: {} },
    { regionAffinity: { studentLayer: LOGITS, teacherLayer: LOGITS } },
    { regionAffinity: { studentLayer: LOGITS, teacherLayer: LOGITS, reference: 'teacher' } },
  ])('%o leaves ignored voxels out', loss => {
    const terms = distillationTerms([lossSchema.parse(loss)]);
    const numbers = distillationHyperValues(terms, { step: 0, steps: 10 });
    expectSame(({ builder, ...inputs }, ignore) => {
      const context: DistillationContext = {
        builder,
        student: sideOf('student', new Map([[LOGITS, inputs.student]])),
        teacher: sideOf('teacher', new Map([[LOGITS, inputs.teacher]])),
        activation: 'softmax',
        labelled: targetMaps(builder, inputs.label, CLASSES, HARD),
        counted: countedVoxels(builder, inputs.label, { ignore }),
        hyper: name => builder.float(numbers[name]!),
        adapter: () => inputs.student,
      };
      return distillationValues(context, terms)[0]!.value;
    });
  });
});
