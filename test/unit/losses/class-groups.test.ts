/**
 * A student whose probabilities add up to the teacher's is at the goal, whatever the temperature and however it shares
 * them out.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gradient } from '../../../src/autodiff/gradient.ts';
import { GraphBuilder } from '../../../src/graph/graph.ts';
import { groupedLogits } from '../../../src/losses/distillation/class-groups.ts';
import { softTargetLoss } from '../../../src/losses/distillation/logits.ts';
import { evaluate } from '../../support/evaluate.ts';

const GROUPS = [[0], [1, 2, 3]];

function run(student: readonly number[], teacher: readonly number[], temperature: number) {
  const builder = new GraphBuilder();
  const [s, t] = [
    builder.input('student', [1, student.length, 1, 1, 1]),
    builder.input('teacher', [1, teacher.length, 1, 1, 1]),
  ];
  const grouped = groupedLogits(builder, s, GROUPS);
  const value = softTargetLoss(builder, grouped, t, {
    temperature: builder.input('temperature', []),
    weights: 'uniform',
  });
  const [ds] = gradient(builder, value, [s]);
  return evaluate(
    { grouped, value, ds: ds! },
    {
      student: Float64Array.from(student),
      teacher: Float64Array.from(teacher),
      temperature: Float64Array.of(temperature),
    },
  ) as Record<'grouped' | 'value' | 'ds', Float64Array>;
}

describe('a student whose classes are one for the teacher', () => {
  it("has lost nothing, and is pulled nowhere, where its probabilities add up to the teacher's", () => {
    const logit = fc.double({ min: -30, max: 30, noNaN: true });
    fc.assert(
      fc.property(fc.tuple(logit, logit, logit, logit), fc.constantFrom(0.5, 1, 2, 20), (student, temperature) => {
        const [background, ...parts] = student;
        // log of the odds of the whole group
        const odds = Math.log(parts.reduce((sum, part) => sum + Math.exp(part - background), 0));
        const { value, ds } = run(student, [0, odds], temperature);
        expect(value[0]).toBeCloseTo(0, 9);
        for (const slope of ds) expect(slope).toBeCloseTo(0, 9);
      }),
    );
  });

  it('is pulled to the teacher by the shares of its classes: T (q - p) of the group, by softmax within', () => {
    const [student, teacher, temperature] = [[1, 0, 2, -1], [0.5, 3], 3];
    const { ds, grouped } = run(student, teacher, temperature);
    const within = student.slice(1).map(z => Math.exp(z));
    const total = within.reduce((sum, part) => sum + part, 0);
    expect(grouped[1]).toBeCloseTo(Math.log(total), 12);
    const [p, q] = [teacher, [1, Math.log(total)]].map(([a, b]) => 1 / (1 + Math.exp((a! - b!) / temperature)));
    const pull = temperature * (q! - p!);
    within.forEach((part, index) => void expect(ds[index + 1]).toBeCloseTo((pull * part) / total, 12));
    expect(ds[0]).toBeCloseTo(-pull, 12);
  });

  it('has finite logits and slopes at logits far apart', () => {
    const { grouped, ds } = run([0, -800, 900, 300], [0, 0], 1);
    expect(grouped[1]).toBe(900);
    expect([...ds].every(Number.isFinite)).toBe(true);
  });
});
