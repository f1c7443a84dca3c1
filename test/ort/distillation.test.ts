/**
 * Distillation terms on ONNX Runtime: all of them in one step in both lowerings, adapters, and float32 at its limits.
 */
import { describe, expect, it } from 'vitest';
import { gradient } from '../../src/autodiff/gradient.ts';
import { random } from '../../src/core/random.ts';
import { elementCount } from '../../src/core/shape.ts';
import { tensor } from '../../src/core/tensor.ts';
import type { DistillationTerm } from '../../src/distillation/terms.ts';
import { isOp, reachable } from '../../src/graph/graph.ts';
import { initialize } from '../../src/nn/parameters.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { lower } from '../../src/onnx/lower.ts';
import { sgd } from '../../src/optim/sgd.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { buildTrainingStep, type StepOptions } from '../../src/training/step.ts';
import { relativeError } from '../support/central-difference.ts';
import { buildTerm, cases, type Feeds, feedsOf } from '../support/distillation-goldens.ts';
import { evaluate } from '../support/evaluate.ts';
import { toTensor } from '../support/operator-cases.ts';
import { HARD_LOSS, KD, runSteps, type StepOutcome, smallUnet } from '../support/training-steps.ts';

const engine = await createNodeEngine({ threads: 1 });
if (engine.block === 0) console.info('skipped: no blocked kernels on this machine, so only the plain lowering is run');

const weight = 1;
const temperature = 2;
const voxels = { classWeights: 'balanced', foregroundWeight: 2, boundaryWeight: 3 } as const;
const layers = (studentLayer: string, teacherLayer: string) => ({ studentLayer, teacherLayer });
const HINT = { method: 'hint', name: 'hint', weight, ...layers('encoder1', 'encoder1') } as const;
const TERMS: readonly DistillationTerm[] = [
  { ...KD, ...voxels },
  { method: 'logitRegression', name: 'logitRegression', weight, ...voxels, centred: true },
  {
    method: 'dkd',
    name: 'dkd',
    weight,
    temperature,
    ...voxels,
    targetWeight: 1,
    nonTargetWeight: 2,
    reference: 'label',
  },
  { method: 'dist', name: 'dist', weight, temperature, ...voxels, interWeight: 1, intraWeight: 1 },
  { method: 'softDice', name: 'softDice', weight, temperature, background: false },
  HINT,
  { ...HINT, name: 'hint2', ...layers('encoder0', 'encoder1') },
  { method: 'attention', name: 'attention', weight, ...layers('encoder1', 'decoder0') },
  { method: 'channelWise', name: 'channelWise', weight, temperature, ...layers('logits', 'logits') },
  { method: 'channelWise', name: 'channelWise2', weight, temperature, ...layers('decoder0', 'decoder0') },
  { method: 'regionAffinity', name: 'regionAffinity', weight, ...layers('encoder1', 'decoder0'), reference: 'label' },
];

const student = smallUnet([4, 8]);
const teacher = smallUnet([6, 12]);
const theta = initialize(student.specs, name => random(3, name));
const teacherTheta = initialize(teacher.specs, name => random(5, name));

function options(
  terms: readonly DistillationTerm[],
  imageShape: readonly number[],
  clipNorm: number | null,
): StepOptions {
  return {
    student,
    imageShape,
    unlabelled: 1,
    hardLoss: HARD_LOSS,
    optimizer: sgd({ momentum: 0.9, nesterov: false }),
    regularization: { l1: 0, l2: 1e-4 },
    clipNorm,
    distillation: { teacher: { ...teacher, theta: teacherTheta }, terms },
  };
}

/** One step of these terms from the same start. */
async function stepOf(
  terms: readonly DistillationTerm[],
  settings: { block: number; clipNorm?: number; size?: number; weights?: number },
) {
  const { block, clipNorm = null, size = 8, weights = 0.5 } = settings;
  const imageShape = [3, 1, size, size, size];
  const step = options(terms, imageShape, clipNorm);
  const { adapters: specs, hyperNames, graph } = buildTrainingStep(step);
  const source = random(1, 'image');
  const image = Float32Array.from({ length: elementCount(imageShape) }, () => source.normal());
  const label = Int32Array.from({ length: (2 * image.length) / 3 }, () => source.integer(3));
  const adapters = initialize(specs, name => random(7, name));
  const hyper = Object.fromEntries(
    hyperNames.map(name => [name, name.endsWith('.weight') ? weights : name.endsWith('.temperature') ? 2 : 0.25]),
  );
  const run = { block, steps: 1, theta, image, label, hyper, ...(specs.length > 0 && { adapters }) };
  const [outcome] = await runSteps(engine, step, run);
  return { outcome: outcome!, specs, adapters, graph, feeds: { image, label, hyper, hyperNames } };
}

