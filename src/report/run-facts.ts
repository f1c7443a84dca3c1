/**
 * What a report says about a run besides its scores: data, provenance, times; nothing in it names a folder of this
 * machine.
 */

import { formatBytes } from '../core/format.ts';
import { TRAINED_ARMS } from '../experiment/record.ts';
import { meanOf } from '../metrics/statistics.ts';
import { parseRecipe } from '../recipe/parse.ts';
import type { Recipe } from '../recipe/schema.ts';
import type { Files } from '../runtime/files.ts';
import { datasetOfRun } from '../study/dataset-of-run.ts';
import { casesOfTeacher, type ReadRun } from '../study/read-run.ts';
import type { TrainedSteps } from '../study/trained-steps.ts';
import type { DataFacts } from './data-section.ts';

/** The last name of a path. */
export function lastName(path: string): string {
  return path.split(/[/\\]/).findLast(part => part !== '') ?? path;
}

/**
 * A text in which every absolute path has become its last name, so that a report that is passed on names no folder of
 * its author.
 */
export function withoutFolders(text: string): string {
  return text.replace(/(^|[\s'"[,])((?:\/|[A-Za-z]:[\\/])[^\s'",\]]+)/gm, (_, before: string, path: string) => {
    return `${before}${lastName(path)}`;
  });
}

const MONTHS = 'January February March April May June July August September October November December'.split(' ');

/** `27 November 2026, 20:14 UTC`; the text itself where it is no ISO date. */
export function dateInWords(iso: string): string {
  const found = /^(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d)/.exec(iso);
  if (found === null) return iso;
  const [, year, month, day, time] = found;
  return `${Number(day)} ${MONTHS[Number(month) - 1]} ${year}, ${time} UTC`;
}

/** Versions, host, seeds and date of a run. */
export function provenanceOf({ record, folder }: ReadRun): Record<string, string> {
  if (record === undefined) return { run: lastName(folder) };
  const { host, versions, seeds, folds, startedAt, status } = record;
  return {
    run: lastName(folder),
    started: dateInWords(startedAt),
    status,
    seeds: seeds.join(', '),
    ...(folds && { folds: folds.join(', ') }),
    ...versions,
    host: `${host.cpu}, ${host.cores} cores, ${formatBytes(host.memoryBytes)}, ${host.system}`,
  };
}

/** The warnings of a run's start and of its evaluations, each once. */
export function warningsOf({ record, arms }: Pick<ReadRun, 'record' | 'arms'>): readonly string[] {
  const evaluations = arms.flatMap(({ repeats }) => repeats.map(({ evaluation }) => evaluation));
  const all = [...(record?.warnings ?? []), ...evaluations.flatMap(({ warnings = [] }) => warnings)];
  return [...new Set(all.map(({ code, message }) => withoutFolders(`${code}: ${message}`)))];
}

/** What finds the region of interest, and how well it segments by itself. */
function coarseFacts(
  { coarse, marginMm }: NonNullable<Recipe['cascade']>,
  run: Pick<ReadRun, 'coarse'>,
): NonNullable<DataFacts['coarse']> {
  if (typeof coarse === 'string') return { marginMm, source: lastName(coarse) };
  const evaluations = (run.coarse?.repeats ?? []).map(({ evaluation }) => evaluation);
  const [first] = evaluations;
  return {
    marginMm,
    spacingMm: coarse.spacingMm,
    ...(first && {
      parameters: first.model.parameters,
      meanDice: meanOf(evaluations.flatMap(({ cases }) => cases.flatMap(({ meanDice }) => meanDice ?? []))),
    }),
  };
}

/** What is known of a run's data; undefined where it has no record or no recipe that can be read. */
export async function dataFactsOf(files: Files, run: ReadRun): Promise<DataFacts | undefined> {
  const { record, recipe, folder } = run;
  if (record?.splits === undefined) return undefined;
  const { train, val, test, unlabelled } = record.splits;
  const { preprocess, distill, cascade } = parseRecipe(recipe, { path: `${folder}/recipe.yaml` });
  const channels = (await datasetOfRun(files, run))?.channels;
  return {
    dataset: lastName(record.dataset),
    splits: {
      train: train.length,
      val: val.length,
      test: test.length,
      unlabelled: distill.unlabelled.batch > 0 ? unlabelled.length : 0,
      teacher: (await casesOfTeacher(files, run))?.length ?? null,
    },
    folds: record.folds?.length ?? 1,
    ...(channels && { channels }),
    spacingMm: preprocess.spacingMm,
    ...(cascade && { coarse: coarseFacts(cascade, run) }),
    warnings: warningsOf(run),
  };
}

/** Seconds that the training of each arm took, all folds and seeds together. */
export function trainingSeconds({ record }: ReadRun): Readonly<Record<string, number>> {
  const timings = Object.entries(record?.timingsSeconds ?? {});
  return Object.fromEntries(
    TRAINED_ARMS.flatMap(arm => {
      const own = timings.filter(([stage]) => new RegExp(`(^|/)${arm}/train$`).test(stage));
      return own.length === 0 ? [] : [[arm, own.reduce((sum, [, seconds]) => sum + seconds, 0)] as const];
    }),
  );
}

/** Steps of the trainings of each arm, one entry for each fold and seed that is finished. */
export function trainedSteps({ record }: ReadRun): Readonly<Record<string, readonly TrainedSteps[]>> {
  const units = Object.entries(record?.trainedSteps ?? {});
  return Object.fromEntries(
    TRAINED_ARMS.map(arm => [arm, units.filter(([label]) => label.split('/').at(-1) === arm).map(([, own]) => own)]),
  );
}
