/** Adam and AdamW as graph nodes over flat vectors. */
import type { Value } from '../graph/graph.ts';
import type { Optimizer } from './optimizer.ts';

export interface AdamOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled weight decay of AdamW; 0 is plain Adam. */
  readonly weightDecay: number;
}

/**
 * m' = b1 m + (1 - b1) g,  v' = b2 v + (1 - b2) g^2,
 * theta' = theta - lr (m' / (1 - b1^t) / (sqrt(v' / (1 - b2^t)) + e) + decay theta).
 * @param decayMask 1 where weight decay acts, [n]; scalar 1 for everywhere
 * @see arXiv:1412.6980, arXiv:1711.05101
 */
export function adam(options: AdamOptions, decayMask: (count: number) => Float32Array): Optimizer {
  const { beta1, beta2, epsilon, weightDecay } = options;
  return {
    stateNames: ['m', 'v'],
    betas: [beta1, beta2],
    update({ builder, theta, gradient, state, learningRate, bias }) {
      const [m, v] = state as readonly [Value, Value];
      const nextM = builder.add(m, builder.mul(builder.sub(gradient, m), 1 - beta1));
      const nextV = builder.add(builder.mul(v, beta2), builder.mul(builder.mul(gradient, gradient), 1 - beta2));
      const deviation = builder.add(builder.sqrt(builder.mul(nextV, bias[1])), epsilon);
      const move = builder.div(builder.mul(nextM, builder.mul(learningRate, bias[0])), deviation);
      const next = builder.sub(theta, move);
      if (weightDecay === 0) return { theta: next, state: [nextM, nextV] };
      const count = theta.shape[0] as number;
      const mask = builder.constant({ dataType: 'float32', shape: [count], data: decayMask(count) });
      const decay = builder.mul(builder.mul(theta, mask), builder.mul(learningRate, weightDecay));
      return { theta: builder.sub(next, decay), state: [nextM, nextV] };
    },
  };
}

/**
 * Bias corrections of the moments at a step, 1 / (1 - beta^t) with t counted from 1.
 * @param step from 0
 * @see arXiv:1412.6980, section 3
 */
export function biasCorrections({ betas }: Optimizer, step: number): readonly [number, number] {
  const [first, second] = betas.map(beta => 1 / (1 - beta ** (step + 1)));
  return [first as number, second as number];
}
