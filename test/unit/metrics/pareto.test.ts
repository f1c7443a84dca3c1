/** Pareto fronts, on points whose front can be seen by eye, and by the definition on random ones. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { paretoFront } from '../../../src/metrics/pareto.ts';

it('is what no other point beats in score and cost at once, cheapest first', () => {
  const points = [
    { name: 'large', score: 0.88, cost: 100 },
    { name: 'wasteful', score: 0.8, cost: 50 },
    { name: 'small', score: 0.85, cost: 10 },
    { name: 'tiny', score: 0.6, cost: 2 },
    { name: 'as good but dearer', score: 0.88, cost: 101 },
    { name: 'as cheap but worse', score: 0.84, cost: 10 },
  ];
  expect(paretoFront(points)).toEqual(['tiny', 'small', 'large']);
});

it('keeps equal points and leaves out what has no number', () => {
  const twin = { score: 0.5, cost: 1 };
  const points = [
    { name: 'a', ...twin },
    { name: 'b', ...twin },
    { name: 'unknown', score: Number.NaN, cost: 0 },
  ];
  expect(paretoFront(points)).toEqual(['a', 'b']);
  expect(paretoFront([])).toEqual([]);
});

it('rises in score with cost, and every point outside is beaten by one inside', () => {
  const points = fc.array(fc.record({ score: fc.integer({ min: 0, max: 9 }), cost: fc.integer({ min: 0, max: 9 }) }));
  fc.assert(
    fc.property(points, raw => {
      const all = raw.map((point, index) => ({ name: String(index), ...point }));
      const front = paretoFront(all).map(name => all[Number(name)]!);
      for (const [index, point] of front.slice(1).entries()) {
        const before = front[index]!;
        expect(point.score > before.score || (point.score === before.score && point.cost === before.cost)).toBe(true);
      }
      for (const point of all.filter(one => !front.includes(one))) {
        expect(front.some(one => one.score >= point.score && one.cost <= point.cost)).toBe(true);
      }
    }),
  );
});
