/** Stochastic gradient descent with momentum as graph nodes over flat vectors. */
import type { Value } from '../graph/graph.ts';
import type { Optimizer } from './optimizer.ts';

export interface SgdOptions {
  readonly momentum: number;
  readonly nesterov: boolean;
}

/**
 * m' = mu m + g;  theta' = theta - lr (g + mu m') with Nesterov's look-ahead, theta - lr m' without (PyTorch's form).
 * @see https://proceedings.mlr.press/v28/sutskever13.html
 */
export function sgd({ momentum, nesterov }: SgdOptions): Optimizer {
  return {
    stateNames: ['m'],
    betas: [0, 0],
    update({ builder, theta, gradient, state, learningRate }) {
      const next = builder.add(builder.mul(state[0] as Value, momentum), gradient);
      const move = nesterov ? builder.add(gradient, builder.mul(next, momentum)) : next;
      return { theta: builder.sub(theta, builder.mul(move, learningRate)), state: [next] };
    },
  };
}
