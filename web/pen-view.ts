/** The pen: a person corrects the segmentation that is shown, by mouse or keys; the corrected one takes its place. */
import { hexOf, labelColour } from '../src/results/label-colours.ts';
import { type Correction, correctedName, createCorrection } from './correction.ts';
import type { DrawingGrid } from './drawing-grid.ts';
import { byId, make } from './elements.ts';
import { guarded } from './message.ts';
import type { PageState } from './page-state.ts';
import type { SegmentationView } from './segmentation-view.ts';
import type { Segmented } from './segmentations.ts';
import type { CodeStyle, Pen } from './viewer-drawing.ts';

export interface PenView {
  /** Takes what was drawn since. */
  take(): void;
  listen(): void;
}

/** A correction, with what was corrected and whether that was saved. */
interface Work {
  readonly correction: Correction;
  readonly original: Segmented;
  readonly wasUnsaved: boolean;
}

const input = (id: string): HTMLInputElement => byId<HTMLInputElement>(id);
const WIDEST_VOXELS = 31;

/** The next odd number of voxels that the pen can have. */
function penWidth(wanted: number): number {
  const odd = 2 * Math.floor(wanted / 2) + 1;
  return Number.isNaN(odd) ? 1 : Math.min(WIDEST_VOXELS, Math.max(1, odd));
}

/** What a code of the drawing looks like. */
function styleOf(value: number, { classes }: Segmented): CodeStyle {
  const name = classes.find(one => one.value === value)?.name ?? `label ${value}`;
  return { name, colour: value === 0 ? [0, 0, 0] : labelColour(value) };
}

