/** Options of one arm's training, and the facts of its network that follow from them. */
import { partlyAnnotated } from '../data/annotated-classes.ts';
import type { Recipe } from '../recipe/schema.ts';
import { isSigmoid } from '../training/hard-loss.ts';
import type { Teacher } from '../training/teacher.ts';
import type { ArmFolder } from './arm-folder.ts';
import type { Laboratory } from './laboratory.ts';
import type { PreparedData } from './prepare.ts';
import type { TrainedArm } from './record.ts';

export interface ArmOptions {
  readonly laboratory: Laboratory;
  readonly recipe: Recipe;
  readonly data: PreparedData;
  readonly arm: TrainedArm;
  readonly seed: number;
  readonly folder: ArmFolder;
  /** Label of the progress bar. */
  readonly label: string;
  /** Teacher of the student; absent for the other arms. */
  readonly teacher?: Teacher | undefined;
  /** Model file of the teacher, for a student that starts from it. */
  readonly teacherModel?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Activation of the logits: sigmoid for independent classes (binary cross-entropy), otherwise softmax. */
export function activationOf({ loss }: Recipe): 'softmax' | 'sigmoid' {
  return isSigmoid(loss) ? 'sigmoid' : 'softmax';
}

/** Label values of each channel, if the classes of the data set are regions. */
export function regionsOf({ dataset }: PreparedData): readonly (readonly number[])[] | undefined {
  const regions = dataset.labels.flatMap(({ region }) => (region === undefined ? [] : [region]));
  return regions.length === 0 ? undefined : regions;
}

/**
 * Which channels of the logits were looked for in a case, 1 or 0 each. The background of exclusive classes counts as
 * looked for.
 */
export function annotatedChannels({
  recipe,
  data,
}: Pick<ArmOptions, 'recipe' | 'data'>): (id: string) => readonly number[] {
  const partly = new Map(partlyAnnotated(data.dataset));
  const channels = data.dataset.labels.filter(({ value }) => !(isSigmoid(recipe.loss) && value === 0));
  return id => {
    const known = partly.get(id);
    return channels.map(({ value }) => (value === 0 || known === undefined || known.includes(value) ? 1 : 0));
  };
}
