/** `voxstill evaluate`: Dice, surface distances and volumes of a model, per case and class. */

import {
  formatDice,
  formatInterval,
  formatNumber,
  formatSeconds,
  formatShare,
  formatSigned,
} from '../../core/format.ts';
import { isLabelled, openDatasetBesideFailures } from '../../data/dataset.ts';
import { splitCases } from '../../data/splits.ts';
import { parseSplits } from '../../data/splits-file.ts';
import { evaluateModel } from '../../experiment/evaluate.ts';
import type { CaseFailure } from '../../experiment/failure.ts';
import { fileAbove } from '../../experiment/file-above.ts';
import type { Evaluation } from '../../experiment/record.ts';
import { casesCsv } from '../../metrics/case-table.ts';
import { EVALUATION_DEFAULTS } from '../../recipe/evaluation-defaults.ts';
import { defaultSplits } from '../../recipe/schema.ts';
import type { Files } from '../../runtime/files.ts';
import { readText, writeJson } from '../../runtime/json-file.ts';
import type { Progress } from '../../runtime/progress.ts';
import type { EvaluateFlags } from '../flags/evaluate.ts';
import { readCoarse, readModels, windowChoice } from '../model-flags.ts';
import { type CommandSession, type Outcome, openLaboratory } from '../session.ts';
import { alignColumns } from '../table.ts';

/** A run keeps the splits beside the folder of an arm, a sweep in it; further seeds are one level lower. */
const SPLITS = { names: ['splits.json'], levels: 2 } as const;

interface CaseIds {
  /** All cases of the data set. */
  readonly all: readonly string[];
  /** Those with a reference, and those that lack a file. */
  readonly scored: readonly string[];
}

async function idsOf(
  { all, scored }: CaseIds,
  flags: EvaluateFlags,
  world: { files: Files; progress: Progress },
): Promise<readonly string[]> {
  if (flags.split === 'all') return scored;
  const path = flags.splits ?? (await fileAbove(world.files, flags.model[0]!, SPLITS));
  if (path !== undefined) {
    world.progress.log(`splits: ${path}`);
    return parseSplits(await readText(world.files, path), { ids: all, path })[flags.split];
  }
  const { seed, train, val, test } = defaultSplits;
  world.progress.log(`splits: train ${train}, val ${val}, test ${test} with seed ${seed}; --splits chooses others`);
  return splitCases(scored, defaultSplits)[flags.split];
}

/** How far the expected Dice of each class can be believed, a line each. */
function confidenceLines({ confidence }: Evaluation): readonly string[] {
  return Object.entries(confidence.reliability).map(([name, found]) => {
    const { spearman, meanError, meanAbsoluteError, coverage, intervals } = found;
    const held = coverage === null ? '' : `, ${formatShare(coverage, 1)} of ${intervals} intervals hold`;
    return (
      `expected Dice of ${name}: rank correlation ${formatNumber(spearman, 2)} with the true one, ` +
      `off by ${formatSigned(meanError)} (absolute ${formatDice(meanAbsoluteError)})${held}`
    );
  });
}

/** One row per class, then the mean. */
function evaluationText(evaluation: Evaluation): string {
  const { summary, model, cases } = evaluation;
  const rows = Object.entries(summary.classes).map(([name, score]) => [
    name,
    `${formatDice(score.dice.mean)} (${formatInterval(score.dice.ci95, formatDice)})`,
    formatNumber(score.hd95Mm.mean, 2),
    formatNumber(score.assdMm.mean, 2),
    formatDice(score.surfaceDice.mean),
    formatNumber(score.volumeErrorPercent.mean, 1),
    formatNumber(score.ece.mean, 4),
    `${score.bothEmpty}`,
    `${score.oneEmpty}`,
  ]);
  const header = [
    'class',
    'Dice (95 % CI)',
    'HD95 mm',
    'ASSD mm',
    'surface Dice',
    'volume %',
    'ECE',
    'both empty',
    'one empty',
  ];
  const mean = `mean Dice ${formatDice(summary.meanDice.mean)} (${formatInterval(summary.meanDice.ci95, formatDice)})`;
  const cost = `${cases.length} cases, ${formatSeconds(model.secondsPerCase)} per case`;
  return [...alignColumns([header, ...rows]), ...confidenceLines(evaluation), `${mean}, ${cost}`].join('\n');
}

/** What `evaluate` writes and prints: the scores, then the cases that failed, which make the exit code 1. */
export function evaluationOutcome(evaluation: Evaluation, failed: readonly CaseFailure[]): Outcome {
  const lines = [evaluationText(evaluation)];
  lines.push(...(evaluation.warnings ?? []).map(({ code, message }) => `${code}: ${message}`));
  const total = evaluation.cases.length + failed.length;
  if (failed.length > 0) lines.push(`${failed.length} of ${total} cases failed and are in no score:`);
  for (const { id, code, message } of failed) lines.push(`  ${id}: ${code}: ${message}`);
  return { json: { ...evaluation, failed }, text: lines.join('\n'), exitCode: failed.length === 0 ? 0 : 1 };
}

/** Scores the model on the chosen cases. */
export async function evaluate(flags: EvaluateFlags, session: CommandSession): Promise<Outcome> {
  const laboratory = await openLaboratory(session, flags);
  const { files } = laboratory;
  const models = await readModels(laboratory, flags);
  const coarse = await readCoarse(laboratory, flags, models);
  const { dataset, failures } = await openDatasetBesideFailures(files, flags.data);
  const idsIn = (cases: readonly { readonly id: string }[]): readonly string[] =>
    [...cases, ...failures].map(({ id }) => id).sort();
  const caseIds = { all: idsIn(dataset.cases), scored: idsIn(dataset.cases.filter(isLabelled)) };
  const unlabelled = caseIds.all.length - caseIds.scored.length;
  if (unlabelled > 0)
    laboratory.progress.log(
      `${unlabelled} ${unlabelled === 1 ? 'case without a label is' : 'cases without a label are'} not scored`,
    );
  const ids = await idsOf(caseIds, flags, laboratory);
  const { split, out } = flags;
  const failed: CaseFailure[] = [];
  const evaluation = await evaluateModel(laboratory, {
    models,
    coarse,
    dataset,
    ids,
    failed: failures,
    split,
    window: windowChoice(flags),
    postprocess: flags.postprocess,
    surfaceToleranceMm: EVALUATION_DEFAULTS.surfaceToleranceMm,
    lesions: flags.lesions ?? [],
    onFailure: failure => failed.push(failure),
    signal: session.signal,
  });
  const outcome = evaluationOutcome(evaluation, failed);
  if (out !== undefined) {
    await writeJson(files, out, outcome.json);
    // the same scores for a spreadsheet, beside it
    await files.write(`${out.replace(/[^/\\]*$/, '')}cases.csv`, casesCsv([{ name: '', cases: evaluation.cases }]));
  }
  return outcome;
}
