/** Soft-target losses against the golden values of the method page and closed forms. */
import { describe, expect, it } from 'vitest';
import { gradient } from '../../../src/autodiff/gradient.ts';
import { elementCount, type Shape } from '../../../src/core/shape.ts';
import { GraphBuilder, isOp, reachable, type Value } from '../../../src/graph/graph.ts';
import type { VoxelWeights } from '../../../src/losses/class-weights.ts';
import { sigmoidSoftTargetLoss, softTargetLoss } from '../../../src/losses/distillation/logits.ts';
import { evaluate } from '../../support/evaluate.ts';
import { draw } from '../../support/operator-cases.ts';

type Loss = typeof softTargetLoss;

interface Run {
  readonly student: Float64Array;
  readonly teacher: Float64Array;
  readonly shape: Shape;
  readonly temperature: number;
  readonly weights?: VoxelWeights;
}

/** The loss and its derivative to the student. */
function run(loss: Loss, { student, teacher, shape, temperature, weights = 'uniform' }: Run) {
  const builder = new GraphBuilder();
  const [s, t] = [builder.input('student', shape), builder.input('teacher', shape)];
  const value = loss(builder, s, t, { temperature: builder.input('temperature', []), weights });
  expect(value.shape).toEqual([]);
  const [ds] = gradient(builder, value, [s]);
  const results = evaluate({ value, ds: ds! }, { student, teacher, temperature: Float64Array.of(temperature) });
  return { value: results['value']![0]!, gradient: [...results['ds']!] };
}

const VOXEL: Shape = [1, 3, 1, 1, 1];
const TEACHER = Float64Array.of(4, 1, -2);
const STUDENT = Float64Array.of(2, 2, -1);

const softmax = (logits: readonly number[]): number[] => {
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
  return logits.map(logit => Math.exp(logit) / total);
};

describe('the soft-target loss', () => {
  it.each([
    { temperature: 1, expected: 0.517781 },
    { temperature: 2, expected: 0.944002 },
    { temperature: 5, expected: 1.119043 },
  ])('has the golden value $expected at T = $temperature', ({ temperature, expected }) => {
    const { value } = run(softTargetLoss, { student: STUDENT, teacher: TEACHER, shape: VOXEL, temperature });
    expect(value).toBeCloseTo(expected, 6);
  });

  it.each([
    { temperature: 5, expected: [-0.740996, 0.478429, 0.262567] },
    { temperature: 1000, expected: [-0.667332, 0.334166, 0.333166] },
  ])('has the golden derivative at T = $temperature', ({ temperature, expected }) => {
    const { gradient: ds } = run(softTargetLoss, { student: STUDENT, teacher: TEACHER, shape: VOXEL, temperature });
    ds.forEach((entry, index) => void expect(entry).toBeCloseTo(expected[index]!, 6));
  });

  it('tends to the regression of centred logits as T grows', () => {
    // (s - mean s - t + mean t) / classes
    const limit = [-2, 1, 1].map(difference => difference / 3);
    const distance = (temperature: number): number => {
      const { gradient: ds } = run(softTargetLoss, { student: STUDENT, teacher: TEACHER, shape: VOXEL, temperature });
      return Math.max(...ds.map((entry, index) => Math.abs(entry - limit[index]!)));
    };
    expect(distance(1000)).toBeLessThan(1e-3);
    expect(distance(10_000)).toBeLessThan(distance(1000) / 5);
  });

  it('has the derivative T (q - p) over the number of voxels', () => {
    const shape = [2, 3, 1, 2, 1];
    const [student, teacher] = [draw({ shape, draw: 'signed' }, 's'), draw({ shape, draw: 'signed' }, 't')];
    const { gradient: ds } = run(softTargetLoss, { student, teacher, shape, temperature: 2 });
    for (const [sample, voxel] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ] as const) {
      const at = (channel: number): number => (sample * 3 + channel) * 2 + voxel;
      const soften = (logits: Float64Array): number[] => softmax([0, 1, 2].map(channel => logits[at(channel)]! / 2));
      const [p, q] = [soften(teacher), soften(student)];
      for (const channel of [0, 1, 2]) expect(ds[at(channel)]).toBeCloseTo((2 * (q[channel]! - p[channel]!)) / 4, 12);
    }
  });

  it('refuses a single channel, whose softmax is constant, and shapes that differ', () => {
    const builder = new GraphBuilder();
    const input = (name: string, shape: Shape): Value => builder.input(name, shape);
    const options = { temperature: builder.float(1), weights: 'uniform' } as const;
    expect(() => softTargetLoss(builder, input('a', [1, 1, 2, 2, 2]), input('b', [1, 1, 2, 2, 2]), options)).toThrow(
      /single channel is constant: use the sigmoid form/,
    );
    expect(() => softTargetLoss(builder, input('c', [1, 2, 2, 2, 2]), input('d', [1, 3, 2, 2, 2]), options)).toThrow(
      'student logits 1x2x2x2x2 against teacher logits 1x3x2x2x2',
    );
  });
});

