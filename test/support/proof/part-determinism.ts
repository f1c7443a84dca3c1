/** Part `determinism` of `npm run prove`: the same recipe comes to the same bytes, whatever is around it. */
import { hasSlurm, startSlurm } from '../slurm.ts';
import { repeatAll } from './determinism.ts';
import type { Part } from './part.ts';

/** What a number of threads may change: the order of sums, in float32. */
const TOLERANCE = 1e-3;

/** Identical, or within the tolerance where the number of threads differs. */
export const determinism: Part = async (ground, { say }) => {
  const slurm = hasSlurm ? await startSlurm() : undefined;
  let isProven = true;
  try {
    for await (const { name, differing, lossDifference } of repeatAll(ground, slurm)) {
      const isIdentical = differing.length === 0;
      const isTolerated = name.endsWith('two threads') && lossDifference < TOLERANCE;
      if (!isIdentical && !isTolerated) isProven = false;
      const much = `losses within ${lossDifference.toExponential(1)}: ${differing.join(', ')}`;
      say(`determinism, ${name}: ${isIdentical ? 'identical' : `different, ${much}`}`);
    }
  } finally {
    await slurm?.stop();
  }
  return isProven;
};
