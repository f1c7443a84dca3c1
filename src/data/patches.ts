/**
 * The position of a training patch in its case, and how it is cut out. Patches may extend beyond a case that is
 * smaller; the content there depends on the padding. Arrays are in file order, x fastest, one channel after the other.
 */
import type { Axis } from '../core/axes.ts';
import { InputError } from '../core/errors.ts';
import { type Random, random } from '../core/random.ts';
import { formatSize, LABEL_VALUES, type LabelArray, type Xyz } from '../volume/volume.ts';

/**
 * What surrounds a case: constant = the image's smallest value and label 0; reflect = image and label mirrored at the
 * border voxels (as numpy's `reflect`), so that mirrored anatomy is not taught as background; none = patches must fit,
 * rotated corners as constant.
 */
export type PatchPadding = 'constant' | 'reflect' | 'none';

/** A box of voxels; its start may lie outside the case. */
export interface PatchWindow {
  readonly start: Xyz;
  readonly size: Xyz;
}

/** Voxels of one class, or a random sample of them. */
export interface ForegroundClass {
  readonly value: number;
  /** Indices into the label array, ascending. */
  readonly voxels: Uint32Array;
}

const LARGEST_INDEX_PER_CLASS = 20_000;
/** Multiple of the case beyond which a patch is mostly padding. */
export const LARGEST_PADDED_RATIO = 2;

/** The case that a patch must fit. */
export interface PatchedCase {
  readonly id: string;
  readonly sizeVoxels: Xyz;
  /** Spacing, for the message. */
  readonly spacingMm?: Xyz;
}

/**
 * Refuses a patch that is larger than the case along any axis (padding none), or more than twice as large (other
 * paddings).
 * @throws {InputError} E_PATCH_TOO_LARGE, with the largest patch that fits
 */
export function assertPatchFits(patchSize: Xyz, patched: PatchedCase, padding: PatchPadding): void {
  const { id, sizeVoxels, spacingMm } = patched;
  const ratio = padding === 'none' ? 1 : LARGEST_PADDED_RATIO;
  if (patchSize.every((size, axis) => size <= ratio * (sizeVoxels[axis] ?? 0))) return;
  const atMost = (factor: number): string =>
    formatSize([
      Math.min(patchSize[0], factor * sizeVoxels[0]),
      Math.min(patchSize[1], factor * sizeVoxels[1]),
      Math.min(patchSize[2], factor * sizeVoxels[2]),
    ]);
  const grid = `${formatSize(sizeVoxels)} voxels${spacingMm === undefined ? '' : ` at ${spacingMm.join(' x ')} mm`}`;
  const advice =
    padding === 'none'
      ? `Set patch.size to at most ${atMost(1)} or patch.padding to "reflect".`
      : `More than half of it would be padding. Set patch.size to at most ${atMost(ratio)} (${atMost(1)} fits without padding).`;
  throw new InputError(
    'E_PATCH_TOO_LARGE',
    `patch ${formatSize(patchSize)} does not fit case "${id}" (${grid}). ${advice}`,
  );
}

/**
 * The classes that a label holds besides 0, with the indices of their voxels; of more than 20,000 voxels an even random
 * sample. The same label gives the same sample.
 * @param ignore value of voxels that count nowhere
 */
export function indexForeground(label: LabelArray, ignore?: number): ForegroundClass[] {
  const counts = new Uint32Array(LABEL_VALUES);
  for (let i = 0; i < label.length; i++) counts[label[i]!]!++;
  const values = [...counts.keys()].filter(value => value > 0 && value !== ignore && counts[value]! > 0);
  /** Per class: which of its voxels, counted along the array, are kept. */
  const ranks = new Map(
    values.map(value => {
      const count = counts[value]!;
      const kept = Math.min(count, LARGEST_INDEX_PER_CLASS);
      const source = random('foreground', value);
      const border = (k: number): number => Math.floor((k * count) / kept);
      const pick = (k: number): number => border(k) + source.integer(border(k + 1) - border(k));
      return [value, Uint32Array.from({ length: kept }, (_, k) => pick(k))];
    }),
  );
  const seen = new Uint32Array(LABEL_VALUES);
  const filled = new Uint32Array(LABEL_VALUES);
  const voxels = new Map(values.map(value => [value, new Uint32Array(ranks.get(value)?.length ?? 0)]));
  for (let i = 0; i < label.length; i++) {
    const value = label[i]!;
    if (value === 0 || value === ignore) continue;
    const wanted = ranks.get(value)!;
    if (wanted[filled[value]!] === seen[value]) voxels.get(value)![filled[value]!++] = i;
    seen[value]!++;
  }
  return values.map(value => ({ value, voxels: voxels.get(value) ?? new Uint32Array(0) }));
}

