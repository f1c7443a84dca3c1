/**
 * The CLAIM checklist (Checklist for Artificial Intelligence in Medical Imaging, 2024 update,
 * https://doi.org/10.1148/ryai.240300), filled as far as a run knows the answers. Topics are in our words; what only
 * the authors know is left to them.
 */

import { formatDice, formatInterval, plural } from '../../core/format.ts';
import { isFinished, teacherEntries } from '../../recipe/schema/teacher.ts';
import { casesSentence } from '../data-section.ts';
import { startSentences } from '../start-text.ts';
import type { RunFacts } from './model-card.ts';

/** One item of the checklist; null where the run does not know. */
type Item = readonly [number: number, topic: string, answer: string | null];

/** What is known of the groups that the recipe names: how well each does, or null. */
function groupsText({ comparison }: RunFacts): string | null {
  const groups = comparison.groups ?? [];
  return groups.length === 0
    ? null
    : `scores by ${groups.map(({ by }) => by).join(', ')}, with the worst group, in report.html and comparison.json`;
}

function teacherText({ recipe }: RunFacts): string {
  if (!isFinished(recipe.teacher)) return 'none';
  const models = teacherEntries(recipe.teacher).flatMap(({ onnx }) => onnx).length;
  return models === 1 ? 'none; the teacher is one finished model' : `teacher of ${models} finished models`;
}

/** Items of methods: 5 to 34. */
function methodItems(facts: RunFacts): readonly Item[] {
  const { run, recipe, data, evaluations } = facts;
  const models = run.arms.find(({ name }) => name === 'student')?.repeats.length ?? 0;
  const versions = Object.entries(run.record?.versions ?? {}).map(([name, version]) => `${name} ${version}`);
  const { patients } = recipe.data;
  const groups = groupsText(facts);
  return [
    [5, 'Whether data were collected before or after the study was planned', null],
    [6, 'What the study is for', 'segmentation by a small network that is distilled from a large one'],
    [7, 'Where the data come from', `data set ${data.dataset}; hashes of all files in run.json and bom.cdx.json`],
    [8, 'Which cases were taken in and left out, and by which rule', null],
    [9, 'Preparation of the images', `\`${JSON.stringify(recipe.preprocess)}\``],
    [10, 'Which parts of the data were used', `patches: \`${JSON.stringify(recipe.patch)}\``],
    [11, 'How patients were made unrecognisable', null],
    [12, 'What was done about missing data', null],
    [
      13,
      'How the images were acquired',
      data.channels === undefined
        ? null
        : `channels ${data.channels.join(', ')}; scanner and protocol are to be written`,
    ],
    [14, 'What the reference standard is, well enough to repeat it', null],
    [15, 'Why this reference standard', null],
    [16, 'Who made the reference segmentations, and their training', null],
    [17, 'How the test cases were segmented', null],
    [18, 'How far annotators agree with each other and with themselves', null],
    [
      19,
      'How cases were divided into parts',
      `${casesSentence(data)} splits.json names them. \`${JSON.stringify(recipe.data.splits)}\``,
    ],
    [
      20,
      'What keeps the parts apart: patient, examination or image',
      patients === null
        ? 'case: every case counts as a patient of its own, since the recipe names no patients (data.patients)'
        : 'patient: cases of one patient are in one part',
    ],
    [
      21,
      'How many test cases were meant to be there, and why',
      `${plural(evaluations['student']?.cases.length ?? 0, 'test case')}; voxstill power says how many a verdict needs; what was intended is to be written`,
    ],
    [
      22,
      'The model in full',
      `student \`${JSON.stringify(recipe.student)}\`; teacher \`${JSON.stringify(recipe.teacher)}\``,
    ],
    [23, 'Software with versions', versions.join(', ')],
    [24, 'Parameters at the start', startSentences(recipe).join('; ')],
    [
      25,
      'Training in full',
      `optimizer \`${JSON.stringify(recipe.optimizer)}\`; losses \`${JSON.stringify(recipe.loss)}\`; distillation \`${JSON.stringify(recipe.distill.losses)}\`; augmentation \`${JSON.stringify(recipe.augment)}\``,
    ],
    [26, 'How the final model was chosen', 'the step with the best mean Dice on the validation cases'],
    [27, 'Several models as one', teacherText(facts)],
    [
      28,
      'Measures of performance',
      'Dice, IoU, sensitivity, precision, HD95, ASSD, surface Dice, volume error, calibration error, per class and case',
    ],
    [
      29,
      'Tests and uncertainty',
      `Wilcoxon signed-rank tests with Holm's correction; 95 % intervals over cases and models (${plural(models, 'trained model')})`,
    ],
    [30, 'How sensitive the result is to the data and to the choices made', groups],
    [31, 'How the model is explained', null],
    [
      32,
      'Evaluation on data from the same source',
      `${plural(evaluations['student']?.cases.length ?? 0, 'test case')}, which selected nothing`,
    ],
    [33, 'Testing on data from elsewhere, or why there is none', 'none by this run; the reason is to be written'],
    [34, 'Entry in a register of clinical trials', null],
  ];
}

function itemsOf(facts: RunFacts): readonly Item[] {
  const { recipe, data, comparison, evaluations } = facts;
  const student = comparison.arms['student'];
  const missed = Object.entries(evaluations['student']?.summary.classes ?? {}).map(
    ([name, { oneEmpty }]) => `${name} ${oneEmpty}`,
  );
  const sentences = comparison.pairs.filter(({ metric }) => metric === 'meanDice').map(({ sentence }) => sentence);
  const quality =
    student === undefined
      ? null
      : `mean Dice of the student ${formatDice(student.meanDice)}, 95 % CI ${formatInterval(student.meanDiceCi95, formatDice)}; all in evaluation.json and cases.csv`;
  const { margin } = recipe.compare;
  return [
    [1, 'Title that says that AI is used, and of which kind', null],
    [2, 'Abstract with design, methods, results and conclusions', null],
    [3, 'Background, and what the AI is for in the clinic', null],
    [
      4,
      'Aims and hypotheses',
      margin === null
        ? null
        : `the student loses less than ${margin} mean Dice against its teacher (set before the run)`,
    ],
    ...methodItems(facts),
    [
      35,
      'How many patients or examinations came in and dropped out',
      `${casesSentence(data)} Those left out are to be written`,
    ],
    [36, 'Who the patients of each part are, and how ill', null],
    [37, 'Performance with its uncertainty', quality],
    [38, 'Estimates of performance and how precise they are', sentences.join(' ')],
    [
      39,
      'Where and why it fails',
      missed.length === 0
        ? null
        : `structures missed or made up: ${missed.join(', ')}; the worst cases by each measure are in report.html`,
    ],
    [40, 'Limits of the study', null],
    [41, 'What it means for practice', null],
    [
      42,
      'Where protocol and technical details are found',
      'recipe.yaml in the run folder is complete: running it again gives the same result',
    ],
    [
      43,
      'Whether software, model and data can be had',
      'voxstill is Apache-2.0; where to find model and data is to be written',
    ],
    [44, 'Who paid, and what part they had', null],
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

Filled from the records of the run as far as they know: ${known} of 44 items. 
The topics are in our words; the items themselves and what they ask for are in [CLAIM 2024](https://doi.org/10.1148/ryai.240300).
A topic that the run answers in part says what is still to be written.

| item | topic | answer |
|---|---|---|
${rows.join('\n')}
`;
}
