/** The part of a recipe that determines the model and scores of an arm. */

import { isFinished } from '../recipe/schema/teacher.ts';
import type { Recipe } from '../recipe/schema.ts';
import { withoutLaterKeys } from './later-keys.ts';
import type { TrainedArm } from './record.ts';

/** Whether an arm is trained here rather than a finished model. */
export function isTrained({ teacher }: Pick<Recipe, 'teacher'>, arm: TrainedArm): boolean {
  return arm !== 'teacher' || !isFinished(teacher);
}

/**
 * The part of a unit's recipe that its arm depends on. Two units with equal parts have the same model and scores,
 * whatever else is in their recipes. The code lists what an arm does not depend on, so a new key counts for every arm
 * until it is listed here.
 */
export function armContent(recipe: Recipe, arm: TrainedArm): object {
  const {
    threads: _threads,
    device: _device,
    baseline: _baseline,
    compare: _compare,
    groups: _groups,
    data,
    ...others
  } = recipe;
  const { cache: _cache, ...own } = data;
  return withoutLaterKeys(contentOf(arm, { data: own, ...others }));
}

type Shared = Omit<Recipe, 'threads' | 'device' | 'baseline' | 'compare' | 'groups' | 'data'> & {
  readonly data: Omit<Recipe['data'], 'cache'>;
};

/** A smaller form is made of the student that is trained, and changes nothing of it. */
function withoutExport({ export: _export, ...student }: Recipe['student']): object {
  return student;
}

function contentOf(arm: TrainedArm, shared: Shared): object {
  switch (arm) {
    case 'student':
      return { arm, ...shared, student: withoutExport(shared.student) };
    case 'teacher': {
      const { student: _student, distill: _distill, ...own } = shared;
      return { arm, ...own };
    }
    // in its own recipe the coarse stage is the student without a teacher
    case 'coarse':
    case 'baseline': {
      const { teacher: _teacher, distill: _distill, ...own } = shared;
      // it has no teacher to start from
      return { arm, ...own, student: { ...withoutExport(own.student), from: null } };
    }
    default:
      return arm satisfies never;
  }
}
