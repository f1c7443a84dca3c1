/** Labels in the classes of a teacher, voxel by voxel. */
import { expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/graph/graph.ts';
import type { HardLossOptions } from '../../../src/training/hard-loss.ts';
import { taughtMaps } from '../../../src/training/taught-classes.ts';
import { evaluate } from '../../support/evaluate.ts';
import { HARD_LOSS } from '../../support/training-steps.ts';

const LABELS = [0, 1, 2, 3];

/** One map per class of the teacher, of voxels labelled 0, 1, 2 and 3. */
function mapsOf(
  hardLoss: Pick<HardLossOptions, 'regions'> & { readonly kind: 'categorical' | 'binary' },
  channels: number,
  groups?: readonly (readonly number[])[],
): number[][] {
  const builder = new GraphBuilder();
  const { kind, regions } = hardLoss;
  const maps = taughtMaps(builder, builder.input('label', [1, 1, 1, 1, 4], 'int32'), {
    channels,
    hardLoss: { ...HARD_LOSS, crossEntropy: { ...HARD_LOSS.crossEntropy, kind }, regions },
    groups,
  });
  const values = [...evaluate({ maps }, { label: Float64Array.from(LABELS) })['maps']!];
  return Array.from({ length: values.length / LABELS.length }, (_, index) =>
    values.slice(index * LABELS.length, (index + 1) * LABELS.length),
  );
}

it('adds exclusive classes up in groups', () => {
  expect(
    mapsOf({ kind: 'categorical' }, 4, [
      [0, 3],
      [2, 1],
    ]),
  ).toEqual([
    [1, 0, 0, 1],
    [0, 1, 1, 0],
  ]);
});

it('takes what no independent class claims as background, also where a class is unknown to the teacher', () => {
  expect(mapsOf({ kind: 'binary' }, 3)).toEqual([
    [1, 0, 0, 0],
    [0, 1, 0, 0],
    [0, 0, 1, 0],
    [0, 0, 0, 1],
  ]);
  expect(mapsOf({ kind: 'binary' }, 3, [[2], [0]])).toEqual([
    [1, 0, 1, 0],
    [0, 0, 0, 1],
    [0, 1, 0, 0],
  ]);
});

it('has a voxel in every region that covers its label', () => {
  expect(mapsOf({ kind: 'binary', regions: [[1, 2, 3], [2]] }, 2)).toEqual([
    [1, 0, 0, 0],
    [0, 1, 1, 1],
    [0, 0, 1, 0],
  ]);
});
