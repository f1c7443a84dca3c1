/**
 * The CLAIM checklist (Checklist for Artificial Intelligence in Medical Imaging, 2024 update,
 * https://doi.org/10.1148/ryai.240300), filled as far as a run knows the answers. Topics are in our words; what only
 * the authors know is left to them.
 */

import { formatNumber, plural } from '../../core/format.ts';
import { isFinished, teacherEntries } from '../../recipe/teacher-schema.ts';
import type { RunFacts } from './model-card.ts';

/** One item of the checklist; null where the run does not know. */
type Item = readonly [number: number, topic: string, answer: string | null];

function splitsText({ data }: RunFacts): string {
  const { train, val, test } = data.splits;
  const folds = data.folds > 1 ? `; ${data.folds} folds, these are of the first` : '';
  return `${train} cases trained, ${val} chose the step and the post-processing, ${test} tested (splits.json names them)${folds}`;
}

function itemsOf(facts: RunFacts): readonly Item[] {
  const { run, recipe, data, comparison, evaluations } = facts;
  const student = comparison.arms['student'];
  const models = run.arms.find(({ name }) => name === 'student')?.repeats.length ?? 0;
  const missed = Object.entries(evaluations['student']?.summary.classes ?? {}).map(
    ([name, { oneEmpty }]) => `${name} ${oneEmpty}`,
  );
  const versions = Object.entries(run.record?.versions ?? {}).map(([name, version]) => `${name} ${version}`);
  const sentences = comparison.pairs.filter(({ metric }) => metric === 'meanDice').map(({ sentence }) => sentence);
  const quality =
    student === undefined
      ? null
      : `mean Dice of the student ${formatNumber(student.meanDice, 3)}, 95 % CI ${formatNumber(student.meanDiceCi95[0], 3)} to ${formatNumber(student.meanDiceCi95[1], 3)}; all in evaluation.json and cases.csv`;
  const { margin } = recipe.compare;
  return [
    [1, 'Title says that the study is on artificial intelligence', null],
    [2, 'Abstract summarises design, methods, results, conclusions', null],
    [3, 'Background and clinical role', null],
    [
      4,
      'Aims and hypotheses',
      margin === null
        ? null
        : `the student loses less than ${margin} mean Dice against its teacher (set before the run)`,
    ],
    [5, 'Prospective or retrospective', null],
    [6, 'Goal of the study', 'segmentation by a small network that is distilled from a large one'],
    [7, 'Sources of data', `data set ${data.dataset}; hashes of all files in run.json and bom.cdx.json`],
    [8, 'Inclusion and exclusion', null],
    [9, 'Preprocessing', `\`${JSON.stringify(recipe.preprocess)}\``],
    [10, 'Selection of subsets of data', `patches: \`${JSON.stringify(recipe.patch)}\``],
    [11, 'De-identification', null],
    [12, 'Missing data', null],
    [
      13,
      'Acquisition of images',
      data.channels === undefined ? null : `channels ${data.channels.join(', ')}; the protocol is to be written`,
    ],
    [14, 'Definition of the reference standard', null],
    [15, 'Reason for this reference standard', null],
    [16, 'Who annotated', null],
    [17, 'Annotation of the test set', null],
    [18, 'Agreement of annotators', null],
    [19, 'How cases were assigned to partitions', `${splitsText(facts)}; \`${JSON.stringify(recipe.data.splits)}\``],
    [20, 'Level at which partitions are disjoint', 'patient (data.patients), else case'],
    [
      21,
      'Intended sample size',
      'voxstill power tells how many test cases a verdict needs; what was intended is to be written',
    ],
    [22, 'Model', `student \`${JSON.stringify(recipe.student)}\`; teacher \`${JSON.stringify(recipe.teacher)}\``],
    [23, 'Software', versions.join(', ')],
    [24, 'Initial parameters', `seeds ${recipe.seeds.join(', ')}; student and baseline start from the same weights`],
    [
      25,
      'Training',
      `optimizer \`${JSON.stringify(recipe.optimizer)}\`; losses \`${JSON.stringify(recipe.loss)}\`; distillation \`${JSON.stringify(recipe.distill.losses)}\`; augmentation \`${JSON.stringify(recipe.augment)}\``,
    ],
    [26, 'Choice of the final model', 'the step with the best mean Dice on the validation cases'],
    [
      27,
      'Ensembles',
      isFinished(recipe.teacher)
        ? `teacher: ${plural(teacherEntries(recipe.teacher).flatMap(({ onnx }) => onnx).length, 'finished model')}`
        : 'none',
    ],
    [
      28,
      'Metrics',
      'Dice, IoU, sensitivity, precision, HD95, ASSD, surface Dice, volume error, calibration error, per class and case',
    ],
    [
      29,
      'Significance and uncertainty',
      `Wilcoxon signed-rank tests with Holm's correction; 95 % intervals over cases and models (${plural(models, 'trained model')})`,
    ],
    [30, 'Robustness', null],
    [31, 'Explainability', null],
    [
      32,
      'Evaluation on internal data',
      `${plural(evaluations['student']?.cases.length ?? 0, 'test case')}, which selected nothing`,
    ],
    [33, 'Evaluation on external data', 'none by this run'],
    [34, 'Registration of a trial', null],
    [35, 'Flow of participants', splitsText(facts)],
    [36, 'Demographic and clinical characteristics', null],
    [37, 'Performance', quality],
    [38, 'Precision of the estimates', sentences.join(' ')],
    [
      39,
      'Failures',
      missed.length === 0
        ? null
        : `structures missed or made up: ${missed.join(', ')}; the worst cases are in report.html`,
    ],
    [40, 'Limits of the study', null],
    [41, 'Implications for practice', null],
    [42, 'Protocol', 'recipe.yaml in the run folder is complete: running it again gives the same result'],
    [43, 'Availability of software, model and data', 'voxstill is Apache-2.0; model and data are to be told'],
    [44, 'Funding', null],
  ];
}

/** The checklist as Markdown. */
export function claimChecklist(facts: RunFacts): string {
  const rows = itemsOf(facts).map(
    ([number, topic, answer]) =>
      `| ${number} | ${topic} | ${answer === null || answer === '' ? '**to be written**' : answer.replaceAll('|', '\\|').replaceAll('\n', ' ')} |`,
  );
  const known = itemsOf(facts).filter(([, , answer]) => answer !== null && answer !== '').length;
  return `# CLAIM checklist

Filled from the records of the run as far as they know: ${known} of 44 items. The items and what they ask for: [CLAIM 2024](https://doi.org/10.1148/ryai.240300).

| item | topic | answer |
|---|---|---|
${rows.join('\n')}
`;
}
