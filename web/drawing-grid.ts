/**
 * Labels as the viewer's pen draws on them: one byte per voxel, x fastest, in axes that run right, anterior, superior,
 * while labels stay in the order of their file. A byte is a code, the place of a label's value in a list, since values
 * go up to 65,535.
 */
import { InputError } from '../src/core/errors.ts';
import { type Affine, LABEL_VALUES, type LabelArray, type Xyz } from '../src/volume/volume.ts';

/** The drawing's order: its voxel x, y, z is stored at start + x * steps[0] + y * steps[1] + z * steps[2]. */
export interface DrawingGrid {
  /** Of the drawing: right, anterior, superior. */
  readonly sizeVoxels: Xyz;
  readonly start: number;
  readonly steps: Xyz;
  /** From a voxel of the drawing to world millimetres. */
  readonly affine: Affine;
}

/** Voxels that were drawn on. */
export interface Changes {
  /** Index of each voxel in the drawing, and in the stored labels. */
  readonly drawn: Uint32Array;
  readonly stored: Uint32Array;
  /** Values of its label. */
  readonly before: Uint16Array;
  readonly after: Uint16Array;
}

const MOST_CODES = 256;

/**
 * The values of labels by their codes: 0, the background, is code 0.
 * @param wanted values that can be painted
 * @param data labels, whose other values keep a code too
 * @throws {InputError} E_PEN_LABELS if there are more than 255 beside the background
 */
export function codedValues(wanted: readonly number[], data: LabelArray): readonly number[] {
  const isPresent = new Uint8Array(LABEL_VALUES);
  for (const value of wanted) isPresent[value] = 1;
  for (let voxel = 0; voxel < data.length; voxel++) isPresent[data[voxel]!] = 1;
  const values = [0];
  for (let value = 1; value < LABEL_VALUES; value++) if (isPresent[value] === 1) values.push(value);
  if (values.length > MOST_CODES) {
    throw new InputError(
      'E_PEN_LABELS',
      `the pen works on segmentations of up to 255 structures, and this one has ${values.length - 1}. Correct it in 3D Slicer or ITK-SNAP.`,
    );
  }
  return values;
}

function codesOf(values: readonly number[]): Uint8Array {
  const codes = new Uint8Array(LABEL_VALUES);
  for (const [code, value] of values.entries()) codes[value] = code;
  return codes;
}

/** Calls with the place of every voxel in the drawing and in the stored labels, in the order of the drawing. */
function eachVoxel({ sizeVoxels, start, steps }: DrawingGrid, visit: (drawn: number, stored: number) => void): void {
  const [width, height, depth] = sizeVoxels;
  let drawn = 0;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      let stored = start + y * steps[1] + z * steps[2];
      for (let x = 0; x < width; x++, stored += steps[0]) visit(drawn++, stored);
    }
  }
}

/** The drawing of labels. @param values of labels by code, see codedValues */
export function drawingOf(data: LabelArray, grid: DrawingGrid, values: readonly number[]): Uint8Array {
  const codes = codesOf(values);
  const drawing = new Uint8Array(data.length);
  eachVoxel(grid, (drawn, stored) => {
    drawing[drawn] = codes[data[stored]!]!;
  });
  return drawing;
}

/** Where a drawing differs from labels. */
export function changesOf(
  drawing: Uint8Array,
  data: LabelArray,
  { grid, values }: { readonly grid: DrawingGrid; readonly values: readonly number[] },
): Changes {
  const codes = codesOf(values);
  const drawnAt: number[] = [];
  const storedAt: number[] = [];
  eachVoxel(grid, (drawn, stored) => {
    if (drawing[drawn] === codes[data[stored]!]) return;
    drawnAt.push(drawn);
    storedAt.push(stored);
  });
  return {
    drawn: Uint32Array.from(drawnAt),
    stored: Uint32Array.from(storedAt),
    before: Uint16Array.from(storedAt, stored => data[stored]!),
    after: Uint16Array.from(drawnAt, drawn => values[drawing[drawn]!]!),
  };
}