describe('a step with every method', () => {
  it('gives in the blocked lowering what it gives in the plain one', async ({ skip }) => {
    skip(engine.block === 0, 'no channel-blocked kernels');
    const [plain, blocked] = [await stepOf(TERMS, { block: 0 }), await stepOf(TERMS, { block: engine.block })];
    expect(Object.keys(plain.outcome.losses)).toEqual([
      'total',
      'crossEntropy',
      'dice',
      ...TERMS.map(({ name }) => name),
      'gradientNorm',
    ]);
    for (const [name, value] of Object.entries(plain.outcome.losses)) {
      expect(value, name).toBeGreaterThan(0);
      expect(Math.abs(blocked.outcome.losses[name]! / value - 1), name).toBeLessThan(1e-4);
    }
    expect(relativeError(blocked.outcome.theta, plain.outcome.theta)).toBeLessThan(1e-4);
    for (const [name, values] of Object.entries(plain.outcome.state)) {
      expect(relativeError(blocked.outcome.state[name]!, values), name).toBeLessThan(1e-3);
    }
  });

  it('of partly annotated samples gives in the blocked lowering what it gives in the plain one', async ({ skip }) => {
    skip(engine.block === 0, 'no channel-blocked kernels');
    const stepIn = async (block: number, annotated: readonly number[]) => {
      const imageShape = [3, 1, 8, 8, 8];
      const terms = TERMS.slice(0, 5);
      const step = options(terms, imageShape, null);
      const hardLoss = { ...HARD_LOSS, dice: { ...HARD_LOSS.dice, background: true }, isPartial: true };
      const source = random(1, 'image');
      const image = Float32Array.from({ length: elementCount(imageShape) }, () => source.normal());
      const label = Int32Array.from({ length: (2 * image.length) / 3 }, () => source.integer(2));
      const hyper = Object.fromEntries(
        buildTrainingStep(step).hyperNames.map(name => [name, name.endsWith('.temperature') ? 2 : 0.25]),
      );
      const run = { block, steps: 1, theta, image, label, hyper, annotated: Float32Array.from(annotated) };
      const [outcome] = await runSteps(engine, { ...step, hardLoss }, run);
      return outcome!;
    };
    const partly = [1, 1, 1, 1, 1, 0];
    const [plain, blocked] = [await stepIn(0, partly), await stepIn(engine.block, partly)];
    for (const [name, value] of Object.entries(plain.losses)) {
      expect(Math.abs(blocked.losses[name]! / value - 1), name).toBeLessThan(1e-4);
    }
    expect(relativeError(blocked.theta, plain.theta)).toBeLessThan(1e-4);
    const whole = await stepIn(0, [1, 1, 1, 1, 1, 1]);
    expect(whole.losses['crossEntropy']).toBeGreaterThan(plain.losses['crossEntropy']! * 1.01);
  });

  it('gives in the plain lowering what the reference evaluator gives', async () => {
    const { outcome, adapters, graph, feeds } = await stepOf(TERMS, { block: 0, size: 4 });
    const expected = evaluate(graph.outputs, {
      image: Float64Array.from(feeds.image),
      label: Float64Array.from(feeds.label),
      theta: Float64Array.from(theta),
      m: new Float64Array(theta.length + adapters.length),
      adapters: Float64Array.from(adapters),
      hyper: Float64Array.from(feeds.hyperNames, name => (name.startsWith('biasCorrection') ? 1 : feeds.hyper[name]!)),
    });
    expect(relativeError(Object.values(outcome.losses), expected['losses']!)).toBeLessThan(1e-4);
    expect(relativeError(outcome.theta, expected['theta.next']!)).toBeLessThan(1e-4);
    expect(relativeError(outcome.state['adapters']!, expected['adapters.next']!)).toBeLessThan(1e-4);
    expect(relativeError(outcome.state['m']!, expected['m.next']!)).toBeLessThan(1e-3);
  });

  it('asks nothing of the teacher: no value of the reverse walk belongs to it, and its parameters are constants', () => {
    const { graph } = buildTrainingStep(options(TERMS, [3, 1, 8, 8, 8], null));
    const values = reachable(Object.values(graph.outputs));
    const tags = values.map(({ tag }) => tag);
    expect(tags.filter(tag => tag.startsWith('teacher/')).length).toBeGreaterThan(10);
    expect(tags.filter(tag => tag.startsWith('student/') && tag.endsWith('.gradient')).length).toBeGreaterThan(10);
    expect(tags.filter(tag => tag.startsWith('teacher') && tag.endsWith('.gradient'))).toEqual([]);
    const inputs = values.flatMap(value => (isOp(value, 'Input') ? [value.attributes.name] : []));
    expect(inputs.sort()).toEqual(['adapters', 'hyper', 'image', 'label', 'm', 'theta']);
  });
});

