/**
 * The units of a run or sweep as a table that is kept up to date cell by cell, so that focus and scroll stay where they
 * are. A unit whose name is pressed has its learning curves shown.
 */

import { formatDuration } from '../src/core/format.ts';
import { countsText, noteText, placeText } from '../src/report/unit-text.ts';
import { countStates, UNIT_STATES, type UnitReport, type UnitState } from '../src/study/units/state.ts';
import { secondsLeft } from '../src/study/units/time-left.ts';
import { byId, make } from './elements.ts';

interface Row {
  readonly element: HTMLElement;
  show(unit: UnitReport): void;
}

/** Sets a text if it has changed. */
function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

function createRow(onPick: () => void): Row {
  const name = make('button', { type: 'button', class: 'unit', 'aria-pressed': 'false' });
  const [state, bar, note] = [make('span'), make('progress', { max: '1' }) as HTMLProgressElement, make('span')];
  const place = make('td', { class: 'soft' });
  name.addEventListener('click', () => {
    name.setAttribute('aria-pressed', String(name.getAttribute('aria-pressed') === 'false'));
    onPick();
  });
  const element = make(
    'tr',
    {},
    make('th', { scope: 'row' }, name),
    make('td', {}, state),
    make('td', { class: 'note' }, bar, note),
    place,
  );
  return {
    element,
    show: unit => {
      setText(name, unit.label);
      setText(state, unit.state);
      state.className = `state ${unit.state}`;
      bar.hidden = unit.progress === null;
      bar.value = unit.progress === null ? 0 : unit.progress.done / unit.progress.total;
      bar.setAttribute('aria-label', `${unit.label}: ${unit.progress?.stage ?? ''}`);
      setText(note, noteText(unit));
      note.className = unit.error === null ? '' : 'problem';
      setText(place, unit.job === null ? placeText(unit) : `${placeText(unit)}, job ${unit.job}`);
    },
  };
}

/** The choice of which units are listed, with how many there are. */
function showFilter(
  units: readonly UnitReport[],
  chosen: UnitState | 'all',
  onChoose: (state: UnitState | 'all') => void,
): void {
  const counts = countStates(units);
  const options = [['all', units.length] as const, ...UNIT_STATES.map(state => [state, counts[state]] as const)];
  const select = byId<HTMLSelectElement>('unit-filter');
  const texts = options.filter(([state, count]) => count > 0 || state === chosen);
  const wanted = texts.map(([state, count]) => make('option', { value: state }, `${state} (${count})`));
  const key = wanted.map(option => option.textContent).join();
  if (select.dataset['key'] !== key) {
    select.replaceChildren(...wanted);
    select.value = chosen;
    select.dataset['key'] = key;
  }
  select.onchange = () => onChoose(select.value as UnitState | 'all');
}

/** Progress of the whole study. */
function showWhole(units: readonly UnitReport[]): void {
  const left = secondsLeft(units);
  const time = left === undefined || left === 0 ? '' : `; about ${formatDuration(left)} left`;
  setText(byId('units-status'), `${countsText(units)}${time}`);
  const { done, failed } = countStates(units);
  byId<HTMLProgressElement>('units-bar').value = (done + failed) / units.length;
}

export interface UnitTable {
  update(units: readonly UnitReport[]): void;
  /** Labels of the selected units. */
  picked(): ReadonlySet<string>;
}

/** @param onPick called when a name is pressed */
export function createUnitTable(onPick: () => void): UnitTable {
  const rows = new Map<number, Row>();
  let last: readonly UnitReport[] = [];
  let chosen: UnitState | 'all' = 'all';
  const update = (units: readonly UnitReport[]): void => {
    last = units;
    for (const id of ['units-view', 'curves-hint']) byId(id).hidden = units.length === 0;
    if (units.length === 0) return;
    showWhole(units);
    showFilter(units, chosen, state => {
      chosen = state;
      update(last);
    });
    for (const unit of units) {
      let row = rows.get(unit.place);
      if (row === undefined) {
        row = createRow(onPick);
        rows.set(unit.place, row);
        byId('units').append(row.element);
      }
      row.show(unit);
      row.element.hidden = chosen !== 'all' && unit.state !== chosen;
    }
  };
  return {
    update,
    picked: () => {
      const pressed = byId('units').querySelectorAll('button[aria-pressed="true"]');
      return new Set([...pressed].map(button => button.textContent ?? ''));
    },
  };
}
