/** The update of a step, by closed forms: on what penalties act, and on what they do not. */
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/graph/graph.ts';
import { flatParameters, type ParameterSpec } from '../../../src/nn/parameters.ts';
import { adam } from '../../../src/optim/adam.ts';
import { averageDecay } from '../../../src/optim/moving-average.ts';
import type { Optimizer } from '../../../src/optim/optimizer.ts';
import { sgd } from '../../../src/optim/sgd.ts';
import { kernelMask, update } from '../../../src/training/update.ts';
import { evaluate } from '../../support/evaluate.ts';

const KERNEL: ParameterSpec = {
  name: 'conv.weight',
  shape: [1, 2, 1, 1, 1],
  initializer: { kind: 'normal', gain: 2 },
  role: 'kernel',
};
const BIAS: ParameterSpec = {
  name: 'conv.bias',
  shape: [3],
  initializer: { kind: 'constant', value: 0 },
  role: 'vector',
};

describe('the mask of penalties', () => {
  it('is 1 at the entries of kernels alone, in the order of the vector, and 0 beyond it', () => {
    expect([...kernelMask([BIAS, KERNEL])]).toEqual([0, 0, 0, 1, 1]);
    expect([...kernelMask([KERNEL, BIAS], 7)]).toEqual([1, 1, 0, 0, 0, 0, 0]);
  });
});

const RUNNING: ParameterSpec = {
  name: 'norm.runningMean',
  shape: [1],
  initializer: { kind: 'constant', value: 0 },
  role: 'buffer',
};

describe('the moving average', () => {
  it('moves by a share of 1 - decay towards the next parameters and the next running statistics', () => {
    const specs = [KERNEL, RUNNING];
    const builder = new GraphBuilder();
    const theta = builder.input('theta', [3]);
    const { values } = flatParameters(builder, theta, specs);
    const build = (emaDecay: number | null) =>
      update(
        builder,
        {
          ...{ student: { network: () => theta, specs }, optimizer: sgd({ momentum: 0, nesterov: false }) },
          ...{ regularization: { l1: 0, l2: 0 }, clipNorm: null, emaDecay },
        },
        {
          total: builder.total(values.get('conv.weight')!),
          hyper: name => builder.input(name, []),
          ...{ theta, values, adapters: undefined },
          updates: new Map([['norm.runningMean', builder.mul(values.get('norm.runningMean')!, 10)]]),
        },
      ).outputs;
    const feeds = {
      ...{ theta: Float64Array.of(2, -3, 5), m: new Float64Array(2), learningRate: Float64Array.of(0.5) },
      ...{ average: Float64Array.of(1, 1, 1), emaDecay: Float64Array.of(0.75) },
    };
    const outputs = build(0.99);
    expect([...evaluate({ next: outputs['theta.next']! }, feeds)['next']!]).toEqual([1.5, -3.5, 50]);
    expect([...evaluate({ next: outputs['average.next']! }, feeds)['next']!]).toEqual([1.125, -0.125, 13.25]);
    expect(Object.keys(build(null))).toEqual(['theta.next', 'm.next']);
  });

  it('forgets the initial parameters by a decay that rises to its value', () => {
    const decays = [0, 1, 2, 90, 91, 1000].map(step => averageDecay(0.91, step));
    expect(decays).toEqual([0.1, 2 / 11, 3 / 12, 91 / 100, 0.91, 0.91]);
  });
});

/** The next parameters where the loss is flat, so that only penalties and decay move them. */
function nextOf(optimizer: Optimizer, regularization: { readonly l1: number; readonly l2: number }): number[] {
  const specs = [KERNEL, BIAS];
  const builder = new GraphBuilder();
  const theta = builder.input('theta', [5]);
  const { values } = flatParameters(builder, theta, specs);
  const { outputs } = update(
    builder,
    { student: { network: () => theta, specs }, optimizer, regularization, clipNorm: null },
    {
      total: builder.mul(builder.total(theta), 0),
      hyper: name => builder.input(name, []),
      theta,
      values,
      updates: new Map(),
      adapters: undefined,
    },
  );
  const feeds = {
    theta: Float64Array.of(2, -3, 5, -7, 11),
    learningRate: Float64Array.of(0.5),
    biasCorrection1: Float64Array.of(1),
    biasCorrection2: Float64Array.of(1),
    ...Object.fromEntries(optimizer.stateNames.map(name => [name, new Float64Array(5)])),
  };
  return [...evaluate({ next: outputs['theta.next']! }, feeds)['next']!];
}

describe('on a flat loss', () => {
  const plain = sgd({ momentum: 0, nesterov: false });

  it('an L2 penalty shrinks kernels by twice its size, an L1 penalty by its size, and neither touches a bias', () => {
    expect(nextOf(plain, { l1: 0, l2: 0.1 })).toEqual([
      expect.closeTo(2 - 0.5 * 0.2 * 2, 6),
      expect.closeTo(-3 + 0.5 * 0.2 * 3, 6),
      5,
      -7,
      11,
    ]);
    expect(nextOf(plain, { l1: 0.4, l2: 0 })).toEqual([expect.closeTo(1.8, 6), expect.closeTo(-2.8, 6), 5, -7, 11]);
  });

  it('decoupled decay acts on the entries of its mask alone', () => {
    const options = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1 };
    const decaying = adam(options, count => kernelMask([KERNEL, BIAS], count));
    expect(nextOf(decaying, { l1: 0, l2: 0 })).toEqual([expect.closeTo(1.9, 6), expect.closeTo(-2.85, 6), 5, -7, 11]);
  });
});
