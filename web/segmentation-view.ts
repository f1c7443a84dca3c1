/** The segmentations of the open image: their table, which one is drawn, and how two of them differ. */

import { InputError, invariant } from '../src/core/errors.ts';
import { sixDigits } from '../src/core/format.ts';
import { encodeNiftiLabels } from '../src/volume/nifti.ts';
import { assertSameGrid } from '../src/volume/same-grid.ts';
import { differenceOf, distancesOf } from './difference.ts';
import { byId, make } from './elements.ts';
import { showWarnings } from './message.ts';
import type { PageState } from './page-state.ts';
import { offerKinds, type ResultKind, type SavedKind } from './result-kinds.ts';
import { volumesCsv } from './results-csv.ts';
import { saveFile } from './save-file.ts';
import {
  MOST_COLUMNS,
  renderVolumes,
  type Segmented,
  type Structure,
  structuresOf,
  stylesOf,
  volumesByValue,
} from './segmentations.ts';
import { type ComparedRow, renderComparison, renderStructures } from './structures-table.ts';
import type { LabelStyle } from './viewer.ts';

/** A name as a part of a file's name. */
function fileText(name: string): string {
  return name.replace(/[^\w.-]+/g, '_');
}

export interface SegmentationView {
  /** Draws table and labels anew. */
  render(): void;
  /** @param listener called after the segmentation that is drawn may have changed */
  onDrawn(listener: () => void): void;
  /** Draws one of the segmentations; an index beyond them changes nothing, -1 draws none. */
  show(index: number): void;
  /** Draws how the one that is shown differs from this one; -1 compares with none. */
  compareWith(index: number): void;
  /** Adds a segmentation, or puts it in place of the one of the same name, and draws it. */
  add(item: Segmented): void;
  /**
   * Adds the reference labels of the image. Names of classes come from the chosen model, since a label file has none.
   * @throws {InputError} E_SHAPE_MISMATCH, E_GEOMETRY_MISMATCH if they are on another grid
   */
  addReference(labels: Segmented['labels']): Promise<void>;
  /** Puts others, which are saved, in the place of all of them. */
  restore(items: readonly Segmented[], drawn: Pick<PageState, 'shown' | 'other'>): void;
  /**
   * Saves the one that is shown as the kind of file that is chosen.
   * @throws {InputError} as savedFiles
   */
  save(): Promise<void>;
  /** Saves where the one that is shown and the one that it is compared with differ: 1 only it, 2 only the other, 3. */
  saveDifference(): void;
  /** Saves all volumes, and the scores of the comparison, as CSV. */
  saveTable(): void;
  /** Saves all that are not saved, as NIfTI. */
  saveUnsaved(): Promise<void>;
}

/** Two segmentations, their scores so far, and the map of their differences. */
interface Comparison {
  readonly both: readonly [Segmented, Segmented];
  readonly rows: readonly ComparedRow[];
  readonly labels: Segmented['labels'];
  readonly styles: readonly LabelStyle[];
}

/**
 * @param state of the page; this view changes what is segmented and what is shown of it
 * @param version of voxstill, for files that say what made them
 */
