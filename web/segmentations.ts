/** The segmentations of the image that is shown, and their table: volumes by structure, and which one is drawn. */

import type { WarningCode } from '../src/core/errors.ts';
import { formatNumber } from '../src/core/format.ts';
import type { ModelLabel } from '../src/inference/model-info.ts';
import { classVolumesMl } from '../src/metrics/overlap.ts';
import { hexOf, labelColour } from '../src/results/label-colours.ts';
import type { LabelVolume } from '../src/volume/volume.ts';
import { make } from './elements.ts';
import type { LabelStyle } from './viewer.ts';

export interface Segmented {
  readonly name: string;
  readonly labels: LabelVolume;
  readonly classes: readonly ModelLabel[];
  /** What it took, for people; nothing to say of a reference. */
  readonly cost: string;
  /** What should be known before its volumes are believed. */
  readonly warnings: readonly { readonly code: WarningCode; readonly message: string }[];
}

/** How the classes of a segmentation are drawn. */
export function stylesOf({ classes }: Segmented): readonly LabelStyle[] {
  return classes.filter(({ value }) => value !== 0).map(one => ({ ...one, colour: labelColour(one.value) }));
}

function heading(name: string, isShown: boolean, onShow: () => void): HTMLElement {
  const input = make('input', { type: 'radio', name: 'shown' }) as HTMLInputElement;
  input.checked = isShown;
  input.addEventListener('change', onShow);
  return make('th', { scope: 'col', ...(isShown && { class: 'shown' }) }, make('label', {}, input, ` ${name}`));
}

/**
 * Draws the table anew.
 * @param shown index of the segmentation that is drawn; -1 for none
 */
export function renderVolumes(
  table: HTMLElement,
  { list, shown, onShow }: { list: readonly Segmented[]; shown: number; onShow: (index: number) => void },
): void {
  const names = new Map(list.flatMap(stylesOf).map(({ value, name }) => [name, value]));
  const volumes = list.map(({ labels, classes }) => classVolumesMl(labels, classes));
  const rows = [...names].map(([name, value]) => {
    const swatch = make('span', { class: 'swatch', style: `background: ${hexOf(labelColour(value))}` });
    const cells = volumes.map((ofClass, index) =>
      make('td', index === shown ? { class: 'shown' } : {}, formatNumber(ofClass[name], 2)),
    );
    return make('tr', {}, make('th', { scope: 'row' }, swatch, name), ...cells);
  });
  const columns = list.map(({ name }, index) => heading(name, index === shown, () => onShow(index)));
  const none = heading('none', shown < 0, () => onShow(-1));
  const first = make('td', {}, ...none.childNodes);
  table.replaceChildren(
    make('caption', {}, 'Volume in ml; choose what is shown'),
    make('thead', {}, make('tr', {}, first, ...columns)),
    make('tbody', {}, ...rows),
  );
}