describe('the sigmoid form', () => {
  it('has the golden value 0.472836 for logits 3 and 1 at T = 5', () => {
    const shape = [1, 1, 1, 1, 1];
    const { value } = run(sigmoidSoftTargetLoss, {
      student: Float64Array.of(1),
      teacher: Float64Array.of(3),
      shape,
      temperature: 5,
    });
    expect(value).toBeCloseTo(0.472836, 6);
  });

  it('is the softmax form over the two classes of one channel', () => {
    const [student, teacher] = [draw({ shape: [4], draw: 'signed' }, 's'), draw({ shape: [4], draw: 'signed' }, 't')];
    const options = { temperature: 3 };
    const one = run(sigmoidSoftTargetLoss, { student, teacher, shape: [1, 1, 1, 2, 2], ...options });
    const pair = (logits: Float64Array): Float64Array => Float64Array.from([...new Float64Array(4), ...logits]);
    const two = run(softTargetLoss, {
      student: pair(student),
      teacher: pair(teacher),
      shape: [1, 2, 1, 2, 2],
      ...options,
    });
    expect(one.value).toBeCloseTo(two.value, 12);
    one.gradient.forEach((entry, index) => void expect(entry).toBeCloseTo(two.gradient[4 + index]!, 12));
  });

  it('sums over channels, each a question of its own', () => {
    const shape = [1, 2, 1, 1, 2];
    const [student, teacher] = [draw({ shape, draw: 'signed' }, 's'), draw({ shape, draw: 'signed' }, 't')];
    const value = (from: number, to: number): number =>
      run(sigmoidSoftTargetLoss, {
        student: student.slice(from, to),
        teacher: teacher.slice(from, to),
        shape: [1, (to - from) / 2, 1, 1, 2],
        temperature: 2,
      }).value;
    expect(value(0, 4)).toBeCloseTo(value(0, 2) + value(2, 4), 12);
  });

  it('refuses shapes that differ', () => {
    const builder = new GraphBuilder();
    const [a, b] = [builder.input('a', [1, 1, 2, 2, 2]), builder.input('b', [1, 1, 2, 2, 3])];
    expect(() => sigmoidSoftTargetLoss(builder, a, b, { temperature: builder.float(1), weights: 'uniform' })).toThrow(
      'student logits 1x1x2x2x2 against teacher logits 1x1x2x2x3',
    );
  });
});

