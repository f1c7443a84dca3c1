/**
 * The correction of one segmentation by hand: its labels after every stroke of the pen, and the way back. Each stroke
 * makes labels of its own, so what was handed out before never changes.
 */
import { createLabels, type LabelArray } from '../src/volume/volume.ts';
import { type Changes, changesOf, codedValues, type DrawingGrid, drawingOf } from './drawing-grid.ts';
import type { Segmented } from './segmentations.ts';

export interface Correction {
  /** The segmentation as corrected so far; the one that was given as long as nothing differs from it. */
  item(): Segmented;
  /** Values of labels by their code in the drawing. */
  readonly values: readonly number[];
  /** The labels as the pen draws on them. */
  drawing(): Uint8Array;
  /**
   * Takes what was drawn since.
   * @param time now, ISO 8601
   * @returns number of voxels that changed
   */
  take(drawing: Uint8Array, time: string): number;
  /**
   * Takes the last stroke back, in the drawing too.
   * @returns whether there was one
   */
  undo(drawing: Uint8Array, time: string): boolean;
  /** Draws again what was taken back last. @returns whether there was anything */
  redo(drawing: Uint8Array, time: string): boolean;
}

/** Labels that can hold every structure of a segmentation. */
function roomyLabels(data: LabelArray, values: readonly number[]): LabelArray {
  const room = createLabels(data.length, Math.max(...values));
  if (room.BYTES_PER_ELEMENT <= data.BYTES_PER_ELEMENT) return data;
  room.set(data);
  return room;
}

/** A name that says that a person has corrected what the name stands for, and that is not taken. */
export function correctedName(name: string, taken: readonly string[]): string {
  const corrected = `${name}, corrected`;
  let free = corrected;
  for (let copy = 2; taken.includes(free); copy++) free = `${corrected} ${copy}`;
  return free;
}

/**
 * @param original segmentation that is corrected; it is not changed
 * @param options the order of the drawing, and the name of the corrected segmentation
 * @throws {InputError} E_PEN_LABELS as codedValues
 */
export function createCorrection(
  original: Segmented,
  { grid, name }: { readonly grid: DrawingGrid; readonly name: string },
): Correction {
  const wanted = original.classes.map(({ value }) => value);
  const values = codedValues(wanted, original.labels.data);
  const codes = new Map(values.map((value, code) => [value, code]));
  const strokes: Changes[] = [];
  const takenBack: Changes[] = [];
  let item = original;
  let { data } = original.labels;
  /** The drawing as it was after the last stroke. */
  const known = drawingOf(data, grid, values);

  function write({ stored }: Changes, to: Uint16Array, time: string): void {
    data = roomyLabels(data, values).slice();
    for (const [index, voxel] of stored.entries()) data[voxel] = to[index]!;
    item =
      strokes.length === 0 ? original : { ...original, name, labels: { ...original.labels, data }, correctedAt: time };
  }

  function draw(drawing: Uint8Array, { drawn }: Changes, to: Uint16Array): void {
    for (const [index, voxel] of drawn.entries()) drawing[voxel] = codes.get(to[index]!)!;
  }

  return {
    values,
    item: () => item,
    drawing: () => known.slice(),

    take(drawing, time) {
      const changes = changesOf(drawing, known, { grid, values });
      if (changes.stored.length === 0) return 0;
      strokes.push(changes);
      takenBack.length = 0;
      draw(known, changes, changes.after);
      write(changes, changes.after, time);
      return changes.stored.length;
    },

    undo(drawing, time) {
      const last = strokes.pop();
      if (last === undefined) return false;
      takenBack.push(last);
      for (const one of [drawing, known]) draw(one, last, last.before);
      write(last, last.before, time);
      return true;
    },

    redo(drawing, time) {
      const last = takenBack.pop();
      if (last === undefined) return false;
      strokes.push(last);
      for (const one of [drawing, known]) draw(one, last, last.after);
      write(last, last.after, time);
      return true;
    },
  };
}
