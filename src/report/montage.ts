/**
 * Pictures of one slice: the image, then the same slice with each segmentation drawn on it, then the errors of each, as
 * PNG bytes. The slice is the one across x, y or z that shows the most of the reference, or of the errors; it is drawn
 * with square millimetres; superior or anterior is up if the affine says so. Knows nothing of HTML.
 */

import { encode } from 'fast-png';
import type { Axis } from '../core/axes.ts';
import { InputError } from '../core/errors.ts';
import { percentile } from '../core/percentile.ts';
import { type Colour, hexOf, labelColour } from '../results/label-colours.ts';
import { formatSize, type LabelVolume, type Volume, voxelCount, type Xyz } from '../volume/volume.ts';
import { differenceOf, ERROR_STYLES, errorKind, isDrawn } from './error-map.ts';

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
  /** What the slice shows the most of; the reference if not given. */
  readonly focus?: MontageFocus;
}

/** What a slice is chosen by: the errors of a segmentation, or a voxel that it goes through. */
type MontageFocus = { readonly errorsOf: LabelVolume } | { readonly voxel: number };

/** Directions of the patient at the edges of a picture: R, L, A, P, S or I. */
export interface EdgeLetters {
  readonly left: string;
  readonly right: string;
  readonly top: string;
  readonly bottom: string;
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
  /** `sagittal slice 14 of 35` */
  readonly slice: string;
  readonly letters: EdgeLetters;
}

const OUTLINES = ['solid', 'dashed', 'dotted'] as const;
/** Period and drawn length of each outline, in pixels of the picture. */
const DASHES = { solid: [1, 1], dashed: [10, 7], dotted: [4, 2] } as const;

const LARGEST_ZOOM = 4;
const LARGEST_SIDE_PIXELS = 640;
const FILL_OPACITY = 0.3;
/** Brightness of the image under an error map. */
const DIMMED = 0.6;

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

/** Direction of the patient in which an axis grows: the axis of RAS+ that it is nearest to, and its sign. */
function direction(affine: readonly number[], axis: Axis): { readonly along: Axis; readonly isPositive: boolean } {
  const column = ([0, 1, 2] as const).map(row => affine[4 * row + axis]!);
  const along = ([0, 1, 2] as const).reduce((most, row) =>
    Math.abs(column[row]!) > Math.abs(column[most]!) ? row : most,
  );
  return { along, isPositive: column[along]! >= 0 };
}

/** Ends of the axes of RAS+, negative and positive. */
const ENDS = [
  ['L', 'R'],
  ['P', 'A'],
  ['I', 'S'],
] as const;
const PLANES = ['sagittal', 'coronal', 'axial'] as const;

function lettersOf({ affine }: Volume, { right, up, flipUp }: Slice): EdgeLetters {
  const [across, along] = [direction(affine, right), direction(affine, up)];
  const [left, rightEnd] = across.isPositive ? ENDS[across.along] : ENDS[across.along].toReversed();
  const [low, high] = along.isPositive ? ENDS[along.along] : ENDS[along.along].toReversed();
  const [bottom, top] = flipUp ? [low, high] : [high, low];
  return { left: left!, right: rightEnd!, top: top!, bottom: bottom! };
}

function placeOf(voxel: number, [nx, ny]: Xyz): Xyz {
  return [voxel % nx, Math.floor(voxel / nx) % ny, Math.floor(voxel / (nx * ny))];
}

/**
 * The slice with the most labelled area in square millimetres, of those through a voxel if one is given; the middle one
 * across z if nothing is labelled.
 */
