/**
 * The model card of a run's student: what it is, what it was made of, how well it does and what it is not for. Every
 * number comes from the run's own records; what no record knows is said to be unknown. JSON first, and Markdown from
 * it.
 * Source: Mitchell et al., Model Cards for Model Reporting, arXiv:1810.03993.
 */

import { formatBytes, formatCount, formatNumber, formatSeconds } from '../../core/format.ts';
import type { Evaluation } from '../../experiment/record.ts';
import { type ClassMetric, rangeOf } from '../../metrics/case-score.ts';
import { factsOf } from '../../metrics/metric-facts.ts';
import type { Recipe } from '../../recipe/schema.ts';
import type { Comparison } from '../../study/comparison/comparison.ts';
import type { ReadRun } from '../../study/read-run.ts';
import { casesSentence, type DataFacts } from '../data-section.ts';

/** What documents of a run are made from. */
export interface RunFacts {
  readonly run: ReadRun;
  readonly recipe: Recipe;
  readonly data: DataFacts;
  readonly comparison: Comparison;
  /** By arm, pooled over folds and seeds. */
  readonly evaluations: Readonly<Record<string, Evaluation>>;
}

/** A score of the card: null where there are too few cases. */
interface CardScore {
  readonly className: string;
  readonly metric: ClassMetric;
  readonly mean: number | null;
  readonly ci95: readonly [number | null, number | null];
  readonly n: number;
}

/** `model-card.json` */
export interface ModelCard {
  readonly name: string;
  readonly made: string;
  readonly software: Readonly<Record<string, string>>;
  readonly network: object;
  readonly distilledFrom: object;
  readonly model: Pick<Evaluation['model'], 'sha256' | 'parameters' | 'bytes' | 'multiplyAdds' | 'secondsPerCase'>;
  readonly classes: readonly string[];
  readonly data: DataFacts;
  readonly preprocess: Recipe['preprocess'];
  readonly trainedModels: number;
  readonly meanDice: number;
  readonly meanDiceCi95: readonly [number, number];
  readonly scores: readonly CardScore[];
  /** What tests say of it, as in comparison.json. */
  readonly findings: readonly string[];
  readonly missedStructures: Readonly<Record<string, number>>;
  readonly intendedUse: string;
  readonly limits: readonly string[];
}

const SHOWN = ['dice', 'hd95Mm', 'assdMm', 'surfaceDice', 'volumeErrorPercent', 'ece'] as const;

const INTENDED_USE =
  'Research on images like those it was trained on. It is no medical device and was not tested for clinical decisions.';

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/**
 * The card of the student.
 * @returns undefined where it was not evaluated
 */
export function modelCard({ run, recipe, data, comparison, evaluations }: RunFacts): ModelCard | undefined {
  const [summary, evaluation] = [comparison.arms['student'], evaluations['student']];
  const arm = run.arms.find(({ name }) => name === 'student');
  if (summary === undefined || evaluation === undefined || arm === undefined || run.record === undefined)
    return undefined;
  const { sha256, parameters, bytes, multiplyAdds } = evaluation.model;
  const classes = Object.keys(evaluation.summary.classes);
  const { train: _student, ...network } = recipe.student;
  const { teacher } = recipe;
  const { train: _teacher, ...taught } = 'train' in teacher ? teacher : { ...teacher, train: undefined };
  const findings = [...comparison.pairs, ...(comparison.notWorse ?? [])]
    .filter(({ a, b, metric }) => metric === 'meanDice' && (a === 'student' || b === 'student'))
    .map(({ sentence }) => sentence);
  const cases = evaluation.cases.length;
  return {
    name: `${data.dataset} student`,
    made: run.record.startedAt,
    software: run.record.versions,
    network,
    distilledFrom: taught,
    model: { sha256, parameters, bytes, multiplyAdds, secondsPerCase: summary.secondsPerCase },
    classes,
    data,
    preprocess: recipe.preprocess,
    trainedModels: arm.repeats.length,
    meanDice: summary.meanDice,
    meanDiceCi95: summary.meanDiceCi95,
    scores: classes.flatMap(className =>
      SHOWN.map((metric): CardScore => {
        const { mean, ci95, n } = evaluation.summary.classes[className]![metric];
        return { className, metric, mean: finite(mean), ci95: [finite(ci95[0]), finite(ci95[1])], n };
      }),
    ),
    findings,
    missedStructures: Object.fromEntries(classes.map(name => [name, evaluation.summary.classes[name]!.oneEmpty])),
    intendedUse: INTENDED_USE,
    limits: [
      `Tested on ${cases} cases of ${data.dataset} alone; scanners, protocols and patients that are not in it were not tested.`,
      ...(arm.repeats.length === 1 ? ['One training: how much another seed would differ was not measured.'] : []),
      ...(recipe.cascade === null
        ? []
        : [
            `It segments the region that its coarse model finds, ${recipe.cascade.marginMm} mm around; what lies elsewhere is background, whatever is there.`,
          ]),
      'Surface distances leave out cases in which a structure is missed or made up; their numbers are listed beside them.',
    ],
  };
}

function scoreRow({ className, metric, mean, ci95, n }: CardScore): string {
  const { noun, unit, decimals } = factsOf(metric);
  const name = rangeOf(metric)[0] < 0 ? noun.replace('absolute ', '') : noun;
  const range =
    ci95[0] === null ? 'no interval' : `${formatNumber(ci95[0], decimals)} to ${formatNumber(ci95[1], decimals)}`;
  return `| ${className.replaceAll('|', '\\|')} | ${name}${unit === '' ? '' : `,${unit}`} | ${formatNumber(mean, decimals)} | ${range} | ${n} |`;
}

/** The card as Markdown. */
export function modelCardText(card: ModelCard): string {
  const { data, model, meanDiceCi95 } = card;
  const channels = data.channels === undefined ? '' : `, channels ${data.channels.join(', ')}`;
  const missed = Object.entries(card.missedStructures).map(([name, count]) => `${name} ${count}`);
  return `# ${card.name}

Made by voxstill on ${card.made}. Numbers are from the records of the run.

## Use

${card.intendedUse}

## Model

- network: \`${JSON.stringify(card.network)}\`, distilled from \`${JSON.stringify(card.distilledFrom)}\`
- ${formatCount(model.parameters)} parameters, ${formatBytes(model.bytes)}, ${formatCount(model.multiplyAdds)} multiply-adds per window, ${formatSeconds(model.secondsPerCase)} per case where it was tested
- SHA-256 of model.onnx (first fold and seed): \`${model.sha256}\`
- classes: ${card.classes.join(', ')}
- trained models (folds times seeds): ${card.trainedModels}

## Data

${data.dataset}${channels}.
Cases: ${casesSentence(data)}
Preprocessing: \`${JSON.stringify(card.preprocess)}\`.

## Scores on test cases

Mean Dice ${formatNumber(card.meanDice, 3)} (95 % CI ${formatNumber(meanDiceCi95[0], 3)} to ${formatNumber(meanDiceCi95[1], 3)}).

| class | metric | mean | 95 % CI | cases |
|---|---|---|---|---|
${card.scores.map(scoreRow).join('\n')}

Cases with a structure that was missed or made up: ${missed.join(', ')}.

${card.findings.map(sentence => `- ${sentence}`).join('\n')}

## Limits

${card.limits.map(limit => `- ${limit}`).join('\n')}

## Software

${Object.entries(card.software)
  .map(([name, version]) => `- ${name} ${version}`)
  .join('\n')}
`;
}