describe.each([
  { name: 'softmax', loss: softTargetLoss },
  { name: 'sigmoid', loss: sigmoidSoftTargetLoss },
])('both weightings of the $name form', ({ loss }) => {
  const shape = [1, 3, 2, 1, 2];
  const student = draw({ shape, draw: 'signed' }, 'student');
  const teacher = draw({ shape, draw: 'signed' }, 'teacher');

  it.each(['uniform', 'balanced'] as const)('%s: the value does not change with the size of the patch', weights => {
    const tile = (values: Float64Array): Float64Array =>
      Float64Array.from(
        [0, 1, 2].flatMap(channel => [0, 1, 2, 3].flatMap(() => [...values.slice(channel * 4).slice(0, 4)])),
      );
    const small = run(loss, { student, teacher, shape, temperature: 2, weights }).value;
    const large = run(loss, {
      student: tile(student),
      teacher: tile(teacher),
      shape: [1, 3, 8, 1, 2],
      temperature: 2,
      weights,
    }).value;
    const batch = run(loss, {
      student: Float64Array.from([...student, ...student]),
      teacher: Float64Array.from([...teacher, ...teacher]),
      shape: [2, 3, 2, 1, 2],
      temperature: 2,
      weights,
    }).value;
    // a thousandth of a voxel keeps empty classes from dividing by zero; four voxels feel it
    const digits = weights === 'uniform' ? 12 : 3;
    expect(large).toBeCloseTo(small, digits);
    expect(batch).toBeCloseTo(small, digits);
    expect(small).toBeGreaterThan(0.1);
  });

  it.each(['uniform', 'balanced'] as const)('%s: value and derivative are 0 at a match', weights => {
    const matched = run(loss, { student: teacher, teacher, shape, temperature: 2, weights });
    expect(matched.value).toBeCloseTo(0, 14);
    for (const entry of matched.gradient) expect(entry).toBeCloseTo(0, 14);
  });
});

describe('balanced weights', () => {
  /** `background` voxels that the student knows, four of class 1 that it does not. */
  const patch = (background: number): Run => {
    const voxels = background + 4;
    const logits = (onBackground: readonly number[], onForeground: readonly number[]): Float64Array =>
      Float64Array.from({ length: 3 * voxels }, (_, index) => {
        const [channel, voxel] = [Math.floor(index / voxels), index % voxels];
        return (voxel < background ? onBackground : onForeground)[channel]!;
      });
    return {
      teacher: logits([8, -8, -8], [-8, 8, -8]),
      student: logits([7.5, -7.5, -7.5], [3, -3, -7.5]),
      shape: [1, 3, 1, 1, voxels],
      temperature: 2,
    };
  };

  it.each([softTargetLoss, sigmoidSoftTargetLoss])(
    'change less than uniform ones when background is added (%#)',
    loss => {
      const change = (weights: VoxelWeights): number => {
        const [few, many] = [run(loss, { ...patch(20), weights }).value, run(loss, { ...patch(40), weights }).value];
        return Math.abs(many - few) / few;
      };
      expect(change('uniform')).toBeGreaterThan(0.4);
      expect(change('balanced')).toBeLessThan(change('uniform') / 2);
    },
  );

  it('are the mean over classes of the means over the voxels of a class', () => {
    const { value } = run(softTargetLoss, { ...patch(20), weights: 'balanced' });
    const { teacher, student, shape, temperature } = patch(20);
    const voxels = elementCount(shape) / 3;
    const vector = (logits: Float64Array, voxel: number): number[] => [0, 1, 2].map(c => logits[c * voxels + voxel]!);
    const perClass = [0, 1, 2].map(channel => {
      let [weighted, weight] = [0, 1e-3];
      for (let voxel = 0; voxel < voxels; voxel++) {
        const share = softmax(vector(teacher, voxel))[channel]!;
        const p = softmax(vector(teacher, voxel).map(logit => logit / temperature));
        const q = softmax(vector(student, voxel).map(logit => logit / temperature));
        weighted += share * p.reduce((sum, own, c) => sum + own * Math.log(own / q[c]!), 0);
        weight += share;
      }
      return weighted / weight;
    });
    const expected = (temperature ** 2 * perClass.reduce((sum, mean) => sum + mean, 0)) / 3;
    expect(value / expected).toBeCloseTo(1, 6);
  });

  it('stay finite for a class that the teacher gives to no voxel at all', () => {
    const certain = patch(4);
    // e^-1000 is 0 in float64 too
    const teacher = certain.teacher.map(logit => (logit === -8 ? -1000 : logit));
    const { value, gradient: ds } = run(softTargetLoss, { ...certain, teacher, weights: 'balanced' });
    expect(value).toBeGreaterThan(0);
    expect([value, ...ds].every(Number.isFinite)).toBe(true);
  });
});