function chooseSlice(volume: Volume, masks: readonly LabelVolume[], through?: number): Slice {
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
  const place = through === undefined ? undefined : placeOf(through, sizeVoxels);
  for (const axis of [2, 1, 0] as const) {
    areas[axis]!.forEach((area, position) => {
      if (place !== undefined && place[axis] !== position) return;
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
    flipUp: direction(volume.affine, up).isPositive,
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

/** What is laid over a pixel of the enlarged slice; undefined where nothing is. */
type Overlay = (x: number, y: number) => { readonly colour: Colour; readonly opacity: number } | undefined;

/** A slice before it is drawn: grey values of its voxels, row by row, and how they are enlarged. */
interface GreySlice {
  readonly grey: Uint8Array;
  readonly columns: number;
  readonly slice: Slice;
}

/** Index of the voxel of the slice at a pixel of the picture; -1 outside of it. */
function voxelAt({ grey, columns, slice: { zoomRight, zoomUp } }: GreySlice, x: number, y: number): number {
  const [column, row] = [Math.floor(x / zoomRight), Math.floor(y / zoomUp)];
  return column < 0 || row < 0 || column >= columns || row >= grey.length / columns ? -1 : column + columns * row;
}

/** Labels: lightly filled, and fully along the dashed outline. */
function labelOverlay(picture: GreySlice, labels: Uint8Array): Overlay {
  const labelAt = (x: number, y: number): number => labels[voxelAt(picture, x, y)] ?? 0;
  return (x, y) => {
    const label = labelAt(x, y);
    if (label === 0) return undefined;
    const isEdge = [labelAt(x - 1, y), labelAt(x + 1, y), labelAt(x, y - 1), labelAt(x, y + 1)].some(l => l !== label);
    const [period, drawn] = DASHES[outlineOf(label)];
    return { colour: labelColour(label), opacity: isEdge && (x + y) % period < drawn ? 1 : FILL_OPACITY };
  };
}

/** Errors in their own colours and patterns. */
function errorOverlay(
  picture: GreySlice,
  { reference, predicted, ignore }: { reference: Uint8Array; predicted: Uint8Array; ignore: number | undefined },
): Overlay {
  return (x, y) => {
    const voxel = voxelAt(picture, x, y);
    const kind = errorKind(reference[voxel]!, predicted[voxel]!, ignore);
    if (kind === undefined || !isDrawn(ERROR_STYLES[kind], x, y)) return undefined;
    return { colour: ERROR_STYLES[kind].colour, opacity: 1 };
  };
}

/** Draws the grey slice, enlarged, with what is laid over it. */
function drawPicture(picture: GreySlice, overlay: Overlay | undefined, brightness = 1): Uint8Array {
  const { grey, columns, slice } = picture;
  const [width, height] = [columns * slice.zoomRight, (grey.length / columns) * slice.zoomUp];
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      const base = grey[voxelAt(picture, x, y)]! * brightness;
      const over = overlay?.(x, y);
      for (let channel = 0; channel < 3; channel++) {
        pixels[at + channel] = Math.round(
          over === undefined ? base : base * (1 - over.opacity) + over.colour[channel]! * over.opacity,
        );
      }
    }
  }
  return encode({ width, height, data: pixels, channels: 3, depth: 8 });
}

/** The slice that a montage shows. */
function sliceOf({ volume, reference, focus }: MontageInput, drawn: readonly LabelVolume[]): Slice {
  const whole = reference === undefined ? drawn : [reference];
  if (focus === undefined || reference === undefined) return chooseSlice(volume, whole);
  if ('voxel' in focus) return chooseSlice(volume, [...whole, ...drawn], focus.voxel);
  const errors = differenceOf(reference, focus.errorsOf);
  return chooseSlice(volume, errors.data.includes(1) ? [errors] : whole);
}

/**
 * Draws a slice of a case: first the image alone, then the reference where given, then every segmentation, then the
 * errors of every segmentation. Enlarged four times (less where that passes 640 pixels) without smoothing, so that
 * voxels stay visible.
 * @throws {InputError} E_MONTAGE_GRID if a segmentation is on another grid than the volume
 */
export function renderMontage(input: MontageInput): Montage {
  const { volume, segmentations, reference, labelNames } = input;
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
  const slice = sliceOf(
    input,
    drawn.map(({ labels }) => labels),
  );
  const voxels = sliceVoxels(volume, slice);
  const picture: GreySlice = { grey: greySlice(volume, voxels), columns: volume.sizeVoxels[slice.right], slice };
  const onSlice = ({ data }: LabelVolume): Uint8Array => Uint8Array.from(voxels, voxel => data[voxel]!);
  const errors =
    reference === undefined
      ? []
      : segmentations.map(({ title, labels }) => {
          const differing = { reference: onSlice(reference), predicted: onSlice(labels), ignore: reference.ignore };
          return {
            title: `errors of ${title}`,
            png: drawPicture(picture, errorOverlay(picture, differing), DIMMED),
          };
        });
  return {
    columns: [
      { title: 'image', png: drawPicture(picture, undefined) },
      ...drawn.map(({ title, labels }) => ({
        title,
        png: drawPicture(picture, labelOverlay(picture, onSlice(labels))),
      })),
      ...errors,
    ],
    legend: labelNames.slice(1).map((name, index) => ({
      name,
      colour: hexOf(labelColour(index + 1)),
      outline: outlineOf(index + 1),
    })),
    slice: `${PLANES[direction(volume.affine, slice.across).along]} slice ${slice.index + 1} of ${volume.sizeVoxels[slice.across]}`,
    letters: lettersOf(volume, slice),
  };
}
