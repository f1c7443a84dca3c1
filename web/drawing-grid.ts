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

/** The drawing of labels. @param values of labels by code, see codedValues */
export function drawingOf(data: LabelArray, grid: DrawingGrid, values: readonly number[]): Uint8Array {
  const codes = codesOf(values);
  const { sizeVoxels, start, steps } = grid;
  const [width, height, depth] = sizeVoxels;
  const drawing = new Uint8Array(data.length);
  let drawn = 0;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      let stored = start + y * steps[1] + z * steps[2];
      for (let x = 0; x < width; x++, stored += steps[0]) drawing[drawn++] = codes[data[stored]!]!;
    }
  }
  return drawing;
}

const WORD_BYTES = 4;

/** Indices at which two drawings differ, found by words of four bytes, since strokes change few of very many voxels. */
function differences(drawing: Uint8Array, before: Uint8Array): readonly number[] {
  const words = Math.floor(drawing.length / WORD_BYTES);
  const [now, then] = [drawing, before].map(one => new Uint32Array(one.buffer, one.byteOffset, words)) as [
    Uint32Array,
    Uint32Array,
  ];
  const found: number[] = [];
  const compare = (from: number, to: number): void => {
    for (let index = from; index < to; index++) if (drawing[index] !== before[index]) found.push(index);
  };
  for (let word = 0; word < words; word++) {
    if (now[word] !== then[word]) compare(word * WORD_BYTES, (word + 1) * WORD_BYTES);
  }
  compare(words * WORD_BYTES, drawing.length);
  return found;
}

/**
 * Where a drawing differs from what it was before.
 * @param drawing its bytes begin at a multiple of four in their buffer, and so do those of `before`
 */
export function changesOf(
  drawing: Uint8Array,
  before: Uint8Array,
  { grid, values }: { readonly grid: DrawingGrid; readonly values: readonly number[] },
): Changes {
  const { sizeVoxels, start, steps } = grid;
  const [width, height] = sizeVoxels;
  const drawn = differences(drawing, before);
  const storedAt = (index: number): number =>
    start +
    (index % width) * steps[0] +
    (Math.floor(index / width) % height) * steps[1] +
    Math.floor(index / (width * height)) * steps[2];
  return {
    drawn: Uint32Array.from(drawn),
    stored: Uint32Array.from(drawn, storedAt),
    before: Uint16Array.from(drawn, index => values[before[index]!]!),
    after: Uint16Array.from(drawn, index => values[drawing[index]!]!),
  };
}