export function createSegmentationView(state: PageState, version: string): SegmentationView {
  const other = byId<HTMLSelectElement>('other');
  let comparison: Comparison | undefined;
  const whenDrawn: (() => void)[] = [];

  /** The two that are compared, if there are two. */
  function pair(): readonly [Segmented, Segmented] | undefined {
    const [first, second] = [state.segmented[state.shown], state.segmented[state.other]];
    return first === undefined || second === undefined || first === second ? undefined : [first, second];
  }

  /** Fills in the distances, which take long, a structure at a time and only as long as they are wanted. */
  async function measureDistances(both: readonly [Segmented, Segmented]): Promise<void> {
    for (const { value, hd95Mm } of distancesOf(...both)) {
      if (comparison?.both[0] !== both[0] || comparison.both[1] !== both[1]) return;
      const rows = comparison.rows.map(row => (row.value === value ? { ...row, hd95Mm } : row));
      comparison = { ...comparison, rows };
      drawComparison();
      await new Promise(resolve => setTimeout(resolve));
    }
  }

  function drawComparison(): void {
    if (comparison === undefined) return;
    const [first, second] = comparison.both;
    renderComparison(byId('structures'), `${first.name} against ${second.name}`, comparison.rows);
  }

  /** The pen is put down where something else is shown than what it corrects. */
  function isUnderPen(item: Segmented | undefined, both: Comparison['both'] | undefined): boolean {
    if (state.correcting === undefined) return false;
    if (state.correcting === item && both === undefined) return true;
    state.correcting = undefined;
    state.viewer?.drawing.stop();
    return false;
  }

  function drawLabels(): void {
    drawOverlay();
    for (const listener of whenDrawn) listener();
  }

  function drawOverlay(): void {
    const structures = structuresOf(state.segmented);
    const first = state.segmented[state.shown];
    const both = pair();
    const isPen = isUnderPen(first, both);
    for (const id of ['difference', 'save-difference']) byId(id).hidden = both === undefined;
    const entropy = both === undefined && !isPen ? first?.entropy : undefined;
    byId('uncertainty-field').hidden = entropy === undefined;
    const map = byId<HTMLInputElement>('uncertainty').checked ? entropy : undefined;
    byId('uncertainty-legend').hidden = map === undefined;
    if (both !== undefined) {
      drawDifference(both, structures);
      return;
    }
    comparison = undefined;
    tabulate(first, structures);
    // the pen draws what it corrects
    if (isPen) return;
    if (map !== undefined) state.viewer?.showMap(map);
    else state.viewer?.showLabels(first?.labels ?? null, first === undefined ? [] : stylesOf(first, structures));
  }

  function tabulate(item: Segmented | undefined, structures: readonly Structure[]): void {
    byId('structures').hidden = item === undefined || structures.length <= MOST_COLUMNS;
    if (item !== undefined) renderStructures(byId('structures'), structures, volumesByValue(item));
  }

  /** Draws where two segmentations differ, and begins their table. */
  function drawDifference(both: Comparison['both'], structures: readonly Structure[]): void {
    const { styles, agreements, voxels, labels } = differenceOf(...both);
    const nameOf = (value: number): string => structures.find(one => one.value === value)?.name ?? `label ${value}`;
    const rows = agreements.map(one => ({ ...one, name: nameOf(one.value), hd95Mm: undefined }));
    comparison = { both, rows, labels, styles };
    const swatches = styles.map(({ name, colour }) =>
      make('li', {}, make('span', { class: 'swatch', style: `background: rgb(${colour.join(',')})` }), name),
    );
    byId('difference').replaceChildren(make('li', {}, `${voxels} voxels differ`), ...swatches);
    byId('structures').hidden = false;
    drawComparison();
    state.viewer?.showLabels(labels, styles);
    void measureDistances(both);
  }

  async function saveItem(item: Segmented, kind: ResultKind): Promise<void> {
    const { scan } = state;
    invariant(scan !== undefined, 'there is an image where there is a segmentation');
    const stem = `${scan.stem}_${fileText(item.name)}`;
    if (kind === 'nifti') saveFile(`${stem}.nii.gz`, encodeNiftiLabels(item.labels, scan.header));
    else {
      const { savedFiles, uncodedWarnings } = await import('./saving.ts');
      const files = savedFiles(item, { read: scan, stem, kind, version });
      for (const { path, bytes } of files) saveFile(path, bytes);
      showWarnings(uncodedWarnings(item, kind));
    }
    // it may have been corrected further meanwhile
    if (state.segmented.includes(item)) {
      state.unsaved = new Set([...state.unsaved].filter(other => other !== item.name));
    }
  }

  /** What the colours on the screen stand for. */
  function legend(item: Segmented): readonly LabelStyle[] {
    if (comparison !== undefined) return comparison.styles;
    if (item.entropy !== undefined && !byId('uncertainty-legend').hidden) return [];
    return stylesOf(item, structuresOf(state.segmented));
  }

  /** What a picture says of itself: no name of a file, which may be that of a patient. */
  function captions(item: Segmented): readonly string[] {
    const { scan, viewer } = state;
    invariant(scan !== undefined && viewer !== undefined, 'there is a view where there is a picture of it');
    const { sizeVoxels, spacingMm } = scan.volume;
    const spacing = spacingMm.map(mm => Number(mm.toFixed(3))).join(' × ');
    const { low, high } = viewer.window();
    const [from, to] = [low, high].map(value => String(sixDigits(value)).replace('-', '−'));
    const hand = item.correctedAt === undefined ? '' : ' by hand';
    const names = comparison === undefined ? item.name : comparison.both.map(({ name }) => name).join(' against ');
    const isMap = !byId('uncertainty-legend').hidden;
    return [
      `${isMap ? 'Entropy of the segmentation' : 'Segmentation'}: ${names}${hand}`,
      [`${sizeVoxels.join(' × ')} voxels of ${spacing} mm`, `window ${from} to ${to}`, byId('place').textContent]
        .filter(Boolean)
        .join(' · '),
      `voxstill ${version} · not for clinical use`,
    ];
  }

  async function savePicture(item: Segmented): Promise<void> {
    const { scan, viewer } = state;
    if (scan === undefined) return;
    if (viewer === undefined) {
      throw new InputError('E_WEBGL_LOST', 'there is no view to make a picture of. Open the image again.');
    }
    const { pictureOf, pngOf } = await import('./picture.ts');
    const [letters, measures] = [byId('letters'), byId('measures')];
    const parts = { canvas: viewer.picture(), letters, measures, legend: legend(item), lines: captions(item) };
    saveFile(`${scan.stem}_${fileText(item.name)}_view.png`, await pngOf(pictureOf(parts)));
  }

  byId('uncertainty').addEventListener('change', drawLabels);

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
      const { cost = '', correctedAt } = segmented[shown] ?? {};
      const before = correctedAt === undefined ? '' : 'Before it was corrected: ';
      byId('cautions').replaceChildren(
        ...cautions.map(({ code, message }) => make('li', {}, `${before}${code}: ${message}`)),
      );
      byId('cost').textContent = correctedAt === undefined ? cost : `Corrected by hand. ${cost}`;
      byId<HTMLButtonElement>('save').disabled = shown < 0;
      const hasModel = segmented[shown]?.model !== undefined;
      offerKinds(byId<HTMLSelectElement>('save-as'), { hasModel, hasSeries: state.scan?.dicom !== undefined });
      drawLabels();
    },

    onDrawn(listener) {
      whenDrawn.push(listener);
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
      if (item.model !== undefined) state.unsaved = new Set([...state.unsaved, item.name]);
      view.show(place < 0 ? segmented.length : place);
    },

    restore(items, { shown, other: comparedWith }) {
      const last = items.length - 1;
      Object.assign(state, {
        segmented: items,
        unsaved: new Set(),
        shown: Math.min(shown, last),
        other: Math.min(comparedWith, last),
        correcting: undefined,
      } satisfies Partial<PageState>);
      view.render();
    },

    async addReference(labels) {
      const { scan, chosen } = state;
      invariant(scan !== undefined, 'a reference is opened where there is an image');
      const apart = assertSameGrid({ ...scan.volume, path: scan.name }, { ...labels, path: 'the reference' });
      if (apart.length > 0) showWarnings(apart);
      const file = await chosen?.read();
      const values = [...new Set(labels.data)].sort((left, right) => left - right);
      const nameOf = (value: number): string =>
        file?.info.labels.find(one => one.value === value)?.name ?? `label ${value}`;
      const classes = values.map(value => ({ value, name: nameOf(value) }));
      view.add({ name: 'reference', labels, classes, madeAt: new Date().toISOString(), cost: '', warnings: [] });
    },

    async save() {
      const item = state.segmented[state.shown];
      const kind = byId<HTMLSelectElement>('save-as').value as SavedKind;
      if (item === undefined) return;
      await (kind === 'png' ? savePicture(item) : saveItem(item, kind));
    },

    saveDifference() {
      const { scan } = state;
      if (scan === undefined || comparison === undefined) return;
      const names = comparison.both.map(({ name }) => fileText(name)).join('_minus_');
      saveFile(`${scan.stem}_${names}.nii.gz`, encodeNiftiLabels(comparison.labels, scan.header));
    },

    saveTable() {
      const { scan, segmented } = state;
      if (scan === undefined) return;
      const compared = comparison && {
        first: comparison.both[0].name,
        second: comparison.both[1].name,
        rows: comparison.rows,
      };
      saveFile(`${scan.stem}_volumes.csv`, new TextEncoder().encode(volumesCsv(scan.name, segmented, compared)));
    },

    async saveUnsaved() {
      for (const item of state.segmented) if (state.unsaved.has(item.name)) await saveItem(item, 'nifti');
    },
  };
  return view;
}