/** @param state of the page; this view changes which segmentation is under the pen, and that segmentation */
export function createPenView(state: PageState, segmentations: SegmentationView): PenView {
  const structure = byId<HTMLSelectElement>('pen-structure');
  let work: Work | undefined;

  function pen(): Pen {
    return {
      code: input('pen-erase').checked ? 0 : Number(structure.value),
      widthVoxels: penWidth(input('pen-width').valueAsNumber),
      isFilled: input('pen-filled').checked,
    };
  }

  function setPen(): void {
    const value = work?.correction.values[Number(structure.value)];
    if (value !== undefined) byId('pen-colour').style.background = hexOf(labelColour(value));
    if (state.correcting !== undefined) state.viewer?.drawing.setPen(pen());
  }

  function update(): void {
    const isOn = state.correcting !== undefined;
    byId<HTMLButtonElement>('pen').disabled = state.shown < 0 || state.viewer === undefined;
    byId('pen').setAttribute('aria-pressed', String(isOn));
    byId('pen-tools').hidden = !isOn;
  }

  /** Puts the segmentation as it is now in the place of what it was. */
  function replace(text: string): void {
    if (work === undefined || state.correcting === undefined) return;
    const item = work.correction.item();
    const unsaved = new Set(state.unsaved);
    unsaved.delete(state.correcting.name);
    if (item !== work.original || work.wasUnsaved) unsaved.add(item.name);
    state.segmented = state.segmented.with(state.segmented.indexOf(state.correcting), item);
    Object.assign(state, { unsaved, correcting: item } satisfies Partial<PageState>);
    byId('pen-status').textContent = text;
    segmentations.render();
  }

  /** The work on a segmentation, which goes on where it was put aside. */
  function workOn(item: Segmented, grid: DrawingGrid): Work {
    if (work?.correction.item() === item) return work;
    const taken = state.segmented.map(one => one.name);
    const name = item.correctedAt === undefined ? correctedName(item.name, taken) : item.name;
    return {
      correction: createCorrection(item, { grid, name }),
      original: item,
      wasUnsaved: state.unsaved.has(item.name),
    };
  }

  function offerStructures({ correction, original }: Work): void {
    const chosen = structure.value;
    const options = correction.values
      .map((value, code) => make('option', { value: String(code) }, styleOf(value, original).name))
      .slice(1);
    structure.replaceChildren(...options);
    if ([...structure.options].some(({ value }) => value === chosen)) structure.value = chosen;
  }

  function start(): void {
    const item = state.segmented[state.shown];
    if (item === undefined || state.viewer === undefined) return;
    work = workOn(item, state.viewer.drawing.grid());
    const { correction } = work;
    offerStructures(work);
    Object.assign(state, { correcting: item, other: -1 } satisfies Partial<PageState>);
    const styles = correction.values.map(value => styleOf(value, item));
    state.viewer.drawing.start(correction.drawing(), styles, pen());
    setPen();
    byId('pen-status').textContent = 'Draw with the left button of the mouse, or by the keys that "Keys" lists.';
    segmentations.render();
    byId('pen-tools').scrollIntoView({ block: 'nearest' });
  }

  function stop(): void {
    state.correcting = undefined;
    state.viewer?.drawing.stop();
    segmentations.render();
  }

  const toggle = (): Promise<void> => guarded(() => (state.correcting === undefined ? start() : stop()));

  function step(way: 'undo' | 'redo'): void {
    const { viewer, correcting } = state;
    if (viewer === undefined || correcting === undefined || work === undefined) return;
    const done = work.correction[way](viewer.drawing.bytes(), new Date().toISOString());
    viewer.drawing.show();
    const nothing = way === 'undo' ? 'There is nothing to take back.' : 'There is nothing to draw again.';
    replace(done ? `The last stroke was ${way === 'undo' ? 'taken back' : 'drawn again'}.` : nothing);
  }

  function press(id: string): void {
    byId(id).click();
  }

  function widen(by: number): void {
    input('pen-width').value = String(penWidth(input('pen-width').valueAsNumber + by));
    setPen();
  }

  /** What keys do while the viewer has the focus. */
  const KEYS: Readonly<Record<string, () => void>> = {
    ' ': () => state.viewer?.drawing.dab(),
    enter: () => state.viewer?.drawing.close(),
    e: () => press('pen-erase'),
    f: () => press('pen-filled'),
    w: () => widen(2),
    n: () => widen(-2),
  };

  function onKey(event: KeyboardEvent): void {
    const { key, target } = event;
    const isOn = state.correcting !== undefined;
    const isText = target instanceof HTMLInputElement && target.type === 'number';
    if (isOn && !isText && (event.ctrlKey || event.metaKey) && key.toLowerCase() === 'z') {
      event.preventDefault();
      step(event.shiftKey ? 'redo' : 'undo');
    }
    if (target !== byId('canvas') || event.altKey || event.ctrlKey || event.metaKey) return;
    if (key.toLowerCase() === 'p') press('pen');
    if (!isOn) return;
    const act = KEYS[key.toLowerCase()];
    if (act !== undefined) {
      event.preventDefault();
      act();
    } else if (/^[1-9]$/.test(key) && Number(key) <= structure.length) {
      structure.selectedIndex = Number(key) - 1;
      input('pen-erase').checked = false;
      setPen();
    }
  }

  return {
    take() {
      const { viewer, correcting } = state;
      if (viewer === undefined || correcting === undefined || work === undefined) return;
      const voxels = work.correction.take(viewer.drawing.bytes(), new Date().toISOString());
      if (voxels > 0) replace(`${voxels} voxel${voxels === 1 ? '' : 's'} changed.`);
    },

    listen() {
      segmentations.onDrawn(update);
      byId('pen').addEventListener('click', toggle);
      byId('pen-undo').addEventListener('click', () => step('undo'));
      byId('pen-redo').addEventListener('click', () => step('redo'));
      structure.addEventListener('change', () => {
        input('pen-erase').checked = false;
        setPen();
      });
      for (const id of ['pen-erase', 'pen-filled']) input(id).addEventListener('change', setPen);
      input('pen-width').addEventListener('change', () => widen(0));
      document.addEventListener('keydown', onKey);
    },
  };
}
