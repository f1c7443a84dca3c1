/**
 * Pictures of one slice: the image, then the same slice with each segmentation drawn on it, as PNG bytes. The slice is
 * the one across x, y or z that shows the most of the reference; it is drawn with square millimetres; superior or
 * anterior is up if the affine says so. Knows nothing of HTML.
 */

import { encode } from 'fast-png';
import type { Axis } from '../core/axes.ts';
import { InputError } from '../core/errors.ts';
import { percentile } from '../core/percentile.ts';
import { formatSize, type LabelVolume, type Volume, voxelCount } from '../volume/volume.ts';
import { hexOf, labelColour } from './label-colours.ts';

/** A segmentation and the heading of its picture. */
interface MontageSegmentation {
  readonly title: string;
  readonly labels: LabelVolume;
}

export interface MontageInput {
  /** Image of the case; its first channel is shown. */
  readonly volume: Volume;
  readonly segmentations: readonly MontageSegmentation[];
  /**
   * Reference segmentation. It chooses the slice and becomes the second picture; without it all segmentations choose
   * together.
   */
  readonly reference?: LabelVolume;
  /** Class names by label value; the first is the background. */
  readonly labelNames: readonly string[];
}

/** One picture. */
interface MontageColumn {
  readonly title: string;
  readonly png: Uint8Array;
}

/** Style of a class: fill and outline in its colour, the outline in its own dashes. */
export interface MontageLegendEntry {
  readonly name: string;
  /** `#rrggbb` */
  readonly colour: string;
  readonly outline: 'solid' | 'dashed' | 'dotted';
}

/** The pictures of one case, with the slice and the legend. */
export interface Montage {
  readonly columns: readonly MontageColumn[];
  readonly legend: readonly MontageLegendEntry[];
  /** `across x, slice 14 of 35` */
  readonly slice: string;
}

const OUTLINES = ['solid', 'dashed', 'dotted'] as const;
/** Period and drawn length of each outline, in pixels of the picture. */
const DASHES = { solid: [1, 1], dashed: [10, 7], dotted: [4, 2] } as const;
const AXIS_NAMES = ['x', 'y', 'z'] as const;

const LARGEST_ZOOM = 4;
const LARGEST_SIDE_PIXELS = 640;
const FILL_OPACITY = 0.3;

function outlineOf(label: number): (typeof OUTLINES)[number] {
  return OUTLINES[(label - 1) % OUTLINES.length]!;
}

/**
 * A slice: the axis it is across, its index, and the two axes of the picture (right, up) with their direction and zoom.
 */
interface Slice {
  readonly across: Axis;
  readonly index: number;
  readonly right: Axis;
  readonly up: Axis;
  readonly flipUp: boolean;
  readonly zoomRight: number;
  readonly zoomUp: number;
}

/** Whether the index along an axis grows towards the right, front or top of the patient (RAS+). */
function growsTowardsPositive(affine: readonly number[], axis: Axis): boolean {
  const column = [0, 1, 2].map(row => affine[4 * row + axis]!);
  return column.reduce((largest, value) => (Math.abs(value) > Math.abs(largest) ? value : largest), 0) >= 0;
}

/** The slice with the most labelled area in square millimetres; the middle one across z if nothing is labelled. */
function chooseSlice(volume: Volume, masks: readonly LabelVolume[]): Slice {
  const { sizeVoxels, spacingMm } = volume;
  const areas = sizeVoxels.map(size => new Float64Array(size));
  const [nx, ny, nz] = sizeVoxels;
  for (const { data } of masks) {
    for (let z = 0, voxel = 0; z < nz; z++) {
      for (let y = 0; y < ny; y++) {
        for (let x = 0; x < nx; x++, voxel++) {
          if (data[voxel] === 0) continue;
          areas[0]![x]! += spacingMm[1] * spacingMm[2];
          areas[1]![y]! += spacingMm[0] * spacingMm[2];
          areas[2]![z]! += spacingMm[0] * spacingMm[1];
        }
      }
    }
  }
  let [across, index, largest]: [Axis, number, number] = [2, Math.floor(nz / 2), 0];
  for (const axis of [2, 1, 0] as const) {
    areas[axis]!.forEach((area, position) => {
      if (area > largest) [across, index, largest] = [axis, position, area];
    });
  }
  const [right, up] = (
    [
      [1, 2],
      [0, 2],
      [0, 1],
    ] as const
  )[across]!;
  const finest = Math.min(spacingMm[right], spacingMm[up]);
  const stretch = [spacingMm[right] / finest, spacingMm[up] / finest] as const;
  const longest = Math.max(sizeVoxels[right] * stretch[0], sizeVoxels[up] * stretch[1]);
  const zoom = Math.max(1, Math.min(LARGEST_ZOOM, Math.floor(LARGEST_SIDE_PIXELS / longest)));
  return {
    across,
    index,
    right,
    up,
    flipUp: growsTowardsPositive(volume.affine, up),
    zoomRight: Math.max(1, Math.round(zoom * stretch[0])),
    zoomUp: Math.max(1, Math.round(zoom * stretch[1])),
  };
}

