/** The training loop on a tiny U-Net and made-up batches: resume, interruption, broken cases, the best parameters. */
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { random } from '../../src/core/random.ts';
import { elementCount } from '../../src/core/shape.ts';
import { tensor } from '../../src/core/tensor.ts';
import type { Batch, BatchSource } from '../../src/data/loader.ts';
import { GraphBuilder, type Value } from '../../src/graph/graph.ts';
import { constantParameters, initialize } from '../../src/nn/parameters.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { lower } from '../../src/onnx/lower.ts';
import { sgd } from '../../src/optim/sgd.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import { silent } from '../../src/runtime/progress.ts';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint, keptParameters } from '../../src/training/checkpoint.ts';
import { type StepRecord, type TrainerOptions, type TrainingStore, train } from '../../src/training/trainer.ts';
import { relativeError } from '../support/central-difference.ts';
import { HARD_LOSS, KD, plainAdam, smallUnet } from '../support/training-steps.ts';

const imageShape = [1, 1, 8, 8, 8];
const voxels = elementCount(imageShape);
const student = smallUnet([4, 8]);
const teacher = smallUnet([6]);
const teacherTheta = initialize(teacher.specs, name => random(5, name));
const fingerprint = 'test';
const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');
const HINT = {
  method: 'hint',
  name: 'hint',
  weight: 0.1,
  studentLayer: 'encoder1',
  teacherLayer: 'encoder0',
} as const;
const WARMING = { ...KD, weight: { start: 0.5, end: 0.5, curve: 'linear', warmupSteps: 8 } as const, temperature: 3 };

/** A bright ball of class 1 with a core of class 2 somewhere in noise; a pure function of the step. */
function ball(step: number): Batch {
  const source = random(1, 'ball', step);
  const centre = [0, 1, 2].map(() => 2.5 + 2 * source.uniform());
  const label = Int32Array.from({ length: voxels }, (_, index) => {
    const place = [Math.floor(index / 64), Math.floor(index / 8) % 8, index % 8];
    const distance = Math.hypot(...place.map((at, axis) => at - centre[axis]!));
    return distance < 1.5 ? 2 : distance < 3 ? 1 : 0;
  });
  const image = Float32Array.from(label, value => value + 0.3 * source.normal());
  return { image, label, caseIds: [`ball_${step}`], epoch: Math.floor(step / 4) };
}

interface Source extends BatchSource {
  readonly asked: number[];
  closed: boolean;
}

function batchSource(next: (step: number) => Batch = ball): Source {
  const source: Source = {
    asked: [],
    closed: false,
    next: async step => {
      source.asked.push(step);
      return next(step);
    },
    close: async () => {
      source.closed = true;
    },
  };
  return source;
}

interface MemoryStore extends TrainingStore {
  last(): Promise<Checkpoint>;
  best(): Promise<Checkpoint>;
  records(): readonly StepRecord[];
}

/** Keeps what a run's folder would: checkpoints as bytes, records of all parts of an interrupted training. */
function memoryStore(): MemoryStore {
  const files = new Map<'last' | 'best', Uint8Array>();
  let earlier: readonly StepRecord[] = [];
  let all: readonly StepRecord[] = [];
  const read = async (name: 'last' | 'best'): Promise<Checkpoint> =>
    decodeCheckpoint(files.get(name) ?? new Uint8Array(0), { path: name, specs: student.specs, fingerprint, sha256 });
  return {
    last: () => read('last'),
    best: () => read('best'),
    records: () => all,
    load: async () => {
      if (!files.has('last')) return undefined;
      const last = await read('last');
      earlier = all.filter(record => record.step <= last.step);
      return { last, bestTheta: keptParameters(last.best === null ? last : await read('best')) };
    },
    saveLast: async (checkpoint, records) => {
      all = [...earlier, ...records];
      files.set('last', encodeCheckpoint(checkpoint, student.specs, sha256));
    },
    saveBest: async checkpoint => {
      files.set('best', encodeCheckpoint(checkpoint, student.specs, sha256));
    },
  };
}

/** Keeps nothing. */
const lostStore: TrainingStore = { load: async () => undefined, saveLast: async () => {}, saveBest: async () => {} };

