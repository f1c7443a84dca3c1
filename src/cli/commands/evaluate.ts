/** `voxstill evaluate`: Dice, surface distances and volumes of a model, per case and class. */
import { Option } from 'commander';
import { type Dataset, openDataset } from '../../data/dataset.ts';
import { type Splits, splitCases } from '../../data/splits.ts';
import { parseSplits } from '../../data/splits-file.ts';
import { evaluateModel } from '../../experiment/evaluate.ts';
import type { Evaluation } from '../../experiment/record.ts';
import { defaultEvaluation, defaultSplits } from '../../recipe/schema.ts';
import { formatDice, formatInterval, formatNumber, formatSeconds } from '../../report/format.ts';
import type { Files } from '../../runtime/files.ts';
import { writeJson } from '../../runtime/json-file.ts';
import type { Progress } from '../../runtime/progress.ts';
import { addModelFlags, type ModelFlags, readModels, windowChoice } from '../model-flags.ts';
import type { AddCommand } from '../program.ts';
import { openLaboratory } from '../session.ts';
import { alignColumns } from '../table.ts';

interface Flags extends ModelFlags {
  readonly data: string;
  readonly split: keyof Splits | 'all';
  readonly splits?: string;
  readonly out?: string;
}

/** Splits that the model was made with: in its folder as a unit of a sweep, beside its arm's folder in a run, one higher for further seeds. */
async function splitsOfRun(files: Files, modelPath: string): Promise<string | undefined> {
  const folders = modelPath.split('/').slice(0, -1);
  for (const levels of [0, 1, 2]) {
    const path = [...folders.slice(0, folders.length - levels), 'splits.json'].join('/');
    if (folders.length >= levels && (await files.exists(path))) return path;
  }
  return undefined;
}

async function idsOf(
  dataset: Dataset,
  flags: Flags,
  world: { files: Files; progress: Progress },
): Promise<readonly string[]> {
  const all = dataset.cases.map(({ id }) => id);
  if (flags.split === 'all') return all;
  const path = flags.splits ?? (await splitsOfRun(world.files, flags.model[0]!));
  if (path !== undefined) {
    world.progress.log(`splits: ${path}`);
    return parseSplits(new TextDecoder().decode(await world.files.read(path)), { ids: all, path })[flags.split];
  }
  const { seed, train, val, test } = defaultSplits;
  world.progress.log(`splits: train ${train}, val ${val}, test ${test} with seed ${seed}; --splits gives others`);
  return splitCases(all, defaultSplits)[flags.split];
}

/** One row per class, then the mean. */
function evaluationText({ summary, model, cases }: Evaluation): string {
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
  return [...alignColumns([header, ...rows]), `${mean}, ${cost}`].join('\n');
}

export const addEvaluate: AddCommand = (program, start) => {
  addModelFlags(program.command('evaluate').description('Dice and surface distances of a model, per case and class'))
    .requiredOption('--data <folder>', 'a Decathlon or nnU-Net raw folder')
    .addOption(new Option('--split <name>', 'which cases').choices(['train', 'val', 'test', 'all']).default('test'))
    .option('--splits <file>', 'a splits.json (default: the one of the run that the model is in)')
    .option('--out <file>', 'write evaluation.json there')
    .action((flags: Flags) =>
      start(async session => {
        const laboratory = await openLaboratory(session, null);
        const { files } = laboratory;
        const models = await readModels(files, flags);
        const dataset = await openDataset(files, flags.data);
        const ids = await idsOf(dataset, flags, laboratory);
        const { split, out } = flags;
        const evaluation = await evaluateModel(laboratory, {
          models,
          dataset,
          ids,
          split,
          window: windowChoice(flags),
          postprocess: flags.postprocess,
          surfaceToleranceMm: defaultEvaluation.surfaceToleranceMm,
          signal: session.signal,
        });
        if (out !== undefined) await writeJson(files, out, evaluation);
        return { json: evaluation, text: evaluationText(evaluation) };
      }),
    );
};
