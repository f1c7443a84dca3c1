/** Whether the volumes of the classes of a result are like those of the training cases. */
import type { TrainingClass, TrainingFacts } from '../../data/training-facts.ts';
import { type Expectation, isFar, type PlausibilityWarning, shown, shownRange, timesBeyond } from './bounds.ts';

function warningOf(ml: number, one: TrainingClass, { cases }: TrainingFacts): Omit<PlausibilityWarning, 'code'> | null {
  const { name, volumeMl } = one;
  const common = { class: name, found: ml, unit: 'ml' } as const;
  if (volumeMl === undefined) {
    if (ml === 0) return null;
    return { ...common, message: `${name} ${shown(ml)} ml, but no training case has it` };
  }
  const { min, max } = volumeMl;
  const training = { min, max };
  if (ml === 0) {
    if (one.cases < cases) return null;
    const message = `${name} is not found, but every training case has it (${shownRange(training)} ml)`;
    return { ...common, message, training };
  }
  if (!isFar(ml, volumeMl, { cases: one.cases })) return null;
  const message = `${name} ${shown(ml)} ml, in training ${shownRange(training)} ml`;
  return { ...common, message, training, times: timesBeyond(ml, volumeMl) };
}

/**
 * Compares the volumes of a result with those of the training cases: those that are {@link isFar} from them, classes
 * that every training case has but the result has not, and classes that no training case had.
 * @param volumesMl volume by name of a class, without the background
 * @param models that gave the result; those without facts about their training are not asked
 * @param id of the volume, for messages
 */
export function volumeWarnings(
  volumesMl: Readonly<Record<string, number>>,
  models: readonly Expectation[],
  id: string,
): readonly PlausibilityWarning[] {
  return Object.entries(volumesMl).flatMap(([name, ml]): PlausibilityWarning[] => {
    for (const { training } of models) {
      const one = training?.classes?.find(known => known.name === name);
      const found = one && training && warningOf(ml, one, training);
      if (found) {
        return [
          { code: 'W_CLASS_VOLUME', ...found, message: `${id}: ${found.message}. Look at the result before use.` },
        ];
      }
    }
    return [];
  });
}
