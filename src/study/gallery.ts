/**
 * The cases of a run that a report shows in pictures: the worst by every metric that is tested, and median and best by
 * mean Dice, all by the student's scores, with every arm's segmentation.
 */
import { formatDice, formatNumber } from '../core/format.ts';
import type { Dataset } from '../data/dataset.ts';
import { labelValues } from '../data/dataset-json.ts';
import { type LoadedCase, loadCase } from '../data/loaded-case.ts';
import type { VolumeSources } from '../data/volume-file.ts';
import { ARMS } from '../experiment/record.ts';
import type { CaseScore } from '../metrics/case-score.ts';
import { isDistance, TESTED_METRICS } from '../metrics/metric-facts.ts';
import type { Files } from '../runtime/files.ts';
import { decodeLabels } from '../volume/nifti.ts';
import type { LabelVolume } from '../volume/volume.ts';
import { isWorse, metricFacts, nounOf, parseMetric, scoreOf } from './comparison/tested-metric.ts';
import { datasetOfRun } from './dataset-of-run.ts';
import { type Repeat, repeatsOf, runFolder } from './folder.ts';
import type { ReadRun } from './read-run.ts';

/** A case with the reasons for its choice, and every arm's segmentation of it. */
export interface GalleryCase {
  /** `worst mean Dice, 0.806`, each a score of the judging arm. */
  readonly reasons: readonly string[];
  /** Name of the arm whose scores chose. */
  readonly judge: string;
  readonly loaded: LoadedCase;
  readonly segmentations: readonly GallerySegmentation[];
  /** Class names by label value, background first. */
  readonly labelNames: readonly string[];
  /** Label whose farthest error the pictures should show; undefined where no distance chose the case. */
  readonly farthestOf: number | undefined;
  /** Whether the errors of the judging arm matter more than the structure. */
  readonly showsErrors: boolean;
}

/** Segmentation of an arm with its scores of the case. */
interface GallerySegmentation {
  readonly title: string;
  readonly labels: LabelVolume;
  /** The scores that chose the case, of this arm, by their names: `HD95 of Anterior` to `7.20 mm`. */
  readonly scores: Readonly<Record<string, string>>;
}

/** A score by which a case is chosen. */
interface Choice {
  readonly id: string;
  /** Name of the metric as in comparison.json; null where a structure is missed or made up. */
  readonly metric: string | null;
  readonly reason: string;
  readonly isWorst: boolean;
}

function scoreText(metric: string, score: number | null): string {
  const { decimals, unit } = metricFacts(metric);
  return score === null ? 'n/a' : `${formatNumber(score, decimals)}${unit}`;
}

/** The case with the least favourable score; undefined where all cases score alike. */
function worstBy(cases: readonly CaseScore[], metric: string): Choice | undefined {
  const of = scoreOf(metric);
  const ranked = cases
    .flatMap(item => {
      const score = of(item);
      return score === null ? [] : [{ id: item.id, score }];
    })
    .sort((left, right) => (isWorse(metric, left.score - right.score) ? -1 : left.score === right.score ? 0 : 1));
  const [worst, best] = [ranked[0], ranked.at(-1)];
  if (worst === undefined || best === undefined || worst.score === best.score) return undefined;
  const reason = `worst ${nounOf(metric)}, ${scoreText(metric, worst.score)}`;
  return { id: worst.id, metric, reason, isWorst: true };
}

/** The case that does worst in a metric of any class, for every metric that is tested. */
function worstOfEach(cases: readonly CaseScore[], classes: readonly string[]): readonly Choice[] {
  const others = TESTED_METRICS.filter(metric => metric !== 'dice');
  return others.flatMap(metric => {
    const found = classes.flatMap(name => worstBy(cases, `${metric}:${name}`) ?? []);
    const scores = found.map(choice => scoreOf(choice.metric as string)(cases.find(({ id }) => id === choice.id)!)!);
    const worst = found.findIndex((choice, index) =>
      scores.every(score => !isWorse(choice.metric as string, score - scores[index]!)),
    );
    return found[worst] ?? [];
  });
}

/** The first case of each class in which the class is missed, and in which it is made up. */
function missedOrMadeUp(cases: readonly CaseScore[], classes: readonly string[]): readonly Choice[] {
  return classes.flatMap(name =>
    (
      [
        ['reference-only', `${name} is missed`],
        ['prediction-only', `${name} is made up`],
      ] as const
    ).flatMap(([presence, reason]) => {
      const found = cases.find(({ classes: scores }) => scores[name]?.presence === presence);
      return found === undefined ? [] : [{ id: found.id, metric: null, reason, isWorst: true }];
    }),
  );
}

