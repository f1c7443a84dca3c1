/** The segmentations of the image that is shown, and their table: volumes by structure, and which one is drawn. */

import type { WarningCode } from '../src/core/errors.ts';
import { formatNumber } from '../src/core/format.ts';
import type { MakingModel } from '../src/experiment/result-files.ts';
import type { ModelLabel } from '../src/inference/model-info.ts';
import { classVolumesMl } from '../src/metrics/overlap.ts';
import { hexOf, labelColour } from '../src/results/label-colours.ts';
import type { LabelVolume, Volume } from '../src/volume/volume.ts';
import { make } from './elements.ts';
import type { LabelStyle } from './viewer.ts';

export interface Segmented {
  readonly name: string;
  readonly labels: LabelVolume;
  readonly classes: readonly ModelLabel[];
  /** The model that made it; undefined for a reference. */
  readonly model?: MakingModel;
  /** When it was made, ISO 8601. */
  readonly madeAt: string;
  /** When a person changed it last with the pen, ISO 8601; undefined where nobody did. */
  readonly correctedAt?: string;
  /** What it took, for people; nothing to say of a reference. */
  readonly cost: string;
  /** Entropy of each voxel, 0 to 1; none of a reference, or of a model that gives labels only. */
  readonly entropy?: Volume;
  /** What should be known before its volumes are believed. */
  readonly warnings: readonly { readonly code: WarningCode; readonly message: string }[];
}

/** A structure among those of all segmentations. */
export interface Structure {
  readonly value: number;
  readonly name: string;
}

/**
 * The structures of segmentations by the value of their label. Where models name one value differently, it has both
 * names; labels without a model only count where no model has the value.
 */
export function structuresOf(list: readonly Segmented[]): readonly Structure[] {
  const names = new Map<number, Set<string>>();
  const modelled = list.filter(({ model }) => model !== undefined);
  for (const { classes, model } of [...modelled, ...list]) {
    for (const { value, name } of classes) {
      const known = names.get(value);
      if (value === 0 || (known !== undefined && model === undefined)) continue;
      names.set(value, (known ?? new Set()).add(name));
    }
  }
  return [...names].map(([value, all]) => ({ value, name: [...all].join(' / ') }));
}

/** How the classes of a segmentation are drawn, by the names of all of them. */
export function stylesOf({ classes }: Segmented, structures: readonly Structure[]): readonly LabelStyle[] {
  const own = new Set(classes.map(({ value }) => value));
  return structures.filter(({ value }) => own.has(value)).map(one => ({ ...one, colour: labelColour(one.value) }));
}

/** Volume of each structure of a segmentation in millilitres, by the value of its label. */
export function volumesByValue({ labels, classes }: Segmented): ReadonlyMap<number, number> {
  const ofName = classVolumesMl(labels, classes);
  return new Map(classes.flatMap(({ value, name }) => (value === 0 ? [] : [[value, ofName[name]!] as const])));
}

/** Largest number of structures that stand beside each other. */
export const MOST_COLUMNS = 5;

/** A structure with its colour. */
export function swatchOf({ value, name }: Structure): readonly (Node | string)[] {
  return [make('span', { class: 'swatch', style: `background: ${hexOf(labelColour(value))}` }), name];
}

/**
 * Draws the table anew: a row for each segmentation, a column for each structure as long as there are few.
 * @param shown index of the segmentation that is drawn; -1 for none
 */
export function renderVolumes(
  table: HTMLElement,
  { list, shown, onShow }: { list: readonly Segmented[]; shown: number; onShow: (index: number) => void },
): void {
  const structures = structuresOf(list);
  const columns = structures.length <= MOST_COLUMNS ? structures : [];
  const row = (name: string, index: number): HTMLElement => {
    const input = make('input', { type: 'radio', name: 'shown' }) as HTMLInputElement;
    input.checked = index === shown;
    input.addEventListener('change', () => onShow(index));
    const volumes = list[index] && volumesByValue(list[index]);
    const cells = columns.map(({ value }) =>
      make('td', {}, volumes === undefined ? '' : formatNumber(volumes.get(value), 2)),
    );
    const heading = make('th', { scope: 'row' }, make('label', {}, input, ` ${name}`));
    return make('tr', index === shown ? { class: 'shown' } : {}, heading, ...cells);
  };
  const heads = columns.map(structure => make('th', { scope: 'col' }, ...swatchOf(structure)));
  table.replaceChildren(
    make('caption', {}, columns.length > 0 ? 'Volume in ml; choose what is shown' : 'Choose what is shown'),
    make('thead', {}, make('tr', {}, make('th', { scope: 'col' }, 'Segmentation'), ...heads)),
    make('tbody', {}, row('none', -1), ...list.map(({ name }, index) => row(name, index))),
  );
}
