/** With which parameters the arms of a run begin, in words: what student and baseline share, and what they do not. */
import type { Recipe } from '../recipe/schema.ts';
import { isFinished } from '../recipe/teacher-schema.ts';

/** The parameters at the start of every arm; file names as the recipe has them. */
export function startSentences({ teacher, student, baseline, seeds }: Recipe): readonly string[] {
  const drawn = `drawn at random by seeds ${seeds.join(', ')}`;
  const both = baseline ? 'student and baseline start from the same' : 'the student starts from them';
  const own = student.train.from;
  const taught = isFinished(teacher) ? null : teacher.train.from;
  return [
    own === null
      ? `${drawn}; ${both}`
      : `those of ${own} where they fit, others ${drawn}; ${both}; what fitted is in start.json`,
    ...(taught === null ? [] : [`the teacher starts from those of ${taught} where they fit`]),
  ];
}

/** A note for the report where an arm does not start at random; none otherwise. */
export function startNotes(recipe: Recipe): readonly string[] {
  const hasStart = recipe.student.train.from !== null || (!isFinished(recipe.teacher) && recipe.teacher.train.from);
  return hasStart ? [`Parameters at the start: ${startSentences(recipe).join('; ')}.`] : [];
}