describe('a step with a teacher of fewer classes', () => {
  const [size, samples] = [8, 3];
  const imageShape = [samples, 1, size, size, size];
  const layered = ['hint', 'hint2', 'attention', 'channelWise2', 'regionAffinity', 'dkd', 'dist'];
  const step: StepOptions = {
    ...options([], imageShape, null),
    distillation: {
      teacher: { features: {}, classes: [[0, 2], [1]] },
      terms: TERMS.filter(({ name }) => !layered.includes(name)),
    },
  };
  const source = random(2, 'image');
  const image = Float32Array.from({ length: elementCount(imageShape) }, () => source.normal());
  const teacherLogits = tensor(
    'float32',
    Float32Array.from({ length: 2 * image.length }, () => 3 * source.normal()),
    [samples, 2, size, size, size],
  );
  const outcome = async (block: number) => {
    const { graph, hyperNames, lossNames, teacherInputs } = buildTrainingStep(step);
    expect(teacherInputs).toEqual(['teacherLogits']);
    const session = await engine.load(encodeModel(lower(graph, { block })));
    const flat = (data: Float32Array) => tensor('float32', data, [data.length]);
    const results = await session.run({
      image: tensor('float32', image, imageShape),
      label: tensor('int32', new Int32Array((2 * image.length) / 3).fill(1), [2, 1, size, size, size]),
      theta: flat(theta),
      m: flat(new Float32Array(theta.length)),
      hyper: flat(Float32Array.from(hyperNames, name => (name.endsWith('.temperature') ? 2 : 0.5))),
      teacherLogits,
    });
    await session.dispose();
    const losses = [...(results['losses']!.data as Float32Array)].map((value, index) => [lossNames[index], value]);
    return { losses: Object.fromEntries(losses), theta: results['theta.next']!.data as Float32Array };
  };

  it("merges the student's classes, with the same numbers in both lowerings", async () => {
    const plain = await outcome(0);
    expect(Object.keys(plain.losses)).toEqual([
      'total',
      'crossEntropy',
      'dice',
      'kd',
      'logitRegression',
      'softDice',
      'channelWise',
      'gradientNorm',
    ]);
    const blocked = await outcome(engine.block);
    for (const [name, value] of Object.entries(plain.losses)) {
      expect(value, name).toBeGreaterThan(0);
      expect(blocked.losses[name] / Number(value), name).toBeCloseTo(1, 4);
    }
    expect(relativeError(blocked.theta, plain.theta)).toBeLessThan(1e-4);
  });

  it('refuses the methods that compare three classes, with the way out', () => {
    const { distillation } = step;
    const plan = (name: string) => () =>
      buildTrainingStep({
        ...step,
        distillation: { ...distillation!, terms: TERMS.filter(term => term.name === name) },
      });
    expect(plan('dkd')).toThrow('distillation term dkd: dkd needs three or more classes, got 2: use kd');
    expect(plan('dist')).toThrow(
      'distillation term dist: dist compares relations between three or more classes, got 2: use kd',
    );
  });
});

