/** Asks which of several images to open. */
import { byId, make } from './elements.ts';
import type { ImageChoice } from './image-choices.ts';

/**
 * Shows the images and waits for a choice.
 * @returns undefined where the question was closed without one
 */
export function chooseImage(images: readonly ImageChoice[]): Promise<ImageChoice | undefined> {
  const dialog = byId<HTMLDialogElement>('chooser');
  return new Promise(resolve => {
    let chosen: ImageChoice | undefined;
    const items = images.map(image => {
      const button = make('button', { type: 'button' }, image.title);
      if (image.facts !== '') button.append(make('span', { class: 'soft' }, image.facts));
      button.addEventListener('click', () => {
        chosen = image;
        dialog.close();
      });
      return make('li', {}, button);
    });
    byId('chooser-list').replaceChildren(...items);
    dialog.addEventListener('close', () => resolve(chosen), { once: true });
    dialog.showModal();
  });
}
