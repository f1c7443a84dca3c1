/** Several teachers that know different classes: each acts on the sums of the student's classes that it knows. */
import { describe, expect, it } from 'vitest';
import { gradient } from '../../../src/autodiff/gradient.ts';
import { LOGITS } from '../../../src/distillation/context.ts';
import {
  type DistillationLoss,
  distillationHyperValues,
  distillationTerms,
  lossSchema,
} from '../../../src/distillation/terms.ts';
import { GraphBuilder } from '../../../src/graph/graph.ts';
import { collectParameters } from '../../../src/nn/parameters.ts';
import { unet } from '../../../src/nn/unet.ts';
import { softLossTerms } from '../../../src/training/soft-loss.ts';
import { distillationAdapters, type ExternalTeacher, type PanelMember } from '../../../src/training/teacher-in-step.ts';
import { centralDifference, relativeError } from '../../support/central-difference.ts';
import { evaluate } from '../../support/evaluate.ts';
import { draw } from '../../support/operator-cases.ts';
import { HARD_LOSS } from '../../support/training-steps.ts';

const SPACE = [2, 2, 3];
const VOXELS = 12;
const SAMPLES = 2;
const CLASSES = 3;
/** The first class alone, and the second alone; the other one is background for each. */
const ANTERIOR = [[0, 2], [1]];
const POSTERIOR = [[0, 1], [2]];

const termsOf = (...losses: readonly object[]) =>
  distillationTerms(losses.map(loss => lossSchema.parse(loss) as DistillationLoss));

/** Value and slope of a loss for a student's logits and those of all its teachers. */
function run(
  known: Pick<ExternalTeacher, 'classes' | 'panel'>,
  {
    student,
    teacher,
    losses,
    kind = 'categorical',
  }: {
    readonly student: Float64Array;
    readonly teacher: Float64Array;
    readonly losses: readonly object[];
    readonly kind?: 'categorical' | 'binary';
  },
) {
  const builder = new GraphBuilder();
  const terms = termsOf(...losses);
  const numbers = distillationHyperValues(terms, { step: 0, steps: 2 });
  const shape = (channels: number): number[] => [SAMPLES, channels, ...SPACE];
  const s = builder.input('student', shape(student.length / (SAMPLES * VOXELS)));
  const t = builder.input('teacher', shape(teacher.length / (SAMPLES * VOXELS)));
  const soft = softLossTerms(
    builder,
    {
      layers: new Map([[LOGITS, s]]),
      other: new Map([[LOGITS, t]]),
      label: builder.input('label', [SAMPLES, 1, ...SPACE], 'int32'),
    },
    {
      teacher: { features: {}, ...known },
      terms,
      hardLoss: { ...HARD_LOSS, crossEntropy: { ...HARD_LOSS.crossEntropy, kind } },
      hyper: name => builder.float(numbers[name] as number),
      adapter: () => s,
    },
  );
  const total = soft.map(({ value }) => value).reduce((sum, one) => builder.add(sum, one));
  const [slope] = gradient(builder, total, [s]);
  const feeds = { student, teacher, label: new Float64Array(SAMPLES * VOXELS).map((_, index) => index % CLASSES) };
  const result = evaluate({ total, slope: slope! }, feeds);
  return { value: result['total']![0]!, slope: result['slope']!, total, feeds };
}

/** Logits [N, K, voxels] of probabilities that are given for each voxel. */
function logitsOf(probabilities: readonly (readonly number[])[], classes: number): Float64Array {
  const result = new Float64Array(SAMPLES * classes * VOXELS);
  probabilities.forEach((p, voxel) => {
    p.forEach((value, k) => {
      const [sample, place] = [Math.floor(voxel / VOXELS), voxel % VOXELS];
      result[(sample * classes + k) * VOXELS + place] = Math.log(value);
    });
  });
  return result;
}

/** The logits of several teachers, one behind the other along the channels of each sample. */
function behind(...teachers: readonly Float64Array[]): Float64Array {
  const part = (values: Float64Array, sample: number): number[] => {
    const length = values.length / SAMPLES;
    return [...values.subarray(sample * length, (sample + 1) * length)];
  };
  return Float64Array.from([0, 1].flatMap(sample => teachers.flatMap(values => part(values, sample))));
}

const random = draw({ shape: [SAMPLES, CLASSES, ...SPACE], draw: 'signed' }, 'student');
const said = (name: string): Float64Array => draw({ shape: [SAMPLES, 2, ...SPACE], draw: 'signed' }, name);
/** Probabilities of the three classes at every voxel. */
const joint = Array.from({ length: SAMPLES * VOXELS }, (_, voxel) => {
  const weights = [1, 2, 3].map(k => 1 + ((voxel * 7 + k * 5) % 11));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map(weight => weight / sum);
});
const anterior = logitsOf(
  joint.map(([a, b, c]) => [a! + c!, b!]),
  2,
);
const posterior = logitsOf(
  joint.map(([a, b, c]) => [a! + b!, c!]),
  2,
);

