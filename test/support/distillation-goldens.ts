/**
 * The cases of test/fixtures/make-distillation-goldens.py: each distillation term alone, on inputs, and the numbers
 * that go in.
 */
import { readFileSync } from 'node:fs';
import { elementCount, type Shape } from '../../src/core/shape.ts';
import { sideOf } from '../../src/distillation/context.ts';
import { type DistillationTerm, distillationValues } from '../../src/distillation/terms.ts';
import { GraphBuilder, type Value } from '../../src/graph/graph.ts';
import { taughtLayers, taughtMaps } from '../../src/training/taught-classes.ts';
import { goldensStream } from './goldens-stream.ts';
import { HARD_LOSS } from './training-steps.ts';

export type Shapes = Readonly<Record<string, Shape>>;

export interface Golden {
  readonly name: string;
  readonly term: DistillationTerm;
  readonly activation: 'softmax' | 'sigmoid';
  readonly temperature: number | null;
  readonly student: Shapes;
  readonly teacher: Shapes;
  readonly labelled: number;
  readonly halves: boolean;
  /** The student's channels of each class of the teacher, where it has fewer. */
  readonly groups?: readonly (readonly number[])[];
  readonly value: number;
}

export type Feeds = Record<string, Float64Array>;

export const { cases }: { readonly cases: readonly Golden[] } = JSON.parse(
  readFileSync(new URL('../fixtures/distillation-goldens.json', import.meta.url), 'utf8'),
);

/** The term as the trainer has it: schedules in place of the one number of the fixture. */
const termOf = ({ term, temperature }: Golden): DistillationTerm =>
  ({
    ...term,
    weight: 1,
    ...(temperature === null ? {} : { temperature: temperature }),
  }) as DistillationTerm;

/** Builds a term over inputs `student <layer>` and `teacher <layer>`. */
export function buildTerm(golden: Golden) {
  const builder = new GraphBuilder();
  const inputs = (what: string, shapes: Shapes): Map<string, Value> =>
    new Map(
      Object.entries(shapes).map(([name, shape]) => [
        name,
        builder.scope(what, () => builder.input(`${what} ${name}`, shape)),
      ]),
    );
  const [student, teacher] = [inputs('student', golden.student), inputs('teacher', golden.teacher)];
  const { activation, groups } = golden;
  const channels = golden.student['logits']![1]!;
  const [, , ...space] = golden.teacher['logits']!;
  const label = builder.input('label', [golden.labelled, 1, ...space], 'int32');
  const kind = activation === 'sigmoid' ? 'binary' : 'categorical';
  const hardLoss = { ...HARD_LOSS, crossEntropy: { ...HARD_LOSS.crossEntropy, kind } } as const;
  const adapters = new Map<string, Value>();
  const [term] = distillationValues(
    {
      builder,
      student: sideOf('student', taughtLayers(builder, student, groups)),
      teacher: sideOf('teacher', teacher),
      activation,
      labelled: taughtMaps(builder, label, { channels, hardLoss, groups }),
      hyper: name => builder.input(name, []),
      adapter: ({ name, shape }) => {
        const value = builder.input(name, shape);
        adapters.set(name, value);
        return value;
      },
    },
    [termOf(golden)],
  );
  return { builder, student, teacher, adapters, value: term!.value };
}

/** The inputs that the fixture's script documents. */
export function feedsOf({ term, temperature, student, teacher, labelled, halves }: Golden): Feeds {
  const feeds: Feeds = {};
  const draw = (seed: number, shapes: Shapes, what: string, value: (u: number) => number): void => {
    const next = goldensStream(seed);
    for (const [name, shape] of Object.entries(shapes)) {
      feeds[`${what}${name}`] = Float64Array.from({ length: elementCount(shape) }, () => Math.fround(value(next())));
    }
  };
  draw(11, student, 'student ', u => 4 * (2 * u - 1));
  draw(12, teacher, 'teacher ', u => 4 * (2 * u - 1));
  const [, classes, ...space] = teacher['logits'] as readonly number[];
  draw(13, { label: [labelled, ...space] }, '', u => Math.floor(student['logits']![1]! * u));
  if ('teacherLayer' in term) {
    const [from, to] = [student[term.studentLayer]![1]!, teacher[term.teacherLayer]![1]!];
    const name = `${term.name}.adapter`;
    draw(14, { [`${name}.weight`]: [to, from], [`${name}.bias`]: [to] }, '', u => 2 * u - 1);
  }
  if (temperature !== null) feeds[`${term.name}.temperature`] = Float64Array.of(temperature);
  if (!halves) return feeds;
  const width = space.at(-1)!;
  const size = elementCount(space);
  feeds['teacher logits'] = feeds['teacher logits']!.map((logit, index) => {
    const channel = Math.floor(index / size) % (classes as number);
    return logit + (channel === (index % width < width / 2 ? 0 : 1) ? 8 : 0);
  });
  return feeds;
}
