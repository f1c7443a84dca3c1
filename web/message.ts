/**
 * The one place where the page says that something went wrong, or should be known, and what to do. The page stays
 * usable.
 */
import { VoxstillError, type WarningCode } from '../src/core/errors.ts';
import { byId } from './elements.ts';

export function hideMessage(): void {
  byId('message').hidden = true;
}

/** Shows a message until it is closed or another one takes its place. */
function showMessage(kind: 'error' | 'warning', text: string): void {
  byId('message').className = kind;
  byId('message-text').textContent = text;
  byId('message').hidden = false;
}

/** Shows an error. One that is not meant for people is shown as a bug of the page. */
export function showError(problem: unknown): void {
  const text =
    problem instanceof VoxstillError
      ? `${problem.code}: ${problem.message}`
      : `${problem instanceof Error ? problem.message : String(problem)} (a bug in the page; reloading it may help)`;
  showMessage('error', text);
}

/** Shows warnings, a line each, if there are any. */
export function showWarnings(warnings: readonly { readonly code: WarningCode; readonly message: string }[]): void {
  if (warnings.length === 0) return;
  showMessage('warning', warnings.map(({ code, message }) => `${code}: ${message}`).join('\n'));
}

/** Does something and shows its error, if it ends in one. */
export async function guarded(work: () => Promise<void> | void): Promise<void> {
  try {
    await work();
  } catch (error) {
    showError(error);
  }
}