describe('a term of several teachers', () => {
  it.each([{ kd: {} }, { kd: { temperature: 3, classWeights: 'uniform' } }, { softDice: {} }, { logitRegression: {} }])(
    '%o is the weighted mean of what it is for each',
    loss => {
      const [first, second] = [said('first'), said('second')];
      const panel: PanelMember[] = [
        { classes: ANTERIOR, weight: 1 },
        { classes: POSTERIOR, weight: 3 },
      ];
      const both = run({ panel }, { student: random, teacher: behind(first, second), losses: [loss] });
      const alone = [
        run({ classes: ANTERIOR }, { student: random, teacher: first, losses: [loss] }),
        run({ classes: POSTERIOR }, { student: random, teacher: second, losses: [loss] }),
      ] as const;
      expect(both.value).toBeCloseTo((alone[0].value + 3 * alone[1].value) / 4, 12);
      expect(alone[0].value).not.toBeCloseTo(alone[1].value, 3);
      both.slope.forEach((slope, index) => {
        expect(slope).toBeCloseTo((alone[0].slope[index]! + 3 * alone[1].slope[index]!) / 4, 12);
      });
    },
  );

  it.each([
    ['kd', { kd: { temperature: 2, classWeights: 'balanced' } }],
    ['softDice', { softDice: {} }],
    ['logitRegression', { logitRegression: {} }],
  ])('%s has the slope of central differences', (_, loss) => {
    const panel = [
      { classes: ANTERIOR, weight: 1 },
      { classes: POSTERIOR, weight: 2 },
      { classes: [[0], [1], [2]], weight: 0.5 },
    ];
    const teacher = behind(
      said('first'),
      said('second'),
      random.map(value => 1 - value),
    );
    const { slope, total, feeds } = run({ panel }, { student: random, teacher, losses: [loss] });
    expect(relativeError(slope, centralDifference(total, feeds, 'student'))).toBeLessThan(1e-6);
  });

  it('of one class each is, as overlap, that of one teacher of all classes', () => {
    const panel = [
      { classes: ANTERIOR, weight: 2 },
      { classes: POSTERIOR, weight: 2 },
    ];
    const losses = [{ softDice: {} }];
    const two = run({ panel }, { student: random, teacher: behind(anterior, posterior), losses });
    const one = run({}, { student: random, teacher: logitsOf(joint, 3), losses });
    expect(two.value).toBeCloseTo(one.value, 6);
    expect(relativeError(two.slope, one.slope)).toBeLessThan(1e-6);
  });
});

describe('a student that agrees with every teacher in what it knows', () => {
  const panel = [
    { classes: ANTERIOR, weight: 1 },
    { classes: POSTERIOR, weight: 1 },
  ];

  it('is pulled nowhere', () => {
    const { value, slope } = run(
      { panel },
      { student: logitsOf(joint, 3), teacher: behind(anterior, posterior), losses: [{ kd: { temperature: 4 } }] },
    );
    expect(value).toBeCloseTo(0, 10);
    for (const one of slope) expect(one).toBeCloseTo(0, 10);
  });

  it('is not pushed towards background where a class is unknown to all of them', () => {
    // posterior everywhere, and a teacher that is sure of the background, of which posterior is a part for it
    const sure = logitsOf(
      joint.map(() => [1e-9, 1e-9, 1]),
      3,
    );
    const background = logitsOf(
      joint.map(() => [1, 1e-9]),
      2,
    );
    const { value, slope } = run({ classes: ANTERIOR }, { student: sure, teacher: background, losses: [{ kd: {} }] });
    expect(value).toBeLessThan(1e-6);
    for (const one of slope) expect(Math.abs(one)).toBeLessThan(1e-6);
    // the same teacher, if posterior were a class that it knows and denies
    const denied = run(
      {},
      {
        student: sure,
        teacher: logitsOf(
          joint.map(() => [1, 1e-9, 1e-9]),
          3,
        ),
        losses: [{ kd: {} }],
      },
    );
    expect(denied.value).toBeGreaterThan(1);
  });

  it('has nothing to learn from channels that are unknown, where classes are independent', () => {
    const independent = [
      { classes: [[0]], weight: 1 },
      { classes: [[1]], weight: 1 },
    ];
    const student = draw({ shape: [SAMPLES, 2, ...SPACE], draw: 'signed' }, 'independent');
    const half = (k: number): Float64Array =>
      Float64Array.from(
        [0, 1].flatMap(sample => [...student.subarray((2 * sample + k) * VOXELS, (2 * sample + k + 1) * VOXELS)]),
      );
    const losses = [{ kd: {} }];
    const agreed = run({ panel: independent }, { student, teacher: behind(half(0), half(1)), losses, kind: 'binary' });
    expect(agreed.value).toBeCloseTo(0, 12);
    const other = run({ panel: [independent[0]!] }, { student, teacher: half(1), losses, kind: 'binary' });
    other.slope.forEach((one, index) => {
      if (Math.floor(index / VOXELS) % 2 === 1) expect(Math.abs(one)).toBe(0);
    });
    expect(other.value).toBeGreaterThan(0.01);
  });
});

it('a term that trains an adapter is refused for several teachers, by name', () => {
  const network = unet({
    features: [2, 4],
    convolutionsPerLevel: 1,
    normalization: 'instance',
    negativeSlope: 0.01,
    classes: CLASSES,
  });
  const imageShape = [1, 1, 4, 4, 4];
  expect(collectParameters(network, imageShape).length).toBeGreaterThan(0);
  const plan = (losses: readonly object[]) => ({
    imageShape,
    hardLoss: HARD_LOSS,
    student: { network },
    teacher: {
      features: {},
      panel: [
        { classes: ANTERIOR, weight: 1 },
        { classes: POSTERIOR, weight: 1 },
      ],
    },
    terms: termsOf(...losses),
  });
  expect(() => distillationAdapters(plan([{ hint: { studentLayer: 'decoder0', teacherLayer: 'logits' } }]))).toThrow(
    /several teachers/,
  );
  expect(() => distillationAdapters(plan([{ dist: {} }]))).toThrow(/dist/);
  expect(distillationAdapters(plan([{ kd: {} }, { softDice: {} }, { channelWise: {} }]))).toEqual([]);
});
