/** The controls of brightness: a list of named windows, and a slider with its number for black and for white. */
import { formatNumber, sixDigits } from '../src/core/format.ts';
import { byId, make } from './elements.ts';
import type { PageState } from './page-state.ts';
import { hounsfield, type IntensityWindow, type NamedWindow, windowsOf } from './windows.ts';

export interface WindowView {
  /** Offers the windows of the image that was opened just now. */
  offer(): void;
  /** Shows the window of the viewer. */
  show(): void;
  listen(): void;
}

const ENDS = { darkest: 'low', brightest: 'high' } as const;
const input = (id: string): HTMLInputElement => byId<HTMLInputElement>(id);

/** @param state of the page, for its viewer and image */
export function createWindowView(state: PageState): WindowView {
  const list = byId<HTMLSelectElement>('window');
  let windows: readonly NamedWindow[] = [];

  function show(): void {
    const window = state.viewer?.window();
    if (window === undefined) return;
    for (const [id, end] of Object.entries(ENDS)) {
      input(id).value = String(window[end]);
      const number = input(`${id}-number`);
      if (document.activeElement !== number) number.value = String(sixDigits(window[end]));
    }
    list.value = String(windows.findIndex(({ low, high }) => low === window.low && high === window.high));
  }

  function set(window: IntensityWindow): void {
    state.viewer?.setWindow(window);
    show();
  }

  return {
    show,

    offer() {
      const { viewer, scan } = state;
      if (viewer === undefined || scan === undefined) return;
      const range = viewer.range();
      windows = windowsOf(scan, range);
      const options = windows.map(({ name }, index) => make('option', { value: String(index) }, name));
      list.replaceChildren(make('option', { value: '-1' }, 'as set below'), ...options);
      list.disabled = false;
      const low = Math.min(...windows.map(window => window.low));
      const high = Math.max(...windows.map(window => window.high));
      for (const id of Object.keys(ENDS)) {
        for (const one of [input(id), input(`${id}-number`)]) one.disabled = false;
        Object.assign(input(id), { min: String(low), max: String(high), step: 'any' });
      }
      const unit = hounsfield(scan, range) === 'yes' ? ' HU' : '';
      const [from, to] = [range.whole.low, range.whole.high].map(value => formatNumber(sixDigits(value), 0));
      byId('window-facts').textContent = `Values of the image: ${from} to ${to}${unit}`;
      show();
    },

    listen() {
      list.addEventListener('change', () => {
        const window = windows[Number(list.value)];
        if (window !== undefined) set(window);
      });
      for (const id of Object.keys(ENDS)) {
        const other = id === 'darkest' ? 'brightest' : 'darkest';
        for (const one of [id, `${id}-number`]) {
          input(one).addEventListener('input', () => {
            const [here, there] = [input(one).valueAsNumber, input(other).valueAsNumber];
            if (Number.isNaN(here)) return;
            set(id === 'darkest' ? { low: here, high: there } : { low: there, high: here });
          });
        }
      }
    },
  };
}
