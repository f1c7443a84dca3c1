/**
 * Every distillation term: its value against test/fixtures/make-distillation-goldens.py, its derivatives against
 * central differences, and what it must not depend on.
 */
import { describe, expect, it } from 'vitest';
import { gradient } from '../../../src/autodiff/gradient.ts';
import { elementCount, type Shape } from '../../../src/core/shape.ts';
import { type DistillationTerm, distillationHyperNames, planDistillation } from '../../../src/distillation/terms.ts';
import { reachable } from '../../../src/graph/graph.ts';
import { buildTerm, cases, type Feeds, feedsOf, type Golden, type Shapes } from '../../support/distillation-goldens.ts';
import { evaluate } from '../../support/evaluate.ts';
import { goldensStream } from '../../support/goldens-stream.ts';
import { PLAIN_VOXELS } from '../../support/training-steps.ts';

/** Every layer and label repeated along an axis of the patch, or along the batch. */
function repeated(golden: Golden, feeds: Feeds, axis: number): readonly [Golden, Feeds] {
  const shapesOf = (shapes: Shapes): Shapes =>
    Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [name, shape.map((size, at) => (at === axis ? 2 * size : size))]),
    );
  const twice = (values: Float64Array, shape: Shape): Float64Array => {
    const block = elementCount(shape.slice(axis));
    const blocks = Array.from({ length: values.length / block }, (_, index) =>
      values.subarray(index * block, (index + 1) * block),
    );
    return Float64Array.from(blocks.flatMap(part => [...part, ...part]));
  };
  const [samples, , ...space] = golden.teacher['logits'] as readonly number[];
  const shapes = new Map<string, Shape>([
    ...Object.entries(golden.student).map(([name, shape]) => [`student ${name}`, shape] as const),
    ...Object.entries(golden.teacher).map(([name, shape]) => [`teacher ${name}`, shape] as const),
    ['label', [samples as number, 1, ...space]],
  ]);
  const larger = Object.fromEntries(
    Object.entries(feeds).map(([name, values]) => {
      const shape = shapes.get(name);
      return [name, shape === undefined ? values : twice(values, shape)];
    }),
  );
  const labelled = axis === 0 ? 2 * golden.labelled : golden.labelled;
  return [{ ...golden, student: shapesOf(golden.student), teacher: shapesOf(golden.teacher), labelled }, larger];
}

const termValue = (golden: Golden, feeds: Feeds): number =>
  evaluate({ value: buildTerm(golden).value }, feeds)['value']![0]!;

/** Slope of the value along a direction of one feed, by central differences. */
function alongDirection(
  golden: Golden,
  feeds: Feeds,
  { name, direction }: { readonly name: string; readonly direction: Float64Array },
): number {
  const h = 1e-5;
  const at = (step: number): number =>
    termValue(golden, { ...feeds, [name]: feeds[name]!.map((value, index) => value + step * direction[index]!) });
  return (at(h) - at(-h)) / (2 * h);
}

describe.each(cases)('$name', golden => {
  const feeds = feedsOf(golden);

  it('has the value of the independent computation', () => {
    // a floor of 1e-8 under variances is in the value and not in SciPy's
    expect(termValue(golden, feeds) / golden.value).toBeCloseTo(1, 6);
  });

  it('has the derivative of its value to the student and to its adapter', () => {
    const { builder, student, adapters, value } = buildTerm(golden);
    const used = new Set(reachable([value]));
    const inputs = [...[...student].map(([name, input]) => [`student ${name}`, input] as const), ...adapters];
    const targets = inputs.filter(([, input]) => used.has(input));
    const gradients = gradient(
      builder,
      value,
      targets.map(([, input]) => input),
    );
    const results = evaluate(Object.fromEntries(targets.map(([name], index) => [name, gradients[index]!])), feeds);
    expect(targets.length).toBeGreaterThan(0);
    for (const [name] of targets) {
      for (const seed of [21, 22]) {
        const next = goldensStream(seed);
        const direction = feeds[name]!.map(() => 2 * next() - 1);
        const expected = alongDirection(golden, feeds, { name, direction });
        const slope = direction.reduce((sum, part, index) => sum + part * results[name]![index]!, 0);
        expect(Math.abs(slope / expected - 1), name).toBeLessThan(1e-6);
      }
    }
  });

  it('does not see how often the patch is repeated', () => {
    // class weights keep a thousandth of a voxel against empty classes, which a small patch feels
    const tolerance = 'classWeights' in golden.term && golden.term.classWeights !== 'uniform' ? 1e-3 : 2e-5;
    const axes = golden.labelled === 2 ? [0, 2, 3] : [2, 3];
    for (const axis of axes) {
      const ratio = termValue(...repeated(golden, feeds, axis)) / golden.value;
      expect(Math.abs(ratio - 1), `axis ${axis}`).toBeLessThan(tolerance);
    }
  });
});

