/** The controls of the view as a session keeps them: they are the state of what they control. */
import { byId } from '../elements.ts';
import type { SavedView } from './session-file.ts';

type Controls = Omit<SavedView, 'window' | 'place'>;

/** Each control, by the id of its element. */
const IDS: Readonly<Record<keyof Controls, string>> = {
  layout: 'layout',
  side: 'side',
  opacity: 'opacity',
  labelsOnly: 'labels-only',
  surfaces: 'surfaces',
  uncertainty: 'uncertainty',
  cut: 'cut',
  cutShare: 'cut-share',
};

/** What a control is set to. */
function settingOf(control: HTMLElement): string | number | boolean {
  if (control instanceof HTMLInputElement) return control.type === 'checkbox' ? control.checked : control.valueAsNumber;
  return (control as HTMLSelectElement).value;
}

/** What the controls are set to. */
export function readControls(): Controls {
  return Object.fromEntries(Object.entries(IDS).map(([key, id]) => [key, settingOf(byId(id))])) as unknown as Controls;
}

/** Sets the controls as a person would. */
export function setControls(controls: Controls): void {
  for (const [key, id] of Object.entries(IDS)) {
    const control = byId<HTMLInputElement | HTMLSelectElement>(id);
    const value = controls[key as keyof Controls];
    if (control instanceof HTMLInputElement && typeof value === 'boolean') control.checked = value;
    else control.value = String(value);
    for (const type of ['input', 'change']) control.dispatchEvent(new Event(type));
  }
}