describe('weights per class', () => {
  const shape = [1, 3, 1, 2, 2];
  const [student, teacher] = [draw({ shape, draw: 'signed' }, 's'), draw({ shape, draw: 'signed' }, 't')];
  const setting = { student, teacher, shape, temperature: 2 };

  it('weigh every voxel by their mean under the teacher at T = 1', () => {
    const classWeights = [0.5, 2, 4];
    let [weighted, weight] = [0, 1e-3];
    for (let voxel = 0; voxel < 4; voxel++) {
      const vector = (logits: Float64Array): number[] => [0, 1, 2].map(channel => logits[channel * 4 + voxel]!);
      const soften = (logits: Float64Array): number[] => softmax(vector(logits).map(logit => logit / 2));
      const [p, q] = [soften(teacher), soften(student)];
      const own = softmax(vector(teacher)).reduce((sum, share, channel) => sum + share * classWeights[channel]!, 0);
      weighted += own * p.reduce((sum, entry, channel) => sum + entry * Math.log(entry / q[channel]!), 0);
      weight += own;
    }
    const { value } = run(softTargetLoss, { ...setting, weights: classWeights });
    expect(value).toBeCloseTo((4 * weighted) / weight, 6);
  });

  it('are uniform weights where all are alike', () => {
    const uniform = run(softTargetLoss, setting).value;
    // a thousandth of a voxel against four times a thousand
    expect(run(softTargetLoss, { ...setting, weights: [1e3, 1e3, 1e3] }).value).toBeCloseTo(uniform, 6);
    expect(run(sigmoidSoftTargetLoss, { ...setting, weights: [1e3, 1e3] }).value).toBeCloseTo(
      run(sigmoidSoftTargetLoss, setting).value,
      5,
    );
  });

  it('are outside and inside, in this order, in the sigmoid form', () => {
    // the teacher says outside to the first voxel and inside to the second, where the student is wrong
    const voxels = { student: Float64Array.of(-9, -9), teacher: Float64Array.of(-9, 9), shape: [1, 1, 1, 1, 2] };
    const value = (weights: VoxelWeights): number =>
      run(sigmoidSoftTargetLoss, { ...voxels, temperature: 1, weights }).value;
    expect(value([1, 3]) / value('uniform')).toBeCloseTo(1.5, 2);
    expect(value([3, 1]) / value('uniform')).toBeCloseTo(0.5, 2);
  });

  it('are refused where their number is not that of the classes', () => {
    expect(() => run(softTargetLoss, { ...setting, weights: [1, 2] })).toThrow('2 class weights for 3 classes');
    expect(() => run(sigmoidSoftTargetLoss, { ...setting, weights: [1, 2, 3] })).toThrow(
      '3 class weights for 2 classes',
    );
  });
});

describe('the teacher', () => {
  it('has no derivative: not one node of the reverse walk belongs to it', () => {
    const builder = new GraphBuilder();
    const image = builder.input('image', [1, 1, 2, 2, 2]);
    const network = (name: string): readonly [Value, Value] =>
      builder.scope(name, () => {
        const theta = builder.input(`${name} theta`, [3, 1, 1, 1, 1]);
        return [
          theta,
          builder.mul(
            builder.mul(image, builder.float([1, 2, 3], [1, 3, 1, 1, 1])),
            builder.reshape(theta, [1, 3, 1, 1, 1]),
          ),
        ];
      });
    const [studentTheta, student] = network('student');
    const [teacherTheta, teacher] = network('teacher');
    const temperature = builder.input('temperature', []);
    const value = softTargetLoss(builder, student, teacher, { temperature, weights: 'balanced' });
    const values = reachable(gradient(builder, value, [studentTheta]));
    expect(values.some(node => isOp(node, 'Input') && node === teacherTheta)).toBe(true);
    expect(values.filter(node => node.tag.startsWith('student') && node.tag.endsWith('.gradient'))).not.toEqual([]);
    expect(values.filter(node => node.tag.startsWith('teacher') && node.tag.endsWith('.gradient'))).toEqual([]);
  });
});
