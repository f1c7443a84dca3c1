/** The segmentations of the open image: their table, which one is drawn, and how two of them differ. */

import { InputError, invariant } from '../src/core/errors.ts';
import { formatDice } from '../src/core/format.ts';
import { encodeNiftiLabels } from '../src/volume/nifti.ts';
import { formatSize } from '../src/volume/volume.ts';
import { differenceOf } from './difference.ts';
import { byId, make } from './elements.ts';
import type { PageState } from './page-state.ts';
import { saveFile } from './save-file.ts';
import { renderVolumes, type Segmented, stylesOf } from './segmentations.ts';

export interface SegmentationView {
  /** Draws table and labels anew. */
  render(): void;
  /** Draws one of the segmentations; an index beyond them changes nothing, -1 draws none. */
  show(index: number): void;
  /** Draws how the one that is shown differs from this one; -1 compares with none. */
  compareWith(index: number): void;
  /** Adds a segmentation, or puts it in place of the one of the same name, and draws it. */
  add(item: Segmented): void;
  /**
   * Adds the reference labels of the image. Names of classes come from the chosen model, since a label file has none.
   * @throws {InputError} E_SHAPE_MISMATCH if they are on another grid
   */
  addReference(labels: Segmented['labels']): Promise<void>;
  /** Saves the one that is shown as a file of the browser. */
  save(): void;
  /** Saves all that are not saved. */
  saveUnsaved(): void;
}

/** @param state of the page; this view changes what is segmented and what is shown of it */
export function createSegmentationView(state: PageState): SegmentationView {
  const other = byId<HTMLSelectElement>('other');

  function drawLabels(): void {
    const [first, second] = [state.segmented[state.shown], state.segmented[state.other]];
    const isCompared = first !== undefined && second !== undefined && first !== second;
    byId('difference').hidden = !isCompared;
    if (!isCompared) {
      state.viewer?.showLabels(first?.labels ?? null, first === undefined ? [] : stylesOf(first));
      return;
    }
    const { styles, dice, voxels, labels } = differenceOf(first, second);
    const swatches = styles.map(({ name, colour }) =>
      make('li', {}, make('span', { class: 'swatch', style: `background: rgb(${colour.join(',')})` }), name),
    );
    const scores = dice.map(({ name, dice: value }) =>
      make('li', {}, `Dice of ${name}: ${value === null ? 'neither has it' : formatDice(value)}`),
    );
    byId('difference').replaceChildren(...scores, make('li', {}, `${voxels} voxels differ`), ...swatches);
    state.viewer?.showLabels(labels, styles);
  }

  function saveItem(item: Segmented): void {
    const { scan } = state;
    invariant(scan !== undefined, 'there is an image where there is a segmentation');
    const name = `${scan.stem}_${item.name.replace(/[^\w.-]+/g, '_')}.nii.gz`;
    saveFile(name, encodeNiftiLabels(item.labels, scan.header));
    state.unsaved = new Set([...state.unsaved].filter(other => other !== item.name));
  }

  const view: SegmentationView = {
    render() {
      const { segmented, shown } = state;
      byId('results').hidden = segmented.length === 0;
      renderVolumes(byId('volumes'), { list: segmented, shown, onShow: view.show });
      const options = segmented.map(({ name }, index) => make('option', { value: String(index) }, name));
      other.replaceChildren(make('option', { value: '-1' }, 'nothing'), ...options);
      other.value = String(state.other);
      const cautions = segmented[shown]?.warnings ?? [];
      byId('cautions').hidden = cautions.length === 0;
      byId('cautions').replaceChildren(...cautions.map(({ code, message }) => make('li', {}, `${code}: ${message}`)));
      byId('cost').textContent = segmented[shown]?.cost ?? '';
      byId<HTMLButtonElement>('save').disabled = shown < 0;
      drawLabels();
    },

    show(index) {
      if (index < state.segmented.length) state.shown = index;
      const focused = document.activeElement instanceof HTMLInputElement && document.activeElement.name === 'shown';
      view.render();
      if (focused) document.querySelector<HTMLInputElement>('input[name="shown"]:checked')?.focus();
    },

    compareWith(index) {
      state.other = index;
      drawLabels();
    },

    add(item) {
      const { segmented } = state;
      const place = segmented.findIndex(({ name }) => name === item.name);
      state.segmented = place < 0 ? [...segmented, item] : segmented.with(place, item);
      if (item.cost !== '') state.unsaved = new Set([...state.unsaved, item.name]);
      view.show(place < 0 ? segmented.length : place);
    },

    async addReference(labels) {
      const { scan, chosen } = state;
      if (scan === undefined || formatSize(labels.sizeVoxels) !== formatSize(scan.volume.sizeVoxels)) {
        const size = formatSize(scan?.volume.sizeVoxels ?? [0, 0, 0]);
        throw new InputError(
          'E_SHAPE_MISMATCH',
          `the reference has ${formatSize(labels.sizeVoxels)} voxels, the image ${size}. Choose the labels of this image, on its grid.`,
        );
      }
      const file = await chosen?.read();
      const values = [...new Set(labels.data)].sort((left, right) => left - right);
      const nameOf = (value: number): string =>
        file?.info.labels.find(one => one.value === value)?.name ?? `label ${value}`;
      const classes = values.map(value => ({ value, name: nameOf(value) }));
      view.add({ name: 'reference', labels, classes, cost: '', warnings: [] });
    },

    save() {
      const item = state.segmented[state.shown];
      if (item !== undefined) saveItem(item);
    },

    saveUnsaved() {
      for (const item of state.segmented) if (state.unsaved.has(item.name)) saveItem(item);
    },
  };
  return view;
}
