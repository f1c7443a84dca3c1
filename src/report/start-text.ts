/** With which parameters the arms of a run begin, in words: what student and baseline share, and what they do not. */

import { isFinished } from '../recipe/schema/teacher.ts';
import type { Recipe } from '../recipe/schema.ts';

function teacherStart(teacher: Recipe['teacher']): readonly string[] {
  const from = isFinished(teacher) ? null : teacher.train.from;
  return from === null ? [] : [`the teacher starts from those of ${from} where they fit`];
}

/** The parameters at the start of every arm; file names as the recipe has them. */
export function startSentences({ teacher, student, baseline, seeds }: Recipe): readonly string[] {
  const drawn = `drawn at random by seeds ${seeds.join(', ')}`;
  if (student.from === 'teacher') {
    const other = baseline
      ? [
          `the baseline has no teacher and is ${drawn}, so it differs from the student in the start as well as in the soft terms`,
        ]
      : [];
    return [
      `the student starts from the strongest channels of its teacher (start.json)`,
      ...other,
      ...teacherStart(teacher),
    ];
  }
  const both = baseline ? 'student and baseline start from the same' : 'the student starts from them';
  const own = student.train.from;
  return [
    own === null
      ? `${drawn}; ${both}`
      : `those of ${own} where they fit, others ${drawn}; ${both}; what fitted is in start.json`,
    ...teacherStart(teacher),
  ];
}

/** A note for the report where an arm does not start at random; none otherwise. */
export function startNotes(recipe: Recipe): readonly string[] {
  const { student, teacher } = recipe;
  const hasStart = student.from !== null || student.train.from !== null || teacherStart(teacher).length > 0;
  return hasStart ? [`Parameters at the start: ${startSentences(recipe).join('; ')}.`] : [];
}