/** Worst by each metric, median and best: the choices, in the order of the report. */
export function chooseCases(cases: readonly CaseScore[]): readonly Choice[] {
  const classes = [...new Set(cases.flatMap(({ classes: scores }) => Object.keys(scores)))];
  const ranked = cases
    .flatMap(({ id, meanDice }) => (meanDice === null ? [] : [{ id, meanDice }]))
    .sort((left, right) => left.meanDice - right.meanDice);
  const typical = [
    ['median', ranked[Math.floor((ranked.length - 1) / 2)]],
    ['best', ranked.at(-1)],
  ] as const;
  const middle = typical.flatMap(([label, item]): readonly Choice[] =>
    item === undefined
      ? []
      : [
          {
            id: item.id,
            metric: 'meanDice',
            reason: `${label} mean Dice, ${formatDice(item.meanDice)}`,
            isWorst: false,
          },
        ],
  );
  return [
    ...[worstBy(cases, 'meanDice')].flatMap(choice => choice ?? []),
    ...missedOrMadeUp(cases, classes),
    ...worstOfEach(cases, classes),
    ...middle,
  ];
}

/** Segmentations of a case by the arms of the first fold and seed, with their scores. */
async function segmentationsOf(
  files: Files,
  run: ReadRun,
  { id, metrics }: { readonly id: string; readonly metrics: readonly string[] },
): Promise<readonly GallerySegmentation[]> {
  const paths = runFolder(run.folder, run.repeats);
  const [first] = repeatsOf(run.repeats) as readonly [Repeat];
  const found: GallerySegmentation[] = [];
  for (const arm of ARMS) {
    const path = `${paths.arm(arm, first).predictions}/${id}.nii.gz`;
    if (!(await files.exists(path))) continue;
    const scored = run.arms.find(({ name }) => name === arm)?.repeats[0]?.evaluation.cases;
    const score = scored?.find(one => one.id === id);
    const scores =
      score === undefined ? [] : metrics.map(metric => [nounOf(metric), scoreText(metric, scoreOf(metric)(score))]);
    const labels = decodeLabels(await files.read(path), { path });
    found.push({ title: arm, labels, scores: Object.fromEntries(scores) });
  }
  return found;
}

/** Value of the class whose surface distance chose the case; undefined where none did. */
function labelOfDistance(choices: readonly Choice[], { labels }: Dataset): number | undefined {
  const tested = choices.flatMap(({ metric }) => (metric === null ? [] : [parseMetric(metric)]));
  const far = tested.find(({ metric }) => isDistance(metric));
  return labels.find(({ name }) => name === far?.className)?.value;
}

/**
 * Reads the gallery of a run's first fold and seed.
 * @returns undefined if the run has no segmentations or its data set is no longer there
 */
export async function readGallery(sources: VolumeSources, run: ReadRun): Promise<readonly GalleryCase[]> {
  const { files } = sources;
  const judge = run.arms.find(({ name }) => name === 'student') ?? run.arms[0];
  const evaluation = judge?.repeats[0]?.evaluation;
  if (evaluation === undefined) return [];
  const dataset = await datasetOfRun(files, run);
  if (dataset === undefined) return [];
  const choices = chooseCases(evaluation.cases);
  const gallery: GalleryCase[] = [];
  for (const id of new Set(choices.map(choice => choice.id))) {
    const item = dataset.cases.find(one => one.id === id);
    if (item === undefined) continue;
    const own = choices.filter(choice => choice.id === id);
    const metrics = [...new Set(['meanDice', ...own.flatMap(({ metric }) => metric ?? [])])];
    const segmentations = await segmentationsOf(files, run, { id, metrics });
    if (segmentations.length === 0) continue;
    const nameOf = (value: number): string =>
      value === dataset.ignore
        ? 'ignored'
        : (dataset.labels.findLast(label => label.value === value)?.name ?? `label ${value}`);
    const labelNames = labelValues(dataset.labels, dataset.ignore).map(nameOf);
    gallery.push({
      reasons: own.map(({ reason }) => reason),
      judge: judge!.name,
      loaded: await loadCase(sources, dataset, item),
      segmentations,
      labelNames,
      farthestOf: labelOfDistance(own, dataset),
      showsErrors: own.some(({ isWorst }) => isWorst),
    });
  }
  return gallery;
}
