/** Nothing that was computed is lost without a question: when the page is left, and when another image is opened. */
import { byId } from './elements.ts';
import type { PageState } from './page-state.ts';

/**
 * Asks before the page is left while something is computed or is not saved.
 * @param hasUnsaved whether there is more that is not saved than the state of the page says
 */
export function guardLeaving(state: PageState, hasUnsaved: () => boolean): void {
  addEventListener('beforeunload', event => {
    if (state.isBusy || state.unsaved.size > 0 || hasUnsaved()) event.preventDefault();
  });
}

/** The answer to the last question. */
let answered: Promise<unknown> = Promise.resolve();

/**
 * Asks whether the segmentations of the open image may go, if there are any that are not saved. One question is asked
 * at a time: a dialog reports that it was closed some time after the click, when the next image may already be there.
 * @param saveAll saves them
 * @returns whether to go on
 */
export function mayReplaceImage(state: PageState, saveAll: () => Promise<void> | void): Promise<boolean> {
  const answer = answered.then(() => ask(state, saveAll));
  answered = answer.catch(() => undefined);
  return answer;
}

function ask(state: PageState, saveAll: () => Promise<void> | void): Promise<boolean> {
  if (state.unsaved.size === 0) return Promise.resolve(true);
  const dialog = byId<HTMLDialogElement>('replace');
  const names = [...state.unsaved].join(', ');
  byId('replace-text').textContent = `Not saved: ${names} of ${state.scan?.name ?? 'the open image'}.`;
  dialog.returnValue = '';
  return new Promise((resolve, reject) => {
    dialog.addEventListener(
      'close',
      async () => {
        try {
          if (dialog.returnValue === 'save') await saveAll();
          resolve(dialog.returnValue === 'save' || dialog.returnValue === 'discard');
        } catch (error) {
          reject(error);
        }
      },
      { once: true },
    );
    dialog.showModal();
  });
}