describe('the layers that terms name', () => {
  const shapes = {
    student: new Map<string, Shape>([
      ['encoder0', [2, 4, 8, 8, 8]],
      ['encoder1', [2, 8, 4, 4, 4]],
      ['logits', [2, 3, 8, 8, 8]],
    ]),
    teacher: new Map<string, Shape>([
      ['encoder0', [2, 16, 8, 8, 8]],
      ['third', [2, 16, 3, 3, 3]],
      ['logits', [2, 3, 8, 8, 8]],
    ]),
    labelled: [2, 3, 8, 8, 8],
    activation: 'softmax',
  } as const;
  const hint = (studentLayer: string, teacherLayer: string): DistillationTerm => ({
    method: 'hint',
    name: 'hint2',
    weight: 1,
    studentLayer,
    teacherLayer,
  });
  const logits = { ...PLAIN_VOXELS, weight: 1, temperature: 2 } as const;

  it('are listed where a name is not one of them', () => {
    expect(() => planDistillation([hint('encoder5', 'encoder0')], shapes)).toThrow(
      'distillation term hint2: the student has no layer "encoder5"; it has encoder0, encoder1, logits',
    );
    expect(() => planDistillation([hint('encoder0', 'encoder1')], shapes)).toThrow(
      'the teacher has no layer "encoder1"; it has encoder0, third, logits',
    );
  });

  it('must have grids that divide each other', () => {
    expect(() => planDistillation([hint('encoder1', 'third')], shapes)).toThrow(
      /hint2: a feature of 4x4x4 voxels cannot be averaged to 3x3x3.*whole/,
    );
  });

  it('decide what adapters a step has: to as many channels as the teacher has, with a bias where it is seen', () => {
    const channelWise = { method: 'channelWise', name: 'channelWise', ...logits } as const;
    const terms: DistillationTerm[] = [
      hint('encoder1', 'encoder0'),
      { ...channelWise, studentLayer: 'encoder0', teacherLayer: 'encoder0' },
      { ...channelWise, name: 'channelWise2', studentLayer: 'logits', teacherLayer: 'logits' },
    ];
    expect(planDistillation(terms, shapes).map(({ name, shape }) => [name, shape])).toEqual([
      ['hint2.adapter.weight', [16, 8, 1, 1, 1]],
      ['hint2.adapter.bias', [16]],
      ['channelWise.adapter.weight', [16, 4, 1, 1, 1]],
    ]);
    expect(distillationHyperNames(terms)).toEqual([
      'hint2.weight',
      'channelWise.weight',
      'channelWise.temperature',
      'channelWise2.weight',
      'channelWise2.temperature',
    ]);
  });

  it('give dkd and dist three classes that exclude each other, or an error that names the way out', () => {
    const dist = { method: 'dist', name: 'dist', ...logits, interWeight: 1, intraWeight: 1 } as const;
    expect(() => planDistillation([dist], { ...shapes, activation: 'sigmoid' })).toThrow(
      /dist needs classes that exclude each other.*use kd, logitRegression or softDice/,
    );
    const two = new Map<string, Shape>([['logits', [2, 2, 8, 8, 8]]]);
    expect(() => planDistillation([dist], { ...shapes, student: two, teacher: two })).toThrow(
      'distillation term dist: dist compares relations between three or more classes, got 2: use kd',
    );
    const dkd = { method: 'dkd', ...logits, targetWeight: 1, nonTargetWeight: 1, reference: 'label' } as const;
    expect(() => planDistillation([{ ...dkd, name: 'dkd' }], { ...shapes, student: two, teacher: two })).toThrow(
      'dkd needs three or more classes, got 2: use kd',
    );
  });
});

describe('decoupled distillation', () => {
  it('compares the other classes however far they are behind the target', () => {
    const golden: Golden = {
      name: '',
      term: {
        method: 'dkd',
        name: 'dkd',
        weight: 1,
        temperature: 1,
        ...PLAIN_VOXELS,
        targetWeight: 1,
        nonTargetWeight: 3,
        reference: 'teacher',
      },
      activation: 'softmax',
      temperature: 1,
      student: { logits: [1, 3, 1, 1, 1] },
      teacher: { logits: [1, 3, 1, 1, 1] },
      labelled: 1,
      halves: false,
      value: 0,
    };
    const value = termValue(golden, {
      'teacher logits': Float64Array.of(0, -300, -302),
      'student logits': Float64Array.of(0, -302, -300),
      'dkd.temperature': Float64Array.of(1),
    });
    // p = sigmoid(2) against sigmoid(-2): (2 p - 1) 2 = 2 tanh 1, three times; of the target nothing is left
    expect(value).toBeCloseTo(6 * Math.tanh(1), 10);
  });
});

describe('region affinity of independent channels', () => {
  it('takes what no channel claims as background', () => {
    // one voxel of background, one inside of region 1: mean features are the voxels themselves
    const golden: Golden = {
      name: '',
      term: {
        method: 'regionAffinity',
        name: 'affinity',
        studentLayer: 'f',
        teacherLayer: 'f',
        reference: 'teacher',
        weight: 1,
      },
      activation: 'sigmoid',
      temperature: null,
      student: { f: [1, 2, 1, 1, 2], logits: [1, 1, 1, 1, 2] },
      teacher: { f: [1, 2, 1, 1, 2], logits: [1, 1, 1, 1, 2] },
      labelled: 1,
      halves: false,
      value: 0,
    };
    const feeds = {
      'student f': Float64Array.of(1, 0, 0, 1), // voxels (1, 0) and (0, 1): cosine 0
      'teacher f': Float64Array.of(3, 3, 4, 4), // twice (3, 4): cosine 1
      'teacher logits': Float64Array.of(-5, 5),
    };
    expect(termValue(golden, feeds)).toBeCloseTo(1, 6);
    // the same by the labels, which number the background 0 and the region 1
    const byLabel = { ...golden, term: { ...golden.term, reference: 'label' } as DistillationTerm };
    const contrary = { ...feeds, 'teacher logits': Float64Array.of(5, 5) };
    expect(termValue(byLabel, { ...contrary, label: Float64Array.of(1, 0) })).toBeCloseTo(1, 6);
    expect(termValue(byLabel, { ...contrary, label: Float64Array.of(0, 0) })).toBe(0);
    // with one region alone there is no pair
    expect(termValue(golden, { ...feeds, 'teacher logits': Float64Array.of(-5, -5) })).toBe(0);
  });
});
