/**
 * Kernels of the blocked convolutions, made from the 3D kernel [Co, Ci, kD, kH, kW] inside the graph at every step. A
 * 3D tap lands at a place (offset of the group, slot in it, 2D tap) for every slot of the result; a constant 0/1 matrix
 * says where, so packing, reversal and the sub-pixel form are all the same product; minimal filters have other factors.
 */
import { elementCount, type Triple } from '../../core/shape.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { type Layout, roundUp } from './layout.ts';

/** Where the taps of a 3D kernel land in a blocked 2D kernel. */
export interface TapPlacement {
  readonly outSlots: number;
  /** Group read at each place of the stacked input, relative to the result's group. */
  readonly offsets: readonly number[];
  readonly inSlots: number;
  /** Size of the 2D kernel. */
  readonly kernel: readonly [number, number];
  /** Landing places: 3D tap index, result slot, index into offsets, input slot, 2D tap index. */
  readonly landings: readonly Landing[];
}

export interface Landing {
  readonly tap: number;
  readonly outSlot: number;
  readonly place: number;
  readonly inSlot: number;
  readonly flatTap: number;
  /** What the tap is multiplied by; 1 if not given. */
  readonly factor?: number;
}

/** Turns landings with relative groups into a placement with a list of distinct offsets. */
export function placement(
  outSlots: number,
  inSlots: number,
  kernel: readonly [number, number],
  landings: readonly (Omit<Landing, 'place' | 'inSlot'> & { readonly plane: number })[],
): TapPlacement {
  const groupOf = (plane: number): number => Math.floor(plane / inSlots);
  const offsets = [...new Set(landings.map(({ plane }) => groupOf(plane)))].sort((a, b) => a - b);
  return {
    outSlots,
    inSlots,
    kernel,
    offsets,
    landings: landings.map(({ plane, tap, outSlot, flatTap }) => {
      const group = groupOf(plane);
      return { tap, outSlot, flatTap, place: offsets.indexOf(group), inSlot: plane - group * inSlots };
    }),
  };
}

interface KernelOptions {
  readonly block: number;
  /** Whether the result's channels are the 3D kernel's input channels (gradient to the input). */
  readonly adjoint: boolean;
  /** Whether the convolution reads an unblocked input, whose lanes are not padded. */
  readonly planar: boolean;
}

/** Column of a landing among [outSlots, places, inSlots, 2D taps]. */
function columnOf(taps: TapPlacement, { outSlot, place, inSlot, flatTap }: Landing): number {
  const flatTaps = taps.kernel[0] * taps.kernel[1];
  return ((outSlot * taps.offsets.length + place) * taps.inSlots + inSlot) * flatTaps + flatTap;
}

/** The 0/1 matrix [3D taps, columns] of a placement, or undefined where it is the identity. */
function tapMatrix(
  taps: TapPlacement,
  count: number,
): { readonly columns: number; readonly data: Float32Array } | undefined {
  const columns = taps.outSlots * taps.offsets.length * taps.inSlots * taps.kernel[0] * taps.kernel[1];
  if (columns === count && taps.landings.every(landing => columnOf(taps, landing) === landing.tap)) return undefined;
  const data = new Float32Array(count * columns);
  for (const landing of taps.landings) {
    data[landing.tap * columns + columnOf(taps, landing)]! += landing.factor ?? 1;
  }
  return { columns, data };
}

/** Taps in place: [Co, Ci, outSlots, places, inSlots, 2D taps]. */
function placeTaps(emit: Emitter, kernel: Emitted, taps: TapPlacement): Emitted {
  const [out, input, ...size] = kernel.shape as readonly [number, number, ...number[]];
  const count = elementCount(size);
  const shape = [out, input, taps.outSlots, taps.offsets.length, taps.inSlots, taps.kernel[0] * taps.kernel[1]];
  const matrix = tapMatrix(taps, count);
  if (matrix === undefined) return emit.reshape(kernel, shape);
  const places = emit.constant({ dataType: 'float32', shape: [count, matrix.columns], data: matrix.data });
  return emit.reshape(emit.matmul(emit.reshape(kernel, [out * input, count]), places), shape);
}

/**
 * The transpose of placing: gradients at the landing places summed into a 3D kernel [Co, Ci, kD, kH, kW].
 * @param product a correlation: with `adjoint` [lanes of x, places * lanes of dy, taps reversed], else [places,
 * lanes of x, lanes of dy, taps]
 */
