/**
 * One run, or several arms, as a single HTML file that opens from disk, needs no network and runs no script: charts are
 * static SVG, pictures are embedded, and a content security policy forbids everything else. Case ids, class names and
 * notes come from files of unknown origin and are escaped by the template that builds the page.
 */

import type { Evaluation } from '../experiment/record.ts';
import type { Comparison } from '../study/comparison/comparison.ts';
import type { TrainedSteps } from '../study/trained-steps.ts';
import type { UnitReport } from '../study/units/state.ts';
import type { StepRecord } from '../training/trainer.ts';
import { orderArms } from './arms.ts';
import { renderCaseTable } from './case-table.ts';
import { renderConfidence } from './confidence-section.ts';
import { type DataFacts, renderDataFacts } from './data-section.ts';
import { renderGroups } from './groups-section.ts';
import { headline } from './headline.ts';
import { judgements } from './judgements.ts';
import { renderLearningCurves } from './learning-curves.ts';
import { html, type Markup } from './markup.ts';
import { renderMeasures } from './measures.ts';
import { charts, command, folded, renderPage, section } from './page.ts';
import { type PicturedCase, renderPictures } from './pictures.ts';
import { renderReliability } from './reliability-charts.ts';
import { renderDicePerCase, renderPairedDifferences } from './score-charts.ts';
import {
  renderArmsTable,
  renderEmptyClassesTable,
  renderMeasuresTable,
  renderRepeatsTable,
  renderTestsTable,
} from './tables.ts';
import { renderTradeOffs } from './trade-off-charts.ts';
import { renderTraining } from './training-table.ts';
import { isRunning, renderUnits } from './units-section.ts';
import { renderVolumeAgreement } from './volume-charts.ts';

/** Everything that a report shows. An empty record or list omits its section. */
export interface ReportInput {
  readonly title: string;
  /** Resolved recipe, YAML. */
  readonly recipe: string;
  /** Provenance (versions, host, seeds, date), shown unchanged in this order. */
  readonly provenance: Readonly<Record<string, string>>;
  readonly comparison: Comparison;
  /** By arm. */
  readonly evaluations: Readonly<Record<string, Evaluation>>;
  /** By arm. */
  readonly histories: Readonly<Record<string, readonly StepRecord[]>>;
  readonly montage: readonly PicturedCase[];
  /** Notes that a reader needs to judge the numbers, one paragraph each. */
  readonly notes: readonly string[];
  /** Units of the run; empty if they are not known. */
  readonly units: readonly UnitReport[];
  /** Facts of the data set; absent if several runs are compared or nothing is known. */
  readonly data?: DataFacts;
  /** Seconds of training by arm. */
  readonly trainingSeconds?: Readonly<Record<string, number>>;
  /** Steps of the trainings by arm, one entry for each fold and seed. */
  readonly trainedSteps?: Readonly<Record<string, readonly TrainedSteps[]>>;
  /** Command that repeats the run; `voxstill run recipe.yaml` with the recipe below if not given. */
  readonly command?: string;
}

function definitions(entries: Readonly<Record<string, string>>): Markup {
  return html`<dl>${Object.entries(entries).map(([term, value]) => html`<dt>${term}</dt><dd>${value}</dd>`)}</dl>`;
}

/**
 * Renders the whole page.
 * @returns a complete HTML document, UTF-8; the same input gives the same text
 */
