/** The hard loss on label maps: which channel learns which labels. */
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/graph/graph.ts';
import { type HardLossOptions, hardLossTerms } from '../../../src/training/hard-loss.ts';
import { evaluate } from '../../support/evaluate.ts';
import { draw } from '../../support/operator-cases.ts';

const SHAPE = [1, 2, 1, 2, 3];
const LABELS = [0, 1, 2, 3, 3, 0];
const LOGITS = draw({ shape: SHAPE, draw: 'signed' }, 'regions');

const BINARY: HardLossOptions = {
  crossEntropy: { weight: 1, kind: 'binary', classWeights: 'uniform' },
  dice: { weight: 0, batch: true, background: true, squared: false, smooth: 0 },
};

function crossEntropy(options: HardLossOptions): number {
  const builder = new GraphBuilder();
  const label = builder.input('label', [1, 1, 1, 2, 3], 'int32');
  const [term] = hardLossTerms(builder, builder.input('logits', SHAPE), label, options);
  return evaluate({ value: term!.value }, { logits: LOGITS, label: Float64Array.from(LABELS) })['value']![0]!;
}

/** Mean over voxels and channels of - y log s - (1 - y) log (1 - s), s = 1 / (1 + exp(-z)). */
function expected(isMember: (channel: number, label: number) => boolean): number {
  let sum = 0;
  for (let channel = 0; channel < 2; channel++) {
    LABELS.forEach((label, voxel) => {
      const z = LOGITS[channel * 6 + voxel]!;
      sum += Math.log(1 + Math.exp(isMember(channel, label) ? -z : z));
    });
  }
  return sum;
}

describe('hardLossTerms with independent channels', () => {
  it('teaches channel k the class k + 1, or the labels of the k-th region', () => {
    const plain = crossEntropy(BINARY);
    const regions = [[1, 2, 3], [3]];
    const ofRegions = crossEntropy({ ...BINARY, regions });
    // both are the same multiple of the sum, so their ratio is that of the sums
    const ratio =
      expected((channel, label) => regions[channel]!.includes(label)) /
      expected((channel, label) => label === channel + 1);
    expect(ofRegions / plain).toBeCloseTo(ratio, 6);
    expect(ratio).not.toBeCloseTo(1, 1);
  });
});
