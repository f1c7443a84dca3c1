/** Optimizers over five steps, against PyTorch and against loops written out in float64. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/graph/graph.ts';
import { adam, biasCorrections } from '../../../src/optim/adam.ts';
import type { Optimizer } from '../../../src/optim/optimizer.ts';
import { sgd } from '../../../src/optim/sgd.ts';
import { evaluate } from '../../support/evaluate.ts';

interface Goldens {
  readonly start: readonly number[];
  readonly gradients: readonly (readonly number[])[];
  readonly paths: Readonly<Record<string, readonly (readonly number[])[]>>;
}

const goldens = JSON.parse(
  readFileSync(new URL('../../fixtures/optimizer-goldens.json', import.meta.url), 'utf8'),
) as Goldens;
const COUNT = goldens.start.length;

/** The parameters after every step; each step runs the graph on the state that the one before gave. */
function pathOf(optimizer: Optimizer, learningRate: number): number[][] {
  const builder = new GraphBuilder();
  const vector = (name: string) => builder.input(name, [COUNT]);
  const { theta, state } = optimizer.update({
    builder,
    theta: vector('theta'),
    gradient: vector('gradient'),
    state: optimizer.stateNames.map(vector),
    learningRate: builder.input('learningRate', []),
    bias: [builder.input('bias1', []), builder.input('bias2', [])],
  });
  const outputs = { theta, ...Object.fromEntries(optimizer.stateNames.map((name, index) => [name, state[index]!])) };
  let own: Record<string, Float64Array> = {
    theta: Float64Array.from(goldens.start),
    ...Object.fromEntries(optimizer.stateNames.map(name => [name, new Float64Array(COUNT)])),
  };
  return goldens.gradients.map((gradient, step) => {
    const [bias1, bias2] = biasCorrections(optimizer, step);
    own = evaluate(outputs, {
      ...own,
      gradient: Float64Array.from(gradient),
      learningRate: Float64Array.of(learningRate),
      bias1: Float64Array.of(bias1),
      bias2: Float64Array.of(bias2),
    });
    return [...own['theta']!];
  });
}

/** Constants of a graph are float32, so 0.9 is right to seven digits. */
function expectPath(actual: readonly (readonly number[])[], expected: readonly (readonly number[])[]): void {
  expect(actual).toHaveLength(5);
  actual.forEach((theta, step) => {
    theta.forEach((value, index) => {
      expect(Math.abs(value - expected[step]![index]!), `step ${step}, entry ${index}`).toBeLessThan(2e-7);
    });
  });
}

const everywhere = (count: number): Float32Array => new Float32Array(count).fill(1);
const DEFAULTS = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };

describe('the optimizers', () => {
  it.each([
    { name: 'adam', optimizer: adam(DEFAULTS, everywhere), learningRate: 0.01 },
    {
      name: 'adam, other settings',
      optimizer: adam({ beta1: 0.5, beta2: 0.75, epsilon: 0.01, weightDecay: 0 }, everywhere),
      learningRate: 0.1,
    },
    { name: 'adamw', optimizer: adam({ ...DEFAULTS, weightDecay: 0.1 }, everywhere), learningRate: 0.01 },
    { name: 'sgd', optimizer: sgd({ momentum: 0.9, nesterov: false }), learningRate: 0.1 },
    { name: 'sgd, nesterov', optimizer: sgd({ momentum: 0.99, nesterov: true }), learningRate: 0.1 },
    { name: 'sgd, plain', optimizer: sgd({ momentum: 0, nesterov: false }), learningRate: 0.1 },
  ])('take five steps as PyTorch does: $name', ({ name, optimizer, learningRate }) => {
    expectPath(pathOf(optimizer, learningRate), goldens.paths[name]!);
  });

  it('follow the formula of Adam, with decay only where the mask says', () => {
    const mask = Float32Array.of(1, 0, 1, 0);
    const theta = [...goldens.start];
    const [m, v] = [new Float64Array(COUNT), new Float64Array(COUNT)];
    const expected = goldens.gradients.map((gradient, step) => {
      gradient.forEach((g, index) => {
        m[index] = 0.9 * m[index]! + 0.1 * g;
        v[index] = 0.99 * v[index]! + 0.01 * g * g;
        const move = m[index]! / (1 - 0.9 ** (step + 1)) / (Math.sqrt(v[index]! / (1 - 0.99 ** (step + 1))) + 1e-8);
        theta[index] = theta[index]! - 0.02 * (move + 0.5 * mask[index]! * theta[index]!);
      });
      return [...theta];
    });
    const optimizer = adam({ beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.5 }, () => mask);
    expectPath(pathOf(optimizer, 0.02), expected);
  });

  it('follow the formula of Nesterov: the step looks ahead along the momentum', () => {
    const theta = [...goldens.start];
    const m = new Float64Array(COUNT);
    const expected = goldens.gradients.map(gradient => {
      gradient.forEach((g, index) => {
        m[index] = 0.8 * m[index]! + g;
        theta[index] = theta[index]! - 0.05 * (g + 0.8 * m[index]!);
      });
      return [...theta];
    });
    expectPath(pathOf(sgd({ momentum: 0.8, nesterov: true }), 0.05), expected);
  });

  it('keep a parameter without gradient where it is, unless it decays', () => {
    const first = (optimizer: Optimizer): number => pathOf(optimizer, 0.1).at(-1)![0]!;
    expect(first(adam(DEFAULTS, everywhere))).toBe(0.5);
    expect(first(sgd({ momentum: 0.9, nesterov: true }))).toBe(0.5);
    expect(first(adam({ ...DEFAULTS, weightDecay: 0.1 }, everywhere))).toBeCloseTo(0.5 * 0.99 ** 5, 6);
  });
});

describe('biasCorrections', () => {
  it('are 1 / (1 - beta^t) with t from 1, and 1 without moments', () => {
    expect(biasCorrections(adam(DEFAULTS, everywhere), 0)[0]).toBeCloseTo(10, 10);
    expect(biasCorrections(adam(DEFAULTS, everywhere), 2)[1]).toBeCloseTo(1 / (1 - 0.999 ** 3), 6);
    expect(biasCorrections(sgd({ momentum: 0.9, nesterov: true }), 3)).toEqual([1, 1]);
  });
});