export function renderReport(input: ReportInput): string {
  const { comparison, evaluations, recipe } = input;
  const hasEvaluations = Object.keys(evaluations).length > 0;
  const [firstEvaluation] = orderArms(Object.keys(evaluations)).map(arm => evaluations[arm]);
  const sections = [
    renderUnits(input.units),
    section('Data', '', input.data === undefined ? [] : renderDataFacts(input.data, firstEvaluation)),
    section('Arms side by side', '', [renderArmsTable(comparison, evaluations), ...renderRepeatsTable(comparison)]),
    section(
      'Not worse than the teacher',
      'One-sided tests at 5 % of whether a student loses less mean Dice than the margin, over cases and trained models together.',
      judgements(comparison.notWorse ?? []),
    ),
    section(
      'Groups of cases',
      'A group is small, so its interval is wide; many groups are compared, and some differ by chance.',
      renderGroups(comparison.groups ?? []),
    ),
    section(
      'What quality costs',
      'Mean Dice with its 95 % interval. The dotted steps are the Pareto front: arms that no other beats in both quality and cost.',
      charts(renderTradeOffs(comparison)),
    ),
    section(
      'Differences on the same cases',
      'Each point is one case: Dice of the first arm minus Dice of the second. Diamond: mean; bar: its 95 % interval; vertical line: no difference.',
      charts(renderPairedDifferences(comparison, evaluations)),
    ),
    section(
      'All cases',
      'Every test case with its scores; with several seeds their mean.',
      renderCaseTable(evaluations),
    ),
    section(
      'Dice of every case',
      'Each point is one case; the box spans the quartiles and the thick line is the median. The axis starts where the scores do.',
      charts(renderDicePerCase(evaluations)),
    ),
    section(
      'Agreement of volumes',
      'Each point is one case (Bland and Altman). Solid line: mean difference; dashed lines: limits of agreement, mean plus and minus 1.96 standard deviations.',
      charts(renderVolumeAgreement(evaluations)),
    ),
    section(
      'Cases in pictures',
      'The worst case by every measure, the median and the best one, as the student of the first fold and seed scores them; without a student, the first arm. Letters at the edges are directions of the patient: R right, L left, A front, P back, S head, I feet. A case that is shown for a distance is cut where the error lies furthest from the truth.',
      renderPictures(input.montage),
    ),
    section('Training', '', renderTraining(input.histories, input.trainingSeconds ?? {}, input.trainedSteps ?? {})),
    section(
      'Learning curves',
      'Cross-entropy and distillation terms are in nats per voxel, Dice terms and the gradient norm have no unit. Long curves are means of consecutive steps.',
      charts(renderLearningCurves(input.histories)),
    ),
    section(
      'Errors of the arms',
      'Volume error is prediction minus reference. Calibration error is the mean gap between the probability of a class and how often it is right, over all voxels; most of these are clear background.',
      hasEvaluations ? [renderMeasuresTable(evaluations)] : [],
    ),
    section(
      'Calibration of the probabilities',
      'All voxels of all cases in bins of equal width. Below the diagonal an arm is overconfident in a class, above it underconfident.',
      charts(renderReliability(evaluations)),
    ),
    section(
      'How sure the models are',
      'A model expects a Dice of its own result, by its calibrated probabilities. Here that stands against the true Dice of the test cases: whether it ranks them, how far off it is, and how often its interval, which is to hold nine in ten, holds the truth.',
      renderConfidence(comparison, evaluations),
    ),
    section(
      'Tests of every metric',
      'Distances exist only where both reference and prediction have the class, so a missed structure is not in them: see the empty classes below.',
      renderTestsTable(comparison),
    ),
    section('Empty classes', '', hasEvaluations ? [renderEmptyClassesTable(evaluations)] : []),
    section('What the measures mean', '', hasEvaluations ? [renderMeasures()] : []),
    section('How to repeat it', 'Save the recipe below as recipe.yaml, put the data where it says, and run:', [
      command(input.command ?? 'npx voxstill run recipe.yaml'),
      definitions(input.provenance),
    ]),
    section(
      'Recipe',
      'With every default filled in. Of folders of the machine that made it only the last name is shown.',
      recipe === '' ? [] : [folded('Show the recipe', recipe)],
    ),
  ];
  return renderPage({
    title: input.title,
    headline: headline(comparison),
    notes: input.notes,
    sections,
    isRunning: isRunning(input.units),
  });
}
