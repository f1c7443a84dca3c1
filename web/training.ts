/** Learning curves of the run that is served, redrawn while its histories grow. */
import { parseHistory } from '../src/experiment/history.ts';
import type { HistoryRow } from '../src/experiment/record.ts';
import type { RunOverview } from '../src/experiment/run-overview.ts';
import { renderLearningCurves } from '../src/report/learning-curves.ts';
import { byId } from './elements.ts';
import { fetchRun } from './models.ts';

const POLL_MS = 2000;

/** A file on the server that is only sent again when it has changed. */
interface Watched {
  readonly tag: string;
  readonly rows: readonly HistoryRow[];
}

async function readHistory(path: string, before: Watched | undefined): Promise<Watched | undefined> {
  const headers = before === undefined ? {} : { 'If-None-Match': before.tag };
  const response = await fetch(new URL(`run/${path}`, document.baseURI), { cache: 'no-store', headers });
  if (response.status === 304 || !response.ok) return before;
  return { tag: response.headers.get('ETag') ?? '', rows: parseHistory(await response.text(), path) };
}

function statusText({ status, name }: RunOverview, histories: Readonly<Record<string, readonly HistoryRow[]>>): string {
  const steps = Object.entries(histories).map(([arm, rows]) => `${arm} at step ${rows.at(-1)?.step ?? 0}`);
  return `${name}: ${status}${steps.length === 0 ? '' : `; ${steps.join(', ')}`}`;
}

/**
 * Shows the curves of the first fold and seed, and keeps them up to date until the run has ended.
 * @param onRun told of the run whenever it was looked at, since new models may be there
 */
export async function watchTraining(run: RunOverview, onRun: (run: RunOverview) => void): Promise<void> {
  const watched = new Map<string, Watched>();
  for (let now: RunOverview | undefined = run; now !== undefined; now = await fetchRun()) {
    onRun(now);
    let hasChanged = false;
    for (const { arm, fold, seed, history } of now.arms) {
      if (history === undefined || fold !== now.arms[0]!.fold || seed !== now.arms[0]!.seed) continue;
      const before = watched.get(arm);
      const read = await readHistory(history, before);
      if (read === undefined || read === before) continue;
      watched.set(arm, read);
      hasChanged = true;
    }
    const histories = Object.fromEntries([...watched].map(([arm, { rows }]) => [arm, rows]));
    byId('training-status').textContent = statusText(now, histories);
    // markup of the report's own making, in which every text is escaped
    if (hasChanged)
      byId('curves').innerHTML = renderLearningCurves(histories)
        .map(({ markup }) => markup)
        .join('');
    if (now.status !== 'running') return;
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
}