/** Settings of the placement of patches. */
export interface PatchPlacement {
  readonly patchSize: Xyz;
  /**
   * Probability that the patch is centred on a voxel of a class that the case has, each class as likely as the others.
   */
  readonly foreground: number;
}

/**
 * Draws the position of a patch. It stays inside the case along every axis where it fits, so a foreground voxel near
 * the border is in the patch but not at its centre; along an axis where it does not fit, the case is in the middle of
 * the patch.
 */
export function samplePatch(
  { sizeVoxels, foreground }: { readonly sizeVoxels: Xyz; readonly foreground: readonly ForegroundClass[] },
  { patchSize, foreground: probability }: PatchPlacement,
  source: Random,
): PatchWindow {
  const onForeground = source.uniform() < probability && foreground.length > 0;
  let centre: Xyz | undefined;
  if (onForeground) {
    const { voxels } = foreground[source.integer(foreground.length)]!;
    const voxel = voxels[source.integer(voxels.length)]!;
    const [width, height] = sizeVoxels;
    centre = [voxel % width, Math.floor(voxel / width) % height, Math.floor(voxel / (width * height))];
  }
  const startAlong = (axis: Axis): number => {
    const room = sizeVoxels[axis] - patchSize[axis];
    if (room < 0) return (room / 2) | 0;
    if (centre === undefined) return source.integer(room + 1);
    return Math.min(room, Math.max(0, centre[axis] - (patchSize[axis] >> 1)));
  };
  return { start: [startAlong(0), startAlong(1), startAlong(2)], size: patchSize };
}

/** Where each position of an axis of a window comes from: an index of the case, or -1 for padding. */
function axisSources(axis: Axis, { start, size }: PatchWindow, length: number, padding: PatchPadding): Int32Array {
  const period = Math.max(1, 2 * (length - 1));
  return Int32Array.from({ length: size[axis] }, (_, position) => {
    const index = start[axis] + position;
    if (index >= 0 && index < length) return index;
    if (padding !== 'reflect') return -1;
    const folded = ((index % period) + period) % period;
    return folded < length ? folded : period - folded;
  });
}

/** Settings of the cut of a window. */
export interface CropOptions {
  readonly padding: PatchPadding;
  /** Value of padded voxels, unless padding is reflect. */
  readonly fill: number;
  /** Axes along which the patch is mirrored. */
  readonly flip: readonly [boolean, boolean, boolean];
}

/** The array to cut: one channel, or a label. */
export interface VoxelArray {
  readonly data: Float32Array | LabelArray;
  readonly sizeVoxels: Xyz;
}

/** Copies a window of one channel (or a label) into `target`, whose length is the window's number of voxels. */
export function cropInto(
  target: Float32Array | LabelArray | Int32Array,
  { data, sizeVoxels }: VoxelArray,
  cut: CropOptions & { readonly window: PatchWindow },
): void {
  const { window, padding, fill, flip } = cut;
  const [width, height] = sizeVoxels;
  const along = (axis: Axis): Int32Array => {
    const sources = axisSources(axis, window, sizeVoxels[axis], padding);
    return flip[axis] ? sources.reverse() : sources;
  };
  const [xs, ys, zs] = [along(0), along(1), along(2)];
  const columns = xs.length;
  let to = 0;
  for (const z of zs) {
    for (const y of ys) {
      if (z < 0 || y < 0) {
        target.fill(fill, to, to + columns);
      } else {
        const row = (z * height + y) * width;
        for (let i = 0; i < columns; i++) target[to + i] = xs[i]! < 0 ? fill : data[row + xs[i]!]!;
      }
      to += columns;
    }
  }
}
