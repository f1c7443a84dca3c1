/**
 * Blocked images as rows: a row is a few neighbouring planes of one sample. Convolutions over depth are made of
 * neighbouring rows side by side; rows are as short as memory allows, so that no more of them are read than the taps
 * meet.
 */
import { elementCount, range } from '../../core/shape.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { type Layout, layoutOf } from './layout.ts';

/** Tensor [rows, n] with one row of zeros after the last. */
function withZeroPlane(emit: Emitter, flat: Emitted): Emitted {
  return emit.concat([flat, emit.zeros([1, flat.shape[1] as number])], 0);
}

/** An image as rows of `run` neighbouring numbers, [rows, run], with a plane of zero rows at the end. */
export function zeroEndedRuns(emit: Emitter, input: Emitted, run: number): Emitted {
  const [planes, ...rest] = input.shape as readonly [number, ...number[]];
  const size = elementCount(rest);
  return emit.reshape(withZeroPlane(emit, emit.reshape(input, [planes, size])), [((planes + 1) * size) / run, run]);
}

/** An image as rows that can be read one by one, each a few neighbouring planes of one sample. */
export interface PlaneRows {
  /** Tensor [rows, lanes, H, W]. */
  readonly tensor: Emitted;
  /** Layout of the rows: its pack is the number of planes in a row, its groups those of a sample. */
  readonly layout: Layout;
  /** Group and sample of every row, in the order of memory. */
  readonly order: readonly (readonly [group: number, sample: number])[];
}

/** Group and sample of every row of a blocked tensor, in the order of memory. */
export function groupsAndSamples({ groups, batch }: Layout): PlaneRows['order'] {
  return range(groups).flatMap(group => range(batch).map(sample => [group, sample] as const));
}

/**
 * Smallest number of planes of a row: one if a plane fills whole blocks or is separate (planar), otherwise all planes
 * that share its lanes.
 */
export function fewestPlanes({ channels, pack, block }: Layout, planar: boolean): number {
  return planar || channels % block === 0 ? 1 : pack;
}

/** An image as rows of `planes` planes: all that share the lanes, or one where {@link fewestPlanes} allows it. */
export function planeRows(
  emit: Emitter,
  tensor: Emitted,
  layout: Layout,
  options: { readonly planes: number; readonly planar: boolean },
): PlaneRows {
  const { planes, planar } = options;
  const { batch, channels, depth, height, width, pack, block } = layout;
  const own = layoutOf([batch, channels, depth, height, width], planes, planar ? 1 : block);
  const slots = pack / planes;
  const order = groupsAndSamples(layout).flatMap(([group, sample]) =>
    range(slots).map(slot => [group * slots + slot, sample] as const),
  );
  return { tensor: emit.reshape(tensor, [order.length, own.lanes, height, width]), layout: own, order };
}

/**
 * For every group and sample that is asked for, the rows at some distances from it.
 * @param order groups and samples, `ratio` groups of the rows to one of these
 * @returns row numbers, -1 beyond the ends
 */
export function neighbouringRows(
  rows: PlaneRows,
  order: PlaneRows['order'],
  options: { readonly offsets: readonly number[]; readonly ratio: number },
): readonly (readonly number[])[] {
  const { offsets, ratio } = options;
  const { batch } = rows.layout;
  const numbers = new Map(rows.order.map(([group, sample], row) => [group * batch + sample, row]));
  const { groups } = rows.layout;
  return order.map(([group, sample]) =>
    offsets.map(offset => {
      const wanted = group * ratio + offset;
      return wanted >= 0 && wanted < groups ? (numbers.get(wanted * batch + sample) as number) : -1;
    }),
  );
}

/**
 * Rows side by side on the channel axis: [R, L, H, W] to [sources, E L, H, W].
 * @param sources for each result the rows at its E places; -1 for zeros
 */
export function stackRows(emit: Emitter, input: Emitted, sources: readonly (readonly number[])[]): Emitted {
  const [rows, lanes, height, width] = input.shape as readonly [number, number, number, number];
  const places = (sources[0] as readonly number[]).length;
  if (places === 1 && sources.length === rows && sources.every(([source], index) => source === index)) return input;
  const flat = emit.reshape(input, [rows, lanes * height * width]);
  const source = sources.some(list => list.includes(-1)) ? withZeroPlane(emit, flat) : flat;
  const indices = sources.flat().map(row => (row < 0 ? rows : row));
  const gathered = emit.gather(source, indices, [sources.length, places], 0);
  return emit.reshape(gathered, [sources.length, places * lanes, height, width]);
}
