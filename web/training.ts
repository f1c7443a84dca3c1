/**
 * The study that is served, as it goes on: its units, and learning curves that are redrawn while their histories grow.
 * Loaded when the view of the training is opened.
 */

import { formatDice, formatDuration } from '../src/core/format.ts';
import { parseHistory } from '../src/experiment/history.ts';
import type { ArmOverview, StudyOverview } from '../src/study/overview.ts';
import type { StepRecord } from '../src/training/trainer.ts';
import { drawCurves } from './curves.ts';
import { byId, make } from './elements.ts';
import { createUnitTable } from './units.ts';

/** Largest number of curves in one chart; more cannot be distinguished. */
const MOST_CURVES = 6;

/** A file on the server that is only sent again when it has changed. */
interface Watched {
  readonly tag: string;
  readonly rows: readonly StepRecord[];
}

async function readHistory(path: string, before: Watched | undefined): Promise<Watched | undefined> {
  const headers = before === undefined ? {} : { 'If-None-Match': before.tag };
  const response = await fetch(new URL(`run/${path}`, document.baseURI), { cache: 'no-store', headers });
  if (response.status === 304 || !response.ok) return before;
  return { tag: response.headers.get('ETag') ?? '', rows: parseHistory(await response.text(), path) };
}

function statusText(
  { status, name, units }: StudyOverview,
  histories: Readonly<Record<string, readonly StepRecord[]>>,
): string {
  if (units.length > 0) return `${name}: ${status}`;
  const steps = Object.entries(histories).map(([arm, rows]) => `${arm} at step ${rows.at(-1)?.step ?? 0}`);
  return `${name}: ${status}${steps.length === 0 ? '' : `; ${steps.join(', ')}`}`;
}

/**
 * The arms whose curves are shown: those that were picked, or else those that are running, or else those of the first
 * fold and seed.
 */
function shownArms({ arms, units }: StudyOverview, picked: ReadonlySet<string>): readonly ArmOverview[] {
  const withHistory = arms.filter(({ history }) => history !== undefined);
  const running = new Set(units.filter(({ state }) => state === 'running').map(({ label }) => label));
  const wanted = picked.size > 0 ? picked : running;
  const chosen = withHistory.filter(({ label }) => wanted.has(label));
  const [first] = withHistory;
  const repeat = withHistory.filter(({ fold, seed }) => fold === first?.fold && seed === first?.seed);
  return (chosen.length > 0 ? chosen : repeat).slice(0, MOST_CURVES);
}

/** How far each arm is, and its best validation so far. */
function renderArms(element: HTMLElement, histories: Readonly<Record<string, readonly StepRecord[]>>): void {
  const rows = Object.entries(histories).flatMap(([arm, steps]) => {
    const last = steps.at(-1);
    if (last === undefined) return [];
    const best = bestValidation(steps);
    const cells = [
      String(last.step),
      formatDuration(last.seconds),
      last.learningRate.toPrecision(3),
      best === undefined ? '' : `${formatDice(best.validationDice)} at step ${best.step}`,
    ];
    return [make('tr', {}, make('th', { scope: 'row' }, arm), ...cells.map(cell => make('td', {}, cell)))];
  });
  const heads = ['Arm', 'Step', 'Time', 'Learning rate', 'Best validation Dice'];
  element.replaceChildren(
    make('thead', {}, make('tr', {}, ...heads.map(head => make('th', { scope: 'col' }, head)))),
    make('tbody', {}, ...rows),
  );
  element.hidden = rows.length === 0;
}

/** The validation with the highest Dice, the first of equal ones. */
export function bestValidation(
  steps: readonly StepRecord[],
): (StepRecord & { readonly validationDice: number }) | undefined {
  const validated = steps.filter(
    (row): row is StepRecord & { readonly validationDice: number } =>
      row.validationDice !== undefined && Number.isFinite(row.validationDice),
  );
  const [first, ...others] = validated;
  return first && others.reduce((best, row) => (row.validationDice > best.validationDice ? row : best), first);
}

export interface TrainingView {
  /** Shows units and curves as they are now. */
  update(now: StudyOverview): Promise<void>;
}

/** @param onPick called when other curves are wanted */
export function createTrainingView(onPick: () => void): TrainingView {
  const watched = new Map<string, Watched>();
  let drawn = '';
  let histories: Readonly<Record<string, readonly StepRecord[]>> = {};
  const draw = (): void => {
    const isLog = byId<HTMLInputElement>('curves-log').checked;
    const smoothing = byId<HTMLInputElement>('curves-smoothing').valueAsNumber;
    drawCurves(histories, { legend: byId('curves-legend'), charts: byId('curves') }, { isLog, smoothing });
    renderArms(byId('curves-arms'), histories);
  };
  for (const id of ['curves-log', 'curves-smoothing']) byId(id).addEventListener('input', draw);
  const table = createUnitTable(onPick);
  return {
    async update(now) {
      table.update(now.units);
      const shown = shownArms(now, table.picked());
      for (const { label, history } of shown) {
        const read = await readHistory(history as string, watched.get(label));
        if (read !== undefined) watched.set(label, read);
      }
      histories = Object.fromEntries(shown.map(({ label }) => [label, watched.get(label)?.rows ?? []]));
      byId('training-status').textContent = statusText(now, histories);
      const key = shown.map(({ label }) => `${label} ${watched.get(label)?.tag}`).join();
      if (key === drawn) return;
      drawn = key;
      draw();
    },
  };
}
