/** What a report shows, read from the files of runs: comparison, pictures, curves, provenance and notes. */

import type { VolumeSources } from '../data/volume-file.ts';
import { farthestError } from '../metrics/farthest-error.ts';
import { parseRecipe } from '../recipe/parse.ts';
import type { Recipe } from '../recipe/schema.ts';
import { summarizeArms, testPairs } from '../study/comparison/compare.ts';
import type { Comparison } from '../study/comparison/comparison.ts';
import { type FailedCases, failedCases, failedNotes } from '../study/comparison/failed-cases.ts';
import { incompleteNotes } from '../study/comparison/incomplete.ts';
import { judgeNotWorse } from '../study/comparison/not-worse.ts';
import { pooledEvaluation } from '../study/comparison/pooled-evaluation.ts';
import type { ArmEvaluations } from '../study/comparison/score-tables.ts';
import { runFolder } from '../study/folder.ts';
import { type GalleryCase, readGallery } from '../study/gallery.ts';
import { readGroups } from '../study/groups.ts';
import type { ReadArms, ReadRun } from '../study/read-run.ts';
import type { UnitReport } from '../study/units/state.ts';
import { labelsSentence } from './data-section.ts';
import { renderMontage } from './montage.ts';
import type { ReportInput } from './report.ts';
import { dataFactsOf, lastName, provenanceOf, trainedSteps, trainingSeconds, withoutFolders } from './run-facts.ts';
import { startNotes } from './start-text.ts';

const FEW_CASES = 20;
/** Older runs chose on any number of cases. */
const FEW_VALIDATION_CASES = 10;

/** A note on post-processing that was chosen on few cases, if any. */
function noteOnPostprocessing(arms: readonly ArmEvaluations[]): readonly string[] {
  const chosen = arms
    .flatMap(({ repeats }) => repeats.flatMap(({ evaluation }) => evaluation.postprocessTrials))
    .filter(({ kept }) => kept);
  const cases = Math.min(...chosen.map(trial => trial.cases));
  if (chosen.length === 0 || cases >= FEW_VALIDATION_CASES) return [];
  return [
    `Post-processing was chosen for each arm separately, on only ${cases} validation cases, and may not help others. ` +
      'Set postprocess: none to leave it out.',
  ];
}

/** Number of cases that an arm was tested on, over all folds. */
function casesOf({ repeats }: ArmEvaluations): number {
  return new Set(repeats.flatMap(({ evaluation }) => evaluation.cases.map(({ id }) => id))).size;
}

/** Notes that a reader of a small comparison needs. */
export function notesOn(arms: readonly ArmEvaluations[]): readonly string[] {
  const cases = Math.min(...arms.map(casesOf));
  const seeds = Math.min(...arms.map(({ repeats }) => new Set(repeats.map(({ seed }) => seed)).size));
  const notes: string[] = [];
  if (cases < FEW_CASES)
    notes.push(`Only ${cases} test cases: the intervals are wide, and a difference found here may not hold elsewhere.`);
  if (seeds < 3) {
    notes.push(
      `${seeds === 1 ? 'One seed' : 'Two seeds'} per arm: the tests below apply to these trained models, not to the method. ` +
        'Set seeds: [1, 2, 3] or more in the recipe to compare methods.',
    );
  }
  return [...notes, ...noteOnPostprocessing(arms)];
}

/** Students judged against their teachers: by their recipes' margins, or by one that is given now. */
function judged(taught: ReadArms['taught'], margin: number | undefined): Pick<Comparison, 'notWorse'> {
  const notWorse = taught.flatMap(({ pair, margin: own }) => {
    const used = margin ?? own;
    return used === null ? [] : judgeNotWorse([pair], used, { givenAfterwards: used !== own });
  });
  return notWorse.length === 0 ? {} : { notWorse };
}

/** The failed cases as a field, where there are any. */
function withFailed(failed: FailedCases): Pick<Comparison, 'failed'> {
  return Object.keys(failed).length === 0 ? {} : { failed };
}

/** Pictures of a case: of the farthest error where a distance chose it, of most errors where another score did. */
function montageOf(one: GalleryCase): ReportInput['montage'][number] {
  const { loaded, segmentations, labelNames, farthestOf, showsErrors, reasons, judge } = one;
  const { image, label: reference } = loaded;
  const judged = segmentations.find(({ title }) => title === judge)?.labels;
  const voxel =
    reference === undefined || judged === undefined || farthestOf === undefined
      ? undefined
      : farthestError(reference.data, judged.data, {
          sizeVoxels: image.sizeVoxels,
          spacingMm: image.spacingMm,
          value: farthestOf,
        });
  const focus =
    voxel !== undefined ? { voxel } : showsErrors && judged !== undefined ? { errorsOf: judged } : undefined;
  return {
    caseId: loaded.id,
    reasons,
    judge,
    scores: Object.fromEntries(segmentations.map(({ title, scores }) => [title, scores])),
    ...renderMontage({
      volume: image,
      segmentations,
      labelNames,
      ...(reference && { reference }),
      ...(focus && { focus }),
    }),
  };
}

/** The recipe of a run without the folders of this machine. */
function readableRecipe({ recipe, folder }: ReadRun): Recipe {
  return parseRecipe(withoutFolders(recipe), { path: `${folder}/recipe.yaml` });
}

/** What the content of a report depends on besides the files of its runs. */
export interface ReportInputOptions {
  /** By which students are judged against their teachers, in place of that of their recipes. */
  readonly margin?: number | undefined;
  /** States of the units in a folder, as far as they can be read; empty without a list of units. */
  readonly unitStates: (folder: string) => Promise<readonly UnitReport[]>;
}

/**
 * Content of a report on these arms. Recipe, provenance and learning curves are included if all arms are from one run.
 */
export async function reportInput(
  sources: VolumeSources,
  title: string,
  { arms, runs, pairs, taught }: ReadArms,
  { margin, unitStates }: ReportInputOptions,
): Promise<ReportInput> {
  const [run] = runs.length === 1 ? runs : [];
  const gallery = run === undefined ? [] : await readGallery(sources, run);
  const groups = run === undefined ? {} : await readGroups(sources.files, runFolder(run.folder, run.repeats), run.arms);
  const data = run === undefined ? undefined : await dataFactsOf(sources.files, run);
  const failed = failedCases(arms);
  return {
    title,
    recipe: withoutFolders(run?.recipe ?? ''),
    ...(data && { data }),
    trainingSeconds: run === undefined ? {} : trainingSeconds(run),
    trainedSteps: run === undefined ? {} : trainedSteps(run),
    ...(run && { command: `npx voxstill run recipe.yaml --out ${lastName(run.folder)}` }),
    units: run === undefined ? [] : await unitStates(run.folder),
    provenance: run === undefined ? {} : provenanceOf(run),
    comparison: {
      arms: summarizeArms(arms),
      pairs: testPairs(pairs),
      ...judged(taught, margin),
      ...groups,
      ...withFailed(failed),
    },
    evaluations: Object.fromEntries(arms.map(arm => [arm.name, pooledEvaluation(arm)])),
    histories: run?.histories ?? {},
    montage: gallery.map(montageOf),
    notes: [
      ...(run === undefined ? [] : incompleteNotes(run.incomplete)),
      ...(data === undefined ? [] : [labelsSentence(data)].filter(sentence => sentence !== '')),
      ...(run === undefined || run.recipe === '' ? [] : startNotes(readableRecipe(run))),
      ...failedNotes(failed),
      ...notesOn(arms),
    ],
  };
}
