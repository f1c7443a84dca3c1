import { expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import { GraphBuilder } from '../../../src/graph/graph.ts';
import { classBoundary } from '../../../src/losses/distillation/boundary.ts';
import { evaluate } from '../../support/evaluate.ts';

it('a boundary is where the 26 neighbours in the patch have another class, on every axis and across corners', () => {
  const [depth, height, width] = [7, 1, 9];
  const source = random(1, 'classes');
  const classes = Float64Array.from({ length: 2 * depth * height * width }, () => (source.uniform() < 0.08 ? 2 : 1));
  const at = (n: number, z: number, y: number, x: number): number | undefined =>
    z < 0 || y < 0 || x < 0 || z >= depth || y >= height || x >= width
      ? undefined
      : classes[((n * depth + z) * height + y) * width + x];
  const expected: number[] = [];
  for (const n of [0, 1]) {
    for (let z = 0; z < depth; z++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const around = [-1, 0, 1].flatMap(dz =>
            [-1, 0, 1].flatMap(dy => [-1, 0, 1].map(dx => at(n, z + dz, y + dy, x + dx))),
          );
          expected.push(around.some(other => other !== undefined && other !== at(n, z, y, x)) ? 1 : 0);
        }
      }
    }
  }
  const builder = new GraphBuilder();
  const input = builder.input('classes', [2, 1, depth, height, width]);
  const { boundary } = evaluate({ boundary: classBoundary(builder, input) }, { classes });
  expect([...boundary!]).toEqual(expected);
  expect(expected.filter(Boolean).length).toBeGreaterThan(5);
  expect(expected.filter(value => value === 0).length).toBeGreaterThan(5);
});
