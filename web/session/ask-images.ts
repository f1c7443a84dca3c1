/** Asks for the images of a session, which are not in its file. */
import { byId, make } from '../elements.ts';
import { chosenFiles } from '../inputs.ts';
import type { DroppedFile } from '../protocol.ts';
import { areAllThere, type FoundChannel, foundText } from './image-files.ts';

/** The answer: files to look through, or those that were found though they are others. */
type ImageAnswer = { readonly kind: 'files'; readonly files: readonly DroppedFile[] } | { readonly kind: 'anyway' };

/**
 * Shows what was found of the images, and waits for an answer.
 * @returns undefined where the question was closed without one
 */
export function askImages(found: readonly FoundChannel[]): Promise<ImageAnswer | undefined> {
  const dialog = byId<HTMLDialogElement>('session-images');
  byId('session-found').replaceChildren(...found.map(one => make('li', {}, foundText(one))));
  const anyway = byId<HTMLButtonElement>('session-anyway');
  anyway.hidden = !areAllThere(found);
  return new Promise(resolve => {
    let answer: ImageAnswer | undefined;
    const give = (what: ImageAnswer): void => {
      answer = what;
      dialog.close();
    };
    anyway.onclick = () => give({ kind: 'anyway' });
    for (const id of ['session-files', 'session-folder']) {
      const input = byId<HTMLInputElement>(id);
      input.onchange = () => give({ kind: 'files', files: chosenFiles(input) });
    }
    dialog.addEventListener('close', () => resolve(answer), { once: true });
    dialog.showModal();
  });
}
