/** What the page says of itself where it is one html file: what is in it, and what a file from disk cannot do. */
import { byId, make } from './elements.ts';
import { heldFile, heldSum } from './own-files.ts';

const MODEL = 'run/model.onnx';

/** A text of the file that is unfolded by a click. */
function textOf(title: string, path: string): HTMLElement {
  const text = make('pre');
  const details = make('details', {}, make('summary', {}, title), text);
  details.addEventListener('toggle', () => {
    text.textContent ||= new TextDecoder().decode(heldFile(path));
  });
  return details;
}

/**
 * @param version of voxstill
 * @throws {InputError} E_PAGE_DAMAGED
 */
export function showAbout(version: string): void {
  // browsers give a file no storage that a training could use
  byId('show-distil').hidden = true;
  byId('isolation').replaceChildren(
    'One thread only, since browsers give a file that is opened from disk no more. The same model as a folder on a server (',
    make('code', {}, 'voxstill pack'),
    ' without ',
    make('code', {}, '--as html'),
    ') computes on all cores.',
  );
  const facts = [
    ['Model', `SHA-256 ${heldSum(MODEL) ?? 'unknown'}`],
    ['Page', `voxstill ${version}, with model and runtime in this one file; it asks no server for anything`],
  ].flatMap(([name = '', text = '']) => [make('dt', {}, name), make('dd', {}, text)]);
  const texts = [
    ['Model card', 'model-card.md'],
    ['Licences', 'licenses.md'],
  ].flatMap(([title = '', path = '']) => (heldSum(path) === undefined ? [] : [textOf(title, path)]));
  byId('about').append(make('dl', { class: 'keys' }, ...facts), ...texts);
  byId('about').hidden = false;
  // the model is the last part, so a file that was cut off says so at once
  heldFile(MODEL);
}
