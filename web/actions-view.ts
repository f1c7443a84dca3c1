/** What can be done next, and the one long job that is being done, with its progress. */
import { InputError, VoxstillError } from '../src/core/errors.ts';
import { byId } from './elements.ts';
import { guarded, hideMessage, showError } from './message.ts';
import type { PageState } from './page-state.ts';
import type { Scan } from './protocol.ts';

export interface ActionsView {
  /** Offers what the state allows, and says what a segmentation would take. */
  update(): Promise<void>;
  /** Does a long job; nothing where another one is being done. An error is shown, unless the job was cancelled. */
  busily(work: () => Promise<void>): Promise<void>;
  /** @param share done, 0 to 1; the bar runs without an end where it is not known */
  showProgress(text: string, share?: number): void;
}

/** Whether one frame of an image can be chosen: it has several, which come from one file or series. */
export function hasFrames(scan: Scan | undefined): scan is Scan {
  return scan !== undefined && scan.sources.length === 1 && (scan.frames ?? scan.volume.channels) > 1;
}

/** What the segmentation would take, or why it cannot be. */
async function estimateText({ scan, chosen }: PageState): Promise<string> {
  if (scan === undefined || chosen === undefined) return '';
  const file = await chosen.read();
  const { planMemory } = await import('./memory.ts');
  try {
    return planMemory(scan.volume, file).text;
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
}

/** @param state of the page; this view changes whether it is busy */
export function createActionsView(state: PageState): ActionsView {
  async function update(): Promise<void> {
    const { isBusy, scan, chosen, backends } = state;
    byId<HTMLButtonElement>('segment').disabled =
      isBusy || scan === undefined || chosen === undefined || backends === undefined;
    byId<HTMLButtonElement>('save-session').disabled = isBusy || scan === undefined;
    byId('cancel').hidden = !isBusy;
    byId('reference-label').hidden = scan === undefined;
    byId('choose-frame').hidden = isBusy || !hasFrames(scan);
    byId('estimate').textContent = await estimateText(state);
  }

  return {
    update,

    async busily(work) {
      if (state.isBusy) return;
      state.isBusy = true;
      hideMessage();
      try {
        await update();
        await work();
      } catch (error) {
        if (!(error instanceof VoxstillError && error.code === 'E_CANCELLED')) showError(error);
      } finally {
        state.isBusy = false;
        byId('progress').hidden = true;
        await guarded(update);
      }
    },

    showProgress(text, share) {
      const bar = byId<HTMLProgressElement>('progress-bar');
      byId('progress').hidden = false;
      byId('progress-text').textContent = text;
      if (share === undefined) bar.removeAttribute('value');
      else bar.value = share;
    },
  };
}