export function kernelFromTaps(
  emit: Emitter,
  product: Emitted,
  taps: TapPlacement,
  options: { readonly x: Layout; readonly dy: Layout; readonly adjoint: boolean; readonly kernel: Triple },
): Emitted {
  const { x, dy, adjoint, kernel } = options;
  const flatTaps = taps.kernel[0] * taps.kernel[1];
  const places = taps.offsets.length;
  const [out, input] = [dy.channels, x.channels];
  let columns: Emitted;
  if (adjoint) {
    const rows = emit.slice(emit.reshape(product, [x.lanes, places, dy.lanes, flatTaps]), 0, 0, x.used);
    const lanes = emit.slice(rows, 2, 0, dy.used);
    const split = emit.reshape(lanes, [taps.outSlots, input, places, taps.inSlots, out, flatTaps]);
    columns = emit.transpose(split, [4, 1, 0, 2, 3, 5]);
  } else {
    const rows = emit.slice(emit.reshape(product, [places, x.lanes, dy.lanes, flatTaps]), 1, 0, x.used);
    const lanes = emit.slice(rows, 2, 0, dy.used);
    const split = emit.reshape(lanes, [places, taps.inSlots, input, taps.outSlots, out, flatTaps]);
    columns = emit.transpose(split, [4, 2, 3, 0, 1, 5]);
  }
  const reversed = adjoint
    ? { ...taps, landings: taps.landings.map(landing => ({ ...landing, flatTap: flatTaps - 1 - landing.flatTap })) }
    : taps;
  const count = elementCount(kernel);
  const matrix = tapMatrix(reversed, count);
  if (matrix === undefined) return emit.reshape(columns, [out, input, ...kernel]);
  const collect = emit.constant({
    dataType: 'float32',
    shape: [matrix.columns, count],
    data: transposed(matrix.data, count, matrix.columns),
  });
  const flat = emit.reshape(columns, [out * input, matrix.columns]);
  return emit.reshape(emit.matmul(flat, collect), [out, input, ...kernel]);
}

function transposed(data: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = data[row * columns + column]!;
  }
  return result;
}

/** The 2D kernel of a blocked convolution, in the runtime's blocked order. */
export function blockedKernel(emit: Emitter, kernel: Emitted, taps: TapPlacement, options: KernelOptions): Emitted {
  const { block, adjoint, planar } = options;
  const [outAxis, inAxis] = adjoint ? [1, 0] : [0, 1];
  const outLanes = taps.outSlots * (kernel.shape[outAxis] as number);
  const inLanes = taps.inSlots * (kernel.shape[inAxis] as number);
  const places = taps.offsets.length;
  const flatTaps = taps.kernel[0] * taps.kernel[1];
  const placed = emit.transpose(placeTaps(emit, kernel, taps), [2, outAxis, 3, 4, inAxis, 5]);
  const out = roundUp(outLanes, block);
  const padded = emit.padTo(emit.reshape(placed, [outLanes, places, inLanes, flatTaps]), 0, out);
  if (planar) {
    const view = emit.reshape(padded, [out / block, block, places * inLanes, flatTaps]);
    return emit.reshape(emit.transpose(view, [0, 2, 3, 1]), [out, places * inLanes, ...taps.kernel]);
  }
  const input = roundUp(inLanes, block);
  const full = emit.padTo(padded, 2, input);
  const view = emit.reshape(full, [out / block, block, (places * input) / block, block, flatTaps]);
  return emit.reshape(emit.transpose(view, [0, 2, 4, 3, 1]), [out, places * input, ...taps.kernel]);
}

/** The blocked 2D kernels of several products, one for each place of the taps. */
export function productKernels(
  emit: Emitter,
  kernel: Emitted,
  taps: TapPlacement,
  { block, adjoint }: { readonly block: number; readonly adjoint: boolean },
): readonly Emitted[] {
  const all = blockedKernel(emit, kernel, taps, { block, adjoint, planar: false });
  const [out, input] = all.shape as readonly [number, number];
  const count = taps.offsets.length;
  const view = emit.reshape(all, [out / block, count, elementCount(all.shape) / ((out / block) * count)]);
  const parts = emit.split(view, 1, new Array<number>(count).fill(1));
  return parts.map(part => emit.reshape(part, [out, input / count, ...taps.kernel]));
}