describe('adapters', () => {
  it('train with the student, each by its own gradient', async () => {
    const { outcome, adapters, specs } = await stepOf([HINT], { block: engine.block });
    expect(specs.map(({ name }) => name)).toEqual(['hint.adapter.weight', 'hint.adapter.bias']);
    const { m, adapters: next } = outcome.state;
    // without momentum before it the first move is the gradient times the learning rate
    const own = m!.subarray(theta.length);
    expect(
      relativeError(
        next!,
        adapters.map((value, index) => value - 0.25 * own[index]!),
      ),
    ).toBeLessThan(1e-6);
    expect(Math.hypot(...own)).toBeGreaterThan(1e-3);
    expect(outcome.theta.length).toBe(theta.length);
  });

  it('count in the norm that clips the gradient', async () => {
    const whole = (await stepOf([HINT], { block: 0, weights: 5 })).outcome;
    const clipped = (await stepOf([HINT], { block: 0, weights: 5, clipNorm: 0.5 })).outcome;
    const norm = (values: Float32Array): number => Math.hypot(...values);
    const adapters = (outcome: StepOutcome): number => norm(outcome.state['m']!.subarray(theta.length));
    // the penalty on kernels is in the moment and not in the norm
    expect(norm(whole.state['m']!) / whole.losses['gradientNorm']!).toBeCloseTo(1, 2);
    expect(adapters(whole)).toBeGreaterThan(0.2 * whole.losses['gradientNorm']!);
    const factor = 0.5 / whole.losses['gradientNorm']!;
    expect(adapters(clipped) / adapters(whole)).toBeCloseTo(factor, 4);
  });

  it('leave the student alone where their term weighs nothing', async () => {
    const none = await stepOf([], { block: engine.block });
    const weightless = await stepOf([HINT], { block: engine.block, weights: 0 });
    // the last bit is the order of additions
    expect(relativeError(weightless.outcome.theta, none.outcome.theta)).toBeLessThan(1e-6);
    expect([...weightless.outcome.state['adapters']!]).toEqual([...weightless.adapters]);
  });
});

/** Numbers at the limits of what networks give: each changes the feeds of a term. */
const EXTREMES: Readonly<Record<string, (feeds: Feeds) => Feeds>> = {
  'logits and features of -50 and 50': feeds => layersOf(feeds, value => (value < 0 ? -50 : 50)),
  'a student of -50 and 50 against a teacher of all the same': feeds => ({
    ...layersOf(feeds, value => (value < 0 ? -50 : 50)),
    ...Object.fromEntries(
      Object.entries(feeds).flatMap(([name, values]) =>
        name.startsWith('teacher') ? [[name, values.map(() => 3)]] : [],
      ),
    ),
  }),
  'zeros everywhere': feeds => layersOf(feeds, () => 0),
  'a temperature of 0.05': feeds =>
    withTemperature(
      layersOf(feeds, value => 12 * value),
      0.05,
    ),
  'a temperature of 1000': feeds => withTemperature(feeds, 1000),
  'background alone': feeds => {
    const logits = feeds['teacher logits']!;
    const perSample = logits.length / 2;
    const sure = logits.map((_, index) => (index % perSample < perSample / 4 ? 50 : -50));
    return { ...feeds, 'teacher logits': sure, label: feeds['label']!.map(() => 0) };
  },
};

function layersOf(feeds: Feeds, change: (value: number) => number): Feeds {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, values]) => [
      name,
      /^(student|teacher) /.test(name) ? values.map(change) : values,
    ]),
  );
}

function withTemperature(feeds: Feeds, value: number): Feeds {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, values]) => [
      name,
      name.endsWith('.temperature') ? Float64Array.of(value) : values,
    ]),
  );
}

describe.each(cases)('in float32 $name', golden => {
  it('stays finite in value and derivative at every extreme', async () => {
    const { builder, student: inputs, adapters, value } = buildTerm(golden);
    const targets = [...inputs.values(), ...adapters.values()];
    const gradients = gradient(builder, value, targets);
    const outputs = { value, ...Object.fromEntries(gradients.map((part, index) => [`d${index}`, part])) };
    const session = await engine.load(encodeModel(lower({ outputs }, { block: 0 })));
    const used = reachable(Object.values(outputs)).filter(node => isOp(node, 'Input'));
    for (const [name, change] of Object.entries(EXTREMES)) {
      const feeds = change(feedsOf(golden));
      const tensors = used.map(node => {
        const key = (node.attributes as { readonly name: string }).name;
        return [key, toTensor(feeds[key]!, node.dataType, node.shape)] as const;
      });
      const results = await session.run(Object.fromEntries(tensors));
      for (const [output, { data }] of Object.entries(results)) {
        expect([...(data as Float32Array)].every(Number.isFinite), `${output} of ${name}`).toBe(true);
      }
      expect(results['value']!.data[0], name).toBeGreaterThan(-1e-4);
    }
    await session.dispose();
  });
});