/** The sum of the parameters, squashed: a stand-in for Dice that any change of the parameters moves. */
const pretendDice = async (theta: Float32Array): Promise<number> =>
  0.5 + 0.5 * Math.sin(100 * theta.reduce((sum, value) => sum + value, 0));

let engine: Engine;
let clock = 0;
beforeAll(async () => {
  engine = await createNodeEngine({ threads: 1 });
});

/** A distillation of 12 steps with everything that changes by step: schedule, warm-ups, moments. */
function options(changes: Partial<TrainerOptions>): TrainerOptions {
  return {
    engine,
    seed: 1,
    step: {
      student,
      imageShape,
      hardLoss: HARD_LOSS,
      optimizer: plainAdam(),
      regularization: { l1: 0, l2: 1e-5 },
      clipNorm: 5,
      distillation: { teacher: { ...teacher, theta: teacherTheta }, terms: [WARMING, HINT] },
    },
    initialTheta: initialize(student.specs, name => random(3, name)),
    initialAdapters: specs => initialize(specs, name => random(4, name)),
    batches: batchSource(),
    steps: 12,
    learningRate: 0.01,
    schedule: { kind: 'cosine', warmupSteps: 2, power: 0.9 },
    validateEvery: 4,
    validate: pretendDice,
    store: memoryStore(),
    fingerprint,
    progress: silent,
    label: 'student',
    now: () => clock++,
    ...changes,
  };
}

const withoutSeconds = (records: readonly StepRecord[]): unknown[] => records.map(({ seconds: _, ...rest }) => rest);
const bits = (values: Float32Array): Uint32Array => new Uint32Array(values.slice().buffer);
/** Batches that fire the signal while step `step` (from 0) is being made. */
const stoppingAt = (step: number, controller: AbortController): Source =>
  batchSource(asked => {
    if (asked === step) controller.abort(new Error('stopped by hand'));
    return ball(asked);
  });

