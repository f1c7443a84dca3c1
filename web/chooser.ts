/** Asks which of several images to open, or what they are to each other. */
import { byId, make } from './elements.ts';
import { guessRoles, type Role, type Wanted, wantedByRoles } from './file-roles.ts';
import type { ImageChoice } from './image-choices.ts';

/** What was chosen: one case, or images to be segmented one after another. */
export type Chosen =
  | { readonly kind: 'case'; readonly wanted: Wanted }
  | { readonly kind: 'batch'; readonly images: readonly ImageChoice[] };

const ROLES: Readonly<Record<Role, string>> = { image: 'image', reference: 'reference', none: 'leave out' };

function roleList(role: Role, title: string): HTMLSelectElement {
  const options = Object.entries(ROLES).map(([value, text]) => make('option', { value }, text));
  const list = make('select', { 'aria-label': `Role of ${title}` }, ...options) as HTMLSelectElement;
  list.value = role;
  return list;
}

/** The middle slice of a series, or that there is none to show; nothing for other images. */
function pictureOf({ picture, title }: ImageChoice): readonly HTMLElement[] {
  if (picture === undefined) return [];
  if (picture === null) return [make('span', { class: 'picture soft' }, 'no picture')];
  const { width, height, grey } = picture;
  const canvas = make('canvas', { role: 'img', 'aria-label': `Middle slice of ${title}` }) as HTMLCanvasElement;
  Object.assign(canvas, { width, height, className: 'picture' });
  const data = new ImageData(width, height);
  for (const [pixel, level] of grey.entries()) data.data.set([level, level, level, 255], pixel * 4);
  canvas.getContext('2d')?.putImageData(data, 0, 0);
  return [canvas];
}

/** What the button for all images does, by their roles. */
function togetherText(wanted: Wanted | undefined): string {
  if (wanted === undefined) return 'No image among them';
  const { channels, reference } = wanted;
  const image = channels.length === 1 ? 'Open the image' : `Open as ${channels.length} channels of one image`;
  return `${image}${reference === undefined ? '' : ' with the reference'}`;
}

/**
 * Shows the images and waits for a choice.
 * @param canSegment whether a model is chosen, so that all can be segmented
 * @returns undefined where the question was closed without one
 */
export function chooseImage(images: readonly ImageChoice[], canSegment: boolean): Promise<Chosen | undefined> {
  const dialog = byId<HTMLDialogElement>('chooser');
  return new Promise(resolve => {
    let chosen: Chosen | undefined;
    const choose = (what: Chosen): void => {
      chosen = what;
      dialog.close();
    };
    const roles = guessRoles(images);
    const lists = images.map(({ title }, index) => roleList(roles[index]!, title));
    const items = images.map((image, index) => {
      const texts = make('span', {}, image.title);
      if (image.facts !== '') texts.append(make('span', { class: 'soft' }, image.facts));
      const button = make('button', { type: 'button' }, texts, ...pictureOf(image));
      button.addEventListener('click', () => choose({ kind: 'case', wanted: { channels: [image] } }));
      return make('li', {}, button, lists[index]!);
    });
    const together = byId<HTMLButtonElement>('choose-together');
    const each = byId<HTMLButtonElement>('choose-each');
    const byRoles = (): Wanted | undefined =>
      wantedByRoles(
        images,
        lists.map(({ value }) => value as Role),
      );
    const update = (): void => {
      const wanted = byRoles();
      together.textContent = togetherText(wanted);
      together.disabled = wanted === undefined;
      each.disabled = wanted === undefined || !canSegment;
      each.textContent = `Segment each of the ${wanted?.channels.length ?? 0} images`;
    };
    for (const list of lists) list.addEventListener('change', update);
    together.onclick = () => {
      const wanted = byRoles();
      if (wanted !== undefined) choose({ kind: 'case', wanted });
    };
    each.onclick = () => choose({ kind: 'batch', images: byRoles()?.channels ?? [] });
    update();
    byId('chooser-list').replaceChildren(...items);
    dialog.addEventListener('close', () => resolve(chosen), { once: true });
    dialog.showModal();
  });
}
