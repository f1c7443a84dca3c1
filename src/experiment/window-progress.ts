/**
 * Progress over several volumes, counted in windows of all of them, so that a large volume does not make the remaining
 * time rise. Windows that are not known beforehand are taken as the mean of the known ones.
 */
import type { VolumeSources } from '../data/volume-file.ts';
import { readGrid } from '../data/volume-grid.ts';
import { expectedWindows } from '../inference/expected-windows.ts';
import type { ModelInfo } from '../inference/model-info.ts';
import type { WindowChoice } from '../inference/sliding-window.ts';
import type { ProgressTask } from '../runtime/progress.ts';

/** Progress of volumes that are worked through one after another. */
export interface WindowProgress {
  /** `done` of the `total` windows of the current volume. */
  window(done: number, total: number): void;
  /** Ends the current volume, after all of its windows or some; what it did not need is no longer expected. */
  next(): void;
  finish(note?: string): void;
}

/** Windows of all volumes, as far as is known. */
function sumOf(windows: readonly (number | undefined)[]): number {
  const known = windows.filter(count => count !== undefined);
  const sum = known.reduce((total, count) => total + count, 0);
  const mean = known.length === 0 ? 1 : sum / known.length;
  return Math.round(sum + (windows.length - known.length) * mean);
}

export interface WindowProgressOptions {
  /** Windows of each volume; undefined for one whose header does not say. */
  readonly expected: readonly (number | undefined)[];
  /** What a volume is called: volume, case. */
  readonly noun: string;
  /** Opens the task with the number of windows. */
  readonly open: (windows: number) => ProgressTask;
}

/** What the number of windows of a volume depends on beside its grid. */
interface WindowsAsked {
  readonly models: readonly ModelInfo[];
  readonly window: WindowChoice;
  readonly series?: string | undefined;
}

/**
 * The windows of each volume by its header.
 * @param paths one file of each volume
 * @returns undefined for those whose header does not say
 */
export async function expectWindows(
  sources: VolumeSources,
  paths: readonly string[],
  { models, window, series }: WindowsAsked,
): Promise<readonly (number | undefined)[]> {
  const counts: (number | undefined)[] = [];
  for (const path of paths) {
    const grid = await readGrid(sources, path, { series });
    counts.push(grid && expectedWindows(models, grid, window));
  }
  return counts;
}

/** @param options at least one volume */
export function createWindowProgress({ expected, noun, open }: WindowProgressOptions): WindowProgress {
  const windows = [...expected];
  const task = open(sumOf(windows));
  let [at, before, here] = [0, 0, 0];
  const show = (): void => {
    const place = Math.min(at + 1, windows.length);
    const note = windows.length === 1 ? undefined : `${noun} ${place} of ${windows.length}`;
    task.update(before + here, note, { total: sumOf(windows) });
  };
  return {
    window: (done, total) => {
      windows[at] = total;
      here = done;
      show();
    },
    next: () => {
      windows[at] = here;
      [at, before, here] = [at + 1, before + here, 0];
      show();
    },
    finish: note => task.finish(note),
  };
}