describe('train', () => {
  it('lowers the loss', async () => {
    const { step, ...rest } = options({
      steps: 40,
      schedule: { kind: 'constant', warmupSteps: 0, power: 1 },
    });
    const { distillation: _, ...hard } = step;
    const { records } = await train({ ...rest, step: hard });
    const mean = (part: readonly StepRecord[]): number =>
      part.reduce((sum, { losses }) => sum + losses['total']!, 0) / part.length;
    expect(records.map(({ step: at }) => at)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    expect(Object.keys(records[0]!.losses)).toEqual(['total', 'crossEntropy', 'dice', 'gradientNorm']);
    expect(mean(records.slice(-5))).toBeLessThan(0.6 * mean(records.slice(0, 5)));
  });

  it('goes on after an interruption as if there had been none, bit for bit', async () => {
    const whole = memoryStore();
    const uninterrupted = await train(options({ store: whole }));

    const store = memoryStore();
    const controller = new AbortController();
    const first = train(options({ store, batches: stoppingAt(5, controller), signal: controller.signal }));
    await expect(first).rejects.toThrow('stopped by hand');
    const stopped = await store.last();
    expect(stopped.step).toBe(6);

    const batches = batchSource();
    const resumed = await train(options({ store, batches }));
    expect(batches.asked[0]).toBe(6);
    expect(bits(resumed.theta)).toEqual(bits(uninterrupted.theta));
    expect(resumed.bestStep).toBe(uninterrupted.bestStep);
    expect(resumed.records[0]!.seconds).toBeGreaterThan(stopped.seconds);
    expect(resumed.seconds).toBeGreaterThan(resumed.records[0]!.seconds);
    expect(withoutSeconds(store.records())).toEqual(withoutSeconds(whole.records()));
    const [end, wholeEnd] = [await store.last(), await whole.last()];
    expect(bits(end.theta)).toEqual(bits(wholeEnd.theta));
    expect(end.state).toEqual(wholeEnd.state);
    expect(Object.keys(end.state).sort()).toEqual(['adapters', 'm', 'v']);
    expect(end.state['adapters']).not.toEqual(stopped.state['adapters']);
    expect(end.best).toEqual(wholeEnd.best);
    expect(bits((await store.best()).theta)).toEqual(bits((await whole.best()).theta));
  });

  it('records the schedule and the rise of a soft term in what each step was told', async () => {
    const { records } = await train(options({}));
    const cosine = (step: number): number => 0.005 * (1 + Math.cos((Math.PI * (step - 2)) / 10));
    const expected = [0.01 / 3, 0.02 / 3, ...Array.from({ length: 10 }, (_, index) => cosine(index + 2))];
    records.forEach(({ learningRate, losses, epoch }, index) => {
      expect(learningRate).toBeCloseTo(expected[index]!, 7);
      expect(epoch).toBe(Math.floor(index / 4));
      const { total, crossEntropy, dice, kd, hint } = losses;
      const softWeight = 0.5 * Math.min(1, (index + 1) / 9);
      expect(total! / (crossEntropy! + dice! + softWeight * kd! + 0.1 * hint!)).toBeCloseTo(1, 5);
    });
  });

  it('stops at a batch that is not finite, names its case, and keeps the last checkpoint', async () => {
    const store = memoryStore();
    const batches = batchSource(step => {
      const batch = ball(step);
      if (step === 6) batch.image[37] = Number.NaN;
      return step === 6 ? { ...batch, caseIds: ['hippocampus_017'] } : batch;
    });
    await expect(train(options({ store, batches }))).rejects.toMatchObject({
      code: 'E_LOSS_NOT_FINITE',
      exitCode: 1,
      message: expect.stringMatching(/at step 7 \(cases hippocampus_017\).*checkpoint is kept/),
    });
    const { step, theta, state } = await store.last();
    expect(step).toBe(4);
    expect([theta, ...Object.values(state)].every(values => values.every(Number.isFinite))).toBe(true);
    expect(batches.closed).toBe(true);
  });

  it('closes the batches where the checkpoint cannot be read', async () => {
    const batches = batchSource();
    const load = () => Promise.reject(new Error('a damaged checkpoint'));
    await expect(train(options({ store: { ...memoryStore(), load }, batches }))).rejects.toThrow(
      'a damaged checkpoint',
    );
    expect(batches).toMatchObject({ asked: [], closed: true });
  });

  it('writes a checkpoint before it obeys the signal, even before the first step', async () => {
    const controller = new AbortController();
    controller.abort();
    const store = memoryStore();
    const batches = batchSource();
    const { initialTheta, ...rest } = options({ store, batches, signal: controller.signal });
    await expect(train({ ...rest, initialTheta })).rejects.toMatchObject({ name: 'AbortError' });
    expect(batches).toMatchObject({ asked: [], closed: true });
    expect(await store.last()).toMatchObject({ step: 0, theta: initialTheta, best: null });
  });

  it('returns the parameters of the best validation, the earlier one at a tie', async () => {
    const scores = [0.3, 0.8, 0.8, 0.6];
    const seen: Float32Array[] = [];
    const store = memoryStore();
    const validate = async (theta: Float32Array): Promise<number> => scores[seen.push(theta.slice()) - 1]!;
    const { theta, bestStep, records } = await train(options({ store, validate, validateEvery: 3 }));
    expect(bestStep).toBe(6);
    expect(bits(theta)).toEqual(bits(seen[1]!));
    expect(bits(seen[1]!)).not.toEqual(bits(seen[2]!));
    expect(bits((await store.best()).theta)).toEqual(bits(seen[1]!));
    expect((await store.last()).best).toEqual({ step: 6, dice: 0.8 });
    const validated = records.filter(({ validationDice }) => validationDice !== undefined);
    expect(validated.map(({ step, validationDice }) => [step, validationDice])).toEqual([
      [3, 0.3],
      [6, 0.8],
      [9, 0.8],
      [12, 0.6],
    ]);
  });

  it('returns the last parameters where there is nothing to validate on', async () => {
    const store = memoryStore();
    const { theta, bestStep } = await train(options({ store, validate: undefined, steps: 5 }));
    expect(bestStep).toBe(5);
    expect(await store.last()).toMatchObject({ step: 5, theta, best: null });
  });

  it('validates and returns the moving average of the parameters, which goes on after an interruption bit for bit', async () => {
    const changes = (part: Partial<TrainerOptions>): TrainerOptions => {
      const { step, ...rest } = options(part);
      return { ...rest, step: { ...step, emaDecay: 0.3 } };
    };
    const seen: Float32Array[] = [];
    const whole = memoryStore();
    const uninterrupted = await train(
      changes({ store: whole, validate: theta => pretendDice(seen[seen.push(theta) - 1]!) }),
    );
    const raw = await train(options({ validate: undefined }));
    const [end, best] = [await whole.last(), await whole.best()];
    expect(bits(end.theta)).toEqual(bits(raw.theta));
    expect(bits(seen[2]!)).toEqual(bits(end.average!));
    expect(bits(uninterrupted.theta)).toEqual(bits(best.average!));
    expect(bits(best.average!)).not.toEqual(bits(best.theta));
    expect(Object.keys(end.state).sort()).toEqual(['adapters', 'm', 'v']);
    expect(uninterrupted.records.map(({ emaDecay }) => emaDecay)).toEqual(
      uninterrupted.records.map((_, step) => Math.min(0.3, (1 + step) / (10 + step))),
    );

    const store = memoryStore();
    const controller = new AbortController();
    const first = train(changes({ store, batches: stoppingAt(5, controller), signal: controller.signal }));
    await expect(first).rejects.toThrow('stopped by hand');
    const resumed = await train(changes({ store }));
    expect(bits(resumed.theta)).toEqual(bits(uninterrupted.theta));
    expect(bits((await store.last()).average!)).toEqual(bits(end.average!));
    expect(withoutSeconds(store.records())).toEqual(withoutSeconds(whole.records()));
  });

  it('averages every parameter by the decay of its step, from the initial ones on', async () => {
    const after = async (steps: number): Promise<Checkpoint> => {
      const store = memoryStore();
      const { step, ...rest } = options({
        store,
        steps,
        validate: undefined,
        schedule: { kind: 'constant', warmupSteps: 0, power: 1 },
      });
      await train({ ...rest, step: { ...step, emaDecay: 0.15 } });
      return store.last();
    };
    const { initialTheta } = options({});
    let expected = [...initialTheta];
    for (const steps of [1, 2, 3]) {
      const { theta, average } = await after(steps);
      const decay = [0.1, 0.15, 0.15][steps - 1]!;
      expected = expected.map((value, index) => decay * value + (1 - decay) * theta[index]!);
      for (const [index, value] of expected.entries()) expect(average![index]).toBeCloseTo(value, 6);
    }
  });

  it('returns the average of the last step where there is nothing to validate on', async () => {
    const { step, ...rest } = options({ validate: undefined, steps: 3 });
    const store = memoryStore();
    const { theta } = await train({ ...rest, store, step: { ...step, emaDecay: 0.9 } });
    const last = await store.last();
    expect(bits(theta)).toEqual(bits(last.average!));
    expect(bits(theta)).not.toEqual(bits(last.theta));
  });

  describe('that follows its validation', () => {
    const scores = [0.3, 0.5, 0.5, 0.4, 0.6, 0.1, 0.2, 0.6, 0.7, 0.1];
    const plateau = {
      kind: 'plateau',
      warmupSteps: 0,
      power: 1,
      factor: 0.5,
      patience: 2,
      smallestRate: 0.004,
    } as const;
    /** Ten validations, one after each step, with these scores. */
    const watching = (changes: Partial<TrainerOptions>): TrainerOptions => {
      const { step, ...rest } = options({ steps: 10, validateEvery: 1, schedule: plateau, ...changes });
      const { distillation: _, ...hard } = step;
      let at = -1;
      const validate = async (): Promise<number> => scores[++at]!;
      return { ...rest, step: hard, validate: changes.validate ?? validate };
    };
    /** The same, told by the number of validations before. */
    const scoresFrom = (first: number): (() => Promise<number>) => {
      let at = first - 1;
      return async () => scores[++at]!;
    };

    it('lowers its rate after so many validations without a better one, to the smallest and no further', async () => {
      const { records, steps } = await train(watching({}));
      const rates = records.map(({ learningRate }) => learningRate);
      expect(steps).toBe(10);
      // a tie is not better: 0.5, 0.4 after 0.5 lower it; then 0.6 is better; 0.1, 0.2 and once more after 0.6 as a tie
      const expected = [0.01, 0.01, 0.01, 0.01, 0.005, 0.005, 0.005, 0.004, 0.004, 0.004];
      for (const [index, rate] of expected.entries()) expect(rates[index], `step ${index + 1}`).toBeCloseTo(rate, 8);
    });

    it('ends after so many validations without a better one, at a checkpoint, and says so', async () => {
      const store = memoryStore();
      const lines: string[] = [];
      const totals: (number | undefined)[] = [];
      const progress = {
        ...silent,
        log: (line: string) => void lines.push(line),
        task: () => ({
          update: (_: number, __?: string, known?: { readonly total?: number }) => void totals.push(known?.total),
          finish: () => {},
        }),
      };
      const result = await train(
        watching({ store, progress, earlyStopPatience: 3, schedule: { kind: 'constant', warmupSteps: 0, power: 1 } }),
      );
      expect([result.steps, result.bestStep, result.records.length]).toEqual([8, 5, 8]);
      expect((await store.last()).plateau).toEqual({ sinceBest: 3, sinceReduction: 3, reductions: 0 });
      expect(lines).toEqual([
        expect.stringMatching(/^student: stopped early at step 8 of 10, since 3 validations in a row/),
      ]);
      expect(totals.at(-1)).toBe(8);
      expect(bits(result.theta)).toEqual(bits((await store.best()).theta));
    });

    it('is not gone on with once it has ended, and returns the same', async () => {
      const store = memoryStore();
      const first = await train(watching({ store, earlyStopPatience: 3 }));
      const batches = batchSource();
      const again = await train(watching({ store, batches, earlyStopPatience: 3 }));
      expect(batches.asked).toEqual([]);
      expect([again.steps, again.bestStep]).toEqual([first.steps, first.bestStep]);
      expect(bits(again.theta)).toEqual(bits(first.theta));
    });

    it.each([3, 5, 6, 7])('goes on after an interruption at step %i with the same rates and the same end', async at => {
      const whole = memoryStore();
      const uninterrupted = await train(watching({ store: whole, earlyStopPatience: 4 }));
      const store = memoryStore();
      const controller = new AbortController();
      const first = watching({
        store,
        earlyStopPatience: 4,
        batches: stoppingAt(at - 1, controller),
        signal: controller.signal,
      });
      await expect(train(first)).rejects.toThrow('stopped by hand');
      const resumed = await train(watching({ store, earlyStopPatience: 4, validate: scoresFrom(at) }));
      expect(resumed.steps).toBe(uninterrupted.steps);
      expect(bits(resumed.theta)).toEqual(bits(uninterrupted.theta));
      expect(withoutSeconds(store.records())).toEqual(withoutSeconds(whole.records()));
      expect((await store.last()).plateau).toEqual((await whole.last()).plateau);
    });

    it('keeps no such state in its checkpoints where nothing follows from it', async () => {
      const store = memoryStore();
      await train(watching({ store, schedule: { kind: 'constant', warmupSteps: 0, power: 1 } }));
      expect(await store.last()).not.toHaveProperty('plateau');
    });
  });

  it('takes the same step from micro-batches as from one batch of them all', async () => {
    const of = (samples: number, accumulate: number): TrainerOptions => {
      const { step, ...rest } = options({ learningRate: 0.1, validate: undefined, steps: 4 });
      const settings = {
        ...step,
        imageShape: imageShape.with(0, samples),
        optimizer: sgd({ momentum: 0.9, nesterov: true }),
      };
      const parts = (first: number, count: number): Batch[] =>
        Array.from({ length: count }, (_, index) => ball(first + index));
      const joined = (position: number): Batch => {
        const found = parts(position * samples, samples);
        return {
          image: Float32Array.from(found.flatMap(({ image }) => [...image])),
          label: Int32Array.from(found.flatMap(({ label }) => [...label])),
          caseIds: found.flatMap(({ caseIds }) => caseIds),
          epoch: found[0]!.epoch,
        };
      };
      return { ...rest, batches: batchSource(joined), step: { ...settings, accumulate, emaDecay: 0.5 } };
    };
    const [whole, parts] = [memoryStore(), memoryStore()];
    const large = await train({ ...of(4, 1), store: whole });
    const small = await train({ ...of(1, 4), store: parts });
    const [left, right] = [await whole.last(), await parts.last()];
    const pairs = [
      [left.theta, right.theta],
      [left.average!, right.average!],
      ...Object.keys(left.state).map(name => [left.state[name]!, right.state[name]!] as const),
    ] as const;
    expect(Object.keys(right.state).sort()).toEqual(['adapters', 'm']);
    for (const [a, b] of pairs) expect(relativeError(b, a)).toBeLessThan(1e-5);
    expect(relativeError(left.theta, options({}).initialTheta)).toBeGreaterThan(0.05);
    large.records.forEach(({ losses, learningRate, epoch }, index) => {
      const other = small.records[index]!;
      expect([other.learningRate, other.epoch]).toEqual([learningRate, epoch]);
      for (const [name, value] of Object.entries(losses)) expect(other.losses[name]! / value, name).toBeCloseTo(1, 4);
    });
  });

  it('leaves a step whose micro-batches are not all done, and goes on from the one before bit for bit', async () => {
    const accumulated = (part: Partial<TrainerOptions>): TrainerOptions => {
      const { step, ...rest } = options({ steps: 6, validateEvery: 2, ...part });
      return { ...rest, step: { ...step, accumulate: 3 } };
    };
    const whole = memoryStore();
    const uninterrupted = await train(accumulated({ store: whole }));
    const store = memoryStore();
    const controller = new AbortController();
    // the second micro-batch of the fourth step
    const first = stoppingAt(10, controller);
    await expect(train(accumulated({ store, batches: first, signal: controller.signal }))).rejects.toThrow('by hand');
    expect(first.asked.at(-1)).toBe(10);
    expect((await store.last()).step).toBe(3);
    const batches = batchSource();
    const resumed = await train(accumulated({ store, batches }));
    expect(batches.asked[0]).toBe(9);
    expect(bits(resumed.theta)).toEqual(bits(uninterrupted.theta));
    expect((await store.last()).state).toEqual((await whole.last()).state);
    expect(withoutSeconds(store.records())).toEqual(withoutSeconds(whole.records()));
  });

  it('takes running statistics from every micro-batch', async () => {
    const normalized = smallUnet([4], 'batch');
    const { step, ...rest } = options({ steps: 1, validate: undefined });
    const { distillation: _, ...hard } = { ...step, student: normalized, imageShape };
    const run = async (accumulate: number): Promise<Float32Array> => {
      const batches = batchSource(() => ball(0));
      const initialTheta = initialize(normalized.specs, name => random(3, name));
      return (await train({ ...rest, batches, initialTheta, store: lostStore, step: { ...hard, accumulate } })).theta;
    };
    const running = normalized.specs.find(({ role }) => role === 'buffer')!;
    const at = normalized.specs
      .slice(0, normalized.specs.indexOf(running))
      .reduce((sum, spec) => sum + elementCount(spec.shape), 0);
    const [once, twice] = [(await run(1))[at]!, (await run(2))[at]!];
    // r' = 0.9 r + 0.1 mean, from 0
    expect(twice / once).toBeCloseTo(1.9, 4);
  });

  it('learns the same from a teacher outside of the graph that sees the same patches', async () => {
    const inside = await train(options({}));
    const builder = new GraphBuilder();
    const outputs: Record<string, Value> = {};
    const parameters = constantParameters(builder, teacherTheta, teacher.specs);
    const tap = (name: string, feature: Value): void => void Object.assign(outputs, { [name]: feature });
    tap('logits', teacher.network(builder, builder.input('image', imageShape), { ...parameters, tap }));
    const session = await engine.load(encodeModel(lower({ outputs }, { block: 0 })));
    const { step, ...rest } = options({
      callTeacher: async (_, { image }) => {
        const { logits, ...features } = await session.run({ image: tensor('float32', image, imageShape) });
        return { logits: logits!, features };
      },
    });
    const terms = step.distillation!.terms;
    const features = { encoder0: outputs['encoder0']!.shape };
    const outside = await train({ ...rest, step: { ...step, distillation: { teacher: { features }, terms } } });
    await session.dispose();
    outside.records.forEach(({ losses }, index) => {
      for (const name of ['kd', 'hint']) {
        expect(losses[name]! / inside.records[index]!.losses[name]!, name).toBeCloseTo(1, 4);
      }
      expect(losses['total']! / inside.records[index]!.losses['total']!).toBeCloseTo(1, 4);
    });
  });
});
