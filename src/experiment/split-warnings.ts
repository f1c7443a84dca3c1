/** What a division of cases leaves out without an error: classes that nobody can learn, or nobody validates. */
import { listSome, plural } from '../core/format.ts';
import type { Splits } from '../data/splits.ts';
import type { VolumeWarning } from '../volume/geometry.ts';

/** The labelled cases that are trained on and validated by. */
export interface DividedCases {
  readonly splits: Pick<Splits, 'train' | 'val'>;
  /** Names of the classes without the background. */
  readonly classes: readonly string[];
  /** Volume of each class by case. */
  readonly volumesMl: ReadonlyMap<string, Readonly<Record<string, number>>>;
}

function named(classes: readonly string[]): string {
  const quoted = classes.map(name => `"${name}"`);
  return classes.length === 1 ? `the class ${quoted[0]} is` : `the classes ${listSome(quoted)} are`;
}

/**
 * Lists classes that are in no training case (W_CLASS_ABSENT), and classes that are in no validation case or validation
 * cases without any foreground (W_VALIDATION_EMPTY).
 */
export function splitWarnings({ splits, classes, volumesMl }: DividedCases): readonly VolumeWarning[] {
  const has = (id: string, name: string): boolean => (volumesMl.get(id)?.[name] ?? 0) > 0;
  const lackingIn = (ids: readonly string[]): readonly string[] =>
    classes.filter(name => !ids.some(id => has(id, name)));
  const { train, val } = splits;
  const warnings: VolumeWarning[] = [];
  const untrained = lackingIn(train);
  if (untrained.length > 0) {
    const message =
      `${named(untrained)} in none of the ${plural(train.length, 'training case')}, so no model can learn ` +
      `${untrained.length === 1 ? 'it' : 'them'}. Check dataset.json, or move a case that has ${untrained.length === 1 ? 'it' : 'them'} to the training cases.`;
    warnings.push({ code: 'W_CLASS_ABSENT', message });
  }
  if (val.length === 0) return warnings;
  const unvalidated = lackingIn(val).filter(name => !untrained.includes(name));
  if (unvalidated.length > 0) {
    const message =
      `${named(unvalidated)} in none of the ${plural(val.length, 'validation case')}, so the best parameters are chosen without ` +
      `${unvalidated.length === 1 ? 'it' : 'them'}. Move a case that has ${unvalidated.length === 1 ? 'it' : 'them'} to the validation cases.`;
    warnings.push({ code: 'W_VALIDATION_EMPTY', message });
  }
  const empty = val.filter(id => !classes.some(name => has(id, name)));
  if (empty.length > 0) {
    const message =
      `${empty.length} of the ${plural(val.length, 'validation case')} ${empty.length === 1 ? 'has' : 'have'} no foreground at all, ` +
      `so that a model which finds nothing is right there: ${listSome(empty)}.`;
    warnings.push({ code: 'W_VALIDATION_EMPTY', message });
  }
  return warnings;
}
