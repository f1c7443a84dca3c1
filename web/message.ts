/** The one place where the page says that something went wrong, and what to do. The page stays usable. */
import { VoxstillError } from '../src/core/errors.ts';
import { byId } from './elements.ts';

export function hideMessage(): void {
  byId('message').hidden = true;
}

/** Shows an error or a warning. What is not meant for people is told as a fault of the page. */
export function showMessage(problem: unknown): void {
  const text =
    problem instanceof VoxstillError
      ? `${problem.code}: ${problem.message}`
      : `${problem instanceof Error ? problem.message : String(problem)} (a bug in the page; reloading it may help)`;
  byId('message-text').textContent = text;
  byId('message').hidden = false;
}

/** Does something and shows its error, if it ends in one. */
export async function guarded(work: () => Promise<void> | void): Promise<void> {
  try {
    await work();
  } catch (error) {
    showMessage(error);
  }
}
