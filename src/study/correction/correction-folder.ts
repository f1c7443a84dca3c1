/**
 * Where the parts of a distillation that people correct lie. All paths are relative to its folder, as those of its
 * recipes are:
 *
 *     data/NAME/ data/confirmed-labels/ data/dataset.json      data set, confirmed labels, and both as one data set
 *     run/                                                     the first training
 *     round-1.yaml round-1/splits.json round-1/run/ round-1/result.json
 *     uncertainty.json                                         how unsure the student is of the unlabelled cases
 */

/** Folder of confirmed labels, beside the folder of the data set. */
export const CONFIRMED = 'confirmed-labels';
/** Folder of the first training. */
export const FIRST_RUN = 'run';
/** What was measured of the student so far. */
export const UNCERTAINTY = 'uncertainty.json';

/** Paths of a round, counted from 1. */
export function roundPaths(number: number) {
  const folder = `round-${number}`;
  return {
    folder,
    recipe: `${folder}.yaml`,
    splits: `${folder}/splits.json`,
    run: `${folder}/run`,
    result: `${folder}/result.json`,
  } as const;
}
