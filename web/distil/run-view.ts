/** A session as it trains, and what came of it: progress, curves, the report, and files to download. */
import { formatDuration, formatWhole } from '../../src/core/format.ts';
import { parseHistory } from '../../src/experiment/history.ts';
import { readText } from '../../src/runtime/json-file.ts';
import type { StepRecord } from '../../src/training/trainer.ts';
import { drawCurves } from '../curves.ts';
import { byId, make } from '../elements.ts';
import { saveFile } from '../save-file.ts';
import type { DistilReply } from './protocol.ts';
import { RECIPE, RUN, type SessionFacts } from './session-storage.ts';
import { sessionFiles } from './sessions.ts';
import { SPLITS } from './teacher-alone.ts';

/** The student of the first training. */
const STUDENT = `${RUN}/student/model.onnx`;
const REPORT = `${RUN}/report.html`;

/** What is shown of a session besides its files. */
export type ShownFacts = Omit<SessionFacts, 'startedAt'>;

export interface RunView {
  /** Begins to show a session that trains. */
  begin(title: string): void;
  /** Shows what its worker says. */
  show(reply: DistilReply): void;
  /** Says that it no longer trains. */
  stop(text: string): void;
  /** Shows a finished session: report and downloads. */
  showResult(session: string, facts: ShownFacts): Promise<void>;
  /** Names the student that is handed out: the first one, or one that went on from it. */
  offer(student: string): void;
  /** Shows no session. */
  clear(): void;
}

/** Sets a text that is read aloud, only where it is another. */
function say(id: string, text: string): void {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

/** How far a stage is, in words. */
export function progressText({ done, total, unit, note, secondsLeft }: DistilReply & { kind: 'progress' }): string {
  const left = secondsLeft === undefined ? '' : `, about ${formatDuration(secondsLeft)} left`;
  return `${unit} ${formatWhole(done)} of ${formatWhole(total)}${left}${note === '' ? '' : ` (${note})`}`;
}

/** @param useStudent takes the student to the view of images */
export function createRunView(useStudent: (file: File) => Promise<void>): RunView {
  const histories = new Map<string, readonly StepRecord[]>();
  const bar = byId<HTMLProgressElement>('distil-bar');
  let student = STUDENT;

  function draw(): void {
    drawCurves(Object.fromEntries(histories), { legend: byId('distil-legend'), charts: byId('distil-curves') });
    byId('distil-curves-view').hidden = histories.size === 0;
  }

  /** A button that hands out a file of the session. */
  function download(session: string, path: string | (() => string), name: string): HTMLElement {
    const button = make('button', { type: 'button' }, name);
    button.addEventListener('click', async () => {
      const files = await sessionFiles(session);
      saveFile(name, await files.read(typeof path === 'string' ? path : path()));
    });
    return button;
  }

  return {
    begin(title) {
      histories.clear();
      draw();
      byId('distil-run').hidden = false;
      byId('distil-result').hidden = true;
      byId('distil-computes').textContent = '';
      byId('distil-title').textContent = title;
      byId('distil-warnings').replaceChildren();
      byId('distil-warnings').hidden = true;
      bar.hidden = false;
    },

    show(reply) {
      if (reply.kind === 'computes') byId('distil-computes').textContent = `Computed on: ${reply.text}.`;
      if (reply.kind === 'begun') say('distil-stage', reply.label);
      if (reply.kind === 'progress') {
        say('distil-stage', reply.label);
        byId('distil-progress').textContent = progressText(reply);
        bar.max = Math.max(1, reply.total);
        bar.value = reply.done;
      }
      if (reply.kind === 'said' && reply.isWarning) {
        byId('distil-warnings').append(make('li', {}, reply.message));
        byId('distil-warnings').hidden = false;
      }
      if (reply.kind === 'history') {
        histories.set(reply.arm, parseHistory(reply.text, `${reply.arm}/history.csv`));
        draw();
      }
    },

    stop(text) {
      bar.hidden = true;
      byId('distil-stage').textContent = text;
      byId('distil-progress').textContent = '';
    },

    offer(path) {
      student = path;
    },

    async showResult(session, { title, isPaired, isUntested }) {
      const files = await sessionFiles(session);
      student = STUDENT;
      histories.clear();
      for (const arm of await files.list(RUN)) {
        const path = `${RUN}/${arm}/history.csv`;
        if (await files.exists(path)) histories.set(arm, parseHistory(await readText(files, path), path));
      }
      draw();
      byId('distil-run').hidden = false;
      byId('distil-title').textContent = title;
      const use = make('button', { type: 'button', class: 'primary' }, 'Use the student');
      use.addEventListener('click', async () => {
        const bytes = (await files.read(student)) as Uint8Array<ArrayBuffer>;
        await useStudent(new File([bytes], 'student.onnx'));
      });
      byId('distil-downloads').replaceChildren(
        use,
        download(session, () => student, 'student.onnx'),
        ...(isUntested === true ? [] : [download(session, REPORT, 'report.html')]),
        download(session, RECIPE, 'recipe.yaml'),
        ...(isUntested === true ? [download(session, SPLITS, 'splits.json')] : []),
        ...(isPaired ? [download(session, `data/${title}/dataset.json`, 'dataset.json')] : []),
      );
      byId('distil-untested').hidden = isUntested !== true;
      byId('distil-report').hidden = isUntested === true;
      if (isUntested !== true) byId<HTMLIFrameElement>('distil-report').srcdoc = await readText(files, REPORT);
      byId('distil-result').hidden = false;
    },

    clear() {
      byId('distil-run').hidden = true;
      byId('distil-result').hidden = true;
    },
  };
}
