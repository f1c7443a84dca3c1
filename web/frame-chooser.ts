/** Asks for one frame of an image with several, where a model takes one. */
import { byId } from './elements.ts';

const input = (): HTMLInputElement => byId<HTMLInputElement>('frame-number');

/**
 * Waits for a choice.
 * @param options frames: how many there are; shown: the one that is open, from 1
 * @returns undefined where the question was closed without one
 */
export function askFrame({
  frames,
  shown,
}: {
  readonly frames: number;
  readonly shown: number;
}): Promise<number | undefined> {
  const dialog = byId<HTMLDialogElement>('frame-chooser');
  byId('frame-text').textContent =
    `The image has ${frames} frames: points in time, echoes or channels. The model takes one of them.`;
  Object.assign(input(), { max: String(frames), value: String(shown) });
  dialog.returnValue = '';
  return new Promise(resolve => {
    dialog.addEventListener(
      'close',
      () => {
        const frame = input().valueAsNumber;
        const isOne = Number.isInteger(frame) && frame >= 1 && frame <= frames;
        resolve(dialog.returnValue === 'open' && isOne ? frame : undefined);
      },
      { once: true },
    );
    dialog.showModal();
  });
}
