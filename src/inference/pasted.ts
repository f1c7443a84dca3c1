/**
 * Puts what a model says of a box of a volume in its place: around it there is background. Slices are [K, y, x], one
 * after another along z.
 */
import { InputError } from '../core/errors.ts';
import type { Box } from '../volume/nonzero.ts';
import type { Xyz } from '../volume/volume.ts';
import type { OutputClasses } from './model-info.ts';

/** A box in its volume. */
export interface Placement {
  readonly box: Box;
  /** Size of the volume. */
  readonly sizeVoxels: Xyz;
  /** Number of channels. */
  readonly classes: number;
  /** Channel of the background, which is 1 around the box; undefined where channels are independent, and all are 0. */
  readonly background: number | undefined;
}

/**
 * The channel of the background, if channels exclude each other.
 * @throws {InputError} E_MODEL_LABELS if there is none, so that nothing could be said of what was cut away
 */
export function backgroundChannel({ kind, values }: OutputClasses): number | undefined {
  if (kind !== 'softmax') return undefined;
  const channel = values.indexOf(0);
  if (channel >= 0) return channel;
  throw new InputError(
    'E_MODEL_LABELS',
    'the model sees a part of each volume only, and none of its classes is the background (value 0), which the rest would be. ' +
      'Name its background in the labels, or set crop to none, in the JSON beside it.',
  );
}

function emptySlice({ sizeVoxels: [width, height], classes, background }: Placement): Float32Array {
  const slice = new Float32Array(classes * width * height);
  if (background !== undefined) slice.fill(1, background * width * height, (background + 1) * width * height);
  return slice;
}

/** A slice of the box in its place; the slice itself if the box is as wide and high as the volume. */
function pasted(slice: Float32Array, place: Placement): Float32Array {
  const [width, height] = place.sizeVoxels;
  const { start, size } = place.box;
  if (size[0] === width && size[1] === height) return slice;
  const result = emptySlice(place);
  for (let k = 0; k < place.classes; k++) {
    for (let y = 0; y < size[1]; y++) {
      const from = (k * size[1] + y) * size[0];
      result.set(slice.subarray(from, from + size[0]), (k * height + y + start[1]) * width + start[0]);
    }
  }
  return result;
}

/**
 * The slices of a volume, of those of a box.
 * @param slices of the box, [K, y, x]
 * @returns as many slices as the volume has; each is valid until the next is asked for
 */
export async function* pasteSlices(
  slices: AsyncIterable<Float32Array>,
  place: Placement,
): AsyncGenerator<Float32Array, void> {
  const { box, sizeVoxels } = place;
  for (let z = 0; z < box.start[2]; z++) yield emptySlice(place);
  for await (const slice of slices) yield pasted(slice, place);
  for (let z = box.start[2] + box.size[2]; z < sizeVoxels[2]; z++) yield emptySlice(place);
}
