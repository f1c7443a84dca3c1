/** Looks at the study that is served again and again, since it may go on: often while it runs, and seldom otherwise. */
import type { StudyOverview } from '../src/study/overview.ts';
import { fetchStudy } from './models.ts';

/** While something is running, and when nothing is: somebody may start it again. */
const [POLL_MS, IDLE_POLL_MS] = [2000, 10_000];

/** Waits, or less long where somebody cannot wait. */
function pause(ms: number): { readonly over: Promise<void>; readonly end: () => void } {
  let end = (): void => {};
  const over = new Promise<void>(resolve => {
    const timer = setTimeout(resolve, ms);
    end = () => {
      clearTimeout(timer);
      resolve();
    };
  });
  return { over, end };
}

export interface StudyWatch {
  /** Looks at once. */
  hurry(): void;
  /** Ends when the study is no longer served. */
  readonly over: Promise<void>;
}

/** @param onStudy called with the study whenever it was looked at */
export function watchStudy(study: StudyOverview, onStudy: (study: StudyOverview) => Promise<void>): StudyWatch {
  let hurry = (): void => {};
  const watch = async (): Promise<void> => {
    for (let now: StudyOverview | undefined = study; now !== undefined; now = await fetchStudy()) {
      await onStudy(now);
      const { over, end } = pause(now.status === 'running' ? POLL_MS : IDLE_POLL_MS);
      hurry = end;
      await over;
    }
  };
  return { hurry: () => hurry(), over: watch() };
}