/**
 * Grey value 0 to 255 of every voxel of the slice, row by row from the top, windowed at the volume's 1st and 99th
 * percentile.
 */
function greySlice(volume: Volume, voxels: Uint32Array): Uint8Array {
  const firstChannel = volume.data.subarray(0, voxelCount(volume.sizeVoxels));
  const finite = firstChannel.filter(value => Number.isFinite(value));
  const low = finite.length === 0 ? 0 : percentile(finite, 1);
  const width = finite.length === 0 ? 0 : percentile(finite, 99) - low;
  return Uint8Array.from(voxels, voxel => {
    const value = volume.data[voxel]!;
    return width > 0 && Number.isFinite(value) ? Math.min(255, Math.max(0, (255 * (value - low)) / width)) : 0;
  });
}

/** Voxel index of each pixel of the slice before zooming, row by row from the top. */
function sliceVoxels({ sizeVoxels }: Volume, { across, index, right, up, flipUp }: Slice): Uint32Array {
  const strides = [1, sizeVoxels[0], sizeVoxels[0] * sizeVoxels[1]] as const;
  const [columns, rows] = [sizeVoxels[right], sizeVoxels[up]];
  return Uint32Array.from({ length: columns * rows }, (_, pixel) => {
    const row = Math.floor(pixel / columns);
    return index * strides[across] + (pixel % columns) * strides[right] + (flipUp ? rows - 1 - row : row) * strides[up];
  });
}

/** Opacity of the label at each pixel: low in the fill, full along the dashed outline. */
function labelOpacity(labelAt: (x: number, y: number) => number, x: number, y: number): number {
  const label = labelAt(x, y);
  if (label === 0) return 0;
  const isEdge = [labelAt(x - 1, y), labelAt(x + 1, y), labelAt(x, y - 1), labelAt(x, y + 1)].some(l => l !== label);
  const [period, drawn] = DASHES[outlineOf(label)];
  return isEdge && (x + y) % period < drawn ? 1 : FILL_OPACITY;
}

/** Draws the grey slice, enlarged, with filled and outlined labels if there are any. */
function drawPicture(grey: Uint8Array, labels: Uint8Array | null, columns: number, slice: Slice): Uint8Array {
  const { zoomRight, zoomUp } = slice;
  const rows = grey.length / columns;
  const [width, height] = [columns * zoomRight, rows * zoomUp];
  const pixels = new Uint8Array(width * height * 3);
  const pixelAt = (x: number, y: number): number => Math.floor(x / zoomRight) + columns * Math.floor(y / zoomUp);
  const labelAt = (x: number, y: number): number =>
    labels === null || x < 0 || y < 0 || x >= width || y >= height ? 0 : labels[pixelAt(x, y)]!;
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      const base = grey[pixelAt(x, y)]!;
      const opacity = labelOpacity(labelAt, x, y);
      const colour = opacity === 0 ? [0, 0, 0] : labelColour(labelAt(x, y));
      for (let channel = 0; channel < 3; channel++) {
        pixels[at + channel] = Math.round(base * (1 - opacity) + colour[channel]! * opacity);
      }
    }
  }
  return encode({ width, height, data: pixels, channels: 3, depth: 8 });
}

/**
 * Draws the slice that shows the most of a case: first the image alone, then the reference where given, then every
 * segmentation. Enlarged four times (less where that passes 640 pixels) without smoothing, so that voxels stay visible.
 * @throws {InputError} E_MONTAGE_GRID if a segmentation is on another grid than the volume
 */
export function renderMontage({ volume, segmentations, reference, labelNames }: MontageInput): Montage {
  const drawn = [...(reference === undefined ? [] : [{ title: 'reference', labels: reference }]), ...segmentations];
  for (const { title, labels } of drawn) {
    if (formatSize(labels.sizeVoxels) !== formatSize(volume.sizeVoxels)) {
      throw new InputError(
        'E_MONTAGE_GRID',
        `the segmentation "${title}" has ${formatSize(labels.sizeVoxels)} voxels, its volume ${formatSize(volume.sizeVoxels)}. ` +
          'Draw segmentations on the grid of the volume that they belong to.',
      );
    }
  }
  const slice = chooseSlice(volume, reference === undefined ? drawn.map(({ labels }) => labels) : [reference]);
  const voxels = sliceVoxels(volume, slice);
  const grey = greySlice(volume, voxels);
  const picture = (labels: LabelVolume | null): Uint8Array =>
    drawPicture(
      grey,
      labels === null ? null : Uint8Array.from(voxels, voxel => labels.data[voxel]!),
      volume.sizeVoxels[slice.right],
      slice,
    );
  return {
    columns: [
      { title: 'image', png: picture(null) },
      ...drawn.map(({ title, labels }) => ({ title, png: picture(labels) })),
    ],
    legend: labelNames.slice(1).map((name, index) => ({
      name,
      colour: hexOf(labelColour(index + 1)),
      outline: outlineOf(index + 1),
    })),
    slice: `across ${AXIS_NAMES[slice.across]}, slice ${slice.index + 1} of ${volume.sizeVoxels[slice.across]}`,
  };
}
