/**
 * Gradients to kernels as blocked 2D convolutions with the roles turned round: one operand gives the rows, an unblocked
 * image with a channel for every plane (group of planes of one sample), the other is a kernel as large as that plane,
 * and the few result pixels are the taps. The operand with the stacked neighbours is the kernel, since ONNX Runtime
 * computes up to four blocks of kernels at a time. Blocked memory is read in place: the lanes of a pixel are
 * neighbours, so as an unblocked image the width is lanes times pixels, and a convolution dilated by the block meets
 * every lane at every tap. Planes are cut into strips of their height and put into groups, whose kernels stay in the
 * cache; the sum over groups is made at the end.
 */
import { range } from '../../core/shape.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { blockedConv, reorderOutput, roundUp } from './layout.ts';
import { stackRows, zeroEndedRuns } from './plane-rows.ts';

export interface CorrelationOptions {
  /** Zeros around the rows: top, left, bottom, right. */
  readonly pads: readonly [number, number, number, number];
  /** Distance of neighbouring taps: the dilation of the convolution whose gradient this is. */
  readonly steps: readonly [number, number];
  /** Pixels of the rows per pixel of the image, for a strided convolution; 1 if not given. */
  readonly strides?: readonly [number, number];
  readonly block: number;
}

/** The operand whose channels become result pixels: blocked [P, lanes, H, W], or planar with few channels. */
export interface Rows {
  readonly tensor: Emitted;
  readonly planar: boolean;
}

/** The operand that becomes the kernel: a blocked image whose planes are met together with neighbours. */
export interface StackedImage {
  /** Blocked tensor [R, L, H, W]. */
  readonly tensor: Emitted;
  /** For each plane of the rows, the planes of the image side by side on the lanes; -1 for zeros. */
  readonly sources: readonly (readonly number[])[];
}

/**
 * How planes become the channels of the convolution: strip s of plane p is channel p * strips + s, those beyond the
 * last are zero.
 */
interface Cut {
  readonly planes: number;
  readonly strips: number;
  /** Number of channels, planes * strips: below one block, or a multiple of it, as the runtime requires. */
  readonly channels: number;
  /** Neighbouring channels that are summed within one group. */
  readonly perGroup: number;
  /** Whether the channels are the planes in memory order. */
  readonly whole: boolean;
}

/** A group's kernel should stay in the cache of one core while it meets the rows. */
const GROUP_BYTES = 700_000;
/** Multiply-adds in the time that one number of a group's result takes to write and to sum up. */
const RESULT_COST = 135;
/** Multiply-adds in the time that one number takes to copy. */
const COPY_COST = 27;

interface CutOptions {
  readonly planes: number;
  readonly height: number;
  readonly width: number;
  /** Lanes of the kernels, neighbours included. */
  readonly lanes: number;
  /** Multiply-adds per pixel. */
  readonly work: number;
  readonly block: number;
}

/** The cheapest cut by a count of multiply-adds, padding and copies. */
function cutFor({ planes, height, width, lanes, work, block }: CutOptions): Cut {
  const candidates = range(height)
    .map(index => index + 1)
    .filter(strips => height % strips === 0)
    .map(strips => {
      const used = planes * strips;
      const channels = used < block ? used : roundUp(used, block);
      const pixels = (height / strips) * width;
      const fitting = GROUP_BYTES / (lanes * pixels * Float32Array.BYTES_PER_ELEMENT);
      const isAllowed = (count: number): boolean => channels % count === 0 && (count === 1 || count <= fitting);
      const perGroup = range(block).findLast(count => count > 0 && isAllowed(count)) as number;
      const cut = { planes, strips, channels, perGroup, whole: channels === planes };
      const copies = isStack(cut) ? 0 : (COPY_COST * lanes) / work;
      const cost = (channels / used) * (1 + RESULT_COST / (perGroup * pixels) + copies);
      return { cost, cut };
    });
  return candidates.reduce((best, next) => (next.cost < best.cost ? next : best)).cut;
}

/** Whether the kernels are the stack of neighbours that the gradient to the input reads too. */
function isStack({ whole, perGroup }: Cut): boolean {
  return whole && perGroup === 1;
}

/** Plane and strip of every channel; a plane beyond the last for those that are zero. */
function channelOrigins({ channels, strips }: Cut): readonly { readonly plane: number; readonly strip: number }[] {
  return range(channels).map(channel => ({ plane: Math.floor(channel / strips), strip: channel % strips }));
}

/**
 * The lines of all channels, [parts, channels, lines of a strip with those above and below it], as indices of lines in
 * memory. The height is that of the rows.
 */
function stripLines(
  cut: Cut,
  size: { readonly parts: number; readonly height: number },
  [top, , bottom]: CorrelationOptions['pads'],
) {
  const { parts, height } = size;
  const strip = height / cut.strips;
  const zero = cut.planes * parts * height;
  const lines = new Int32Array(parts * cut.channels * (strip + top + bottom));
  let next = 0;
  for (let part = 0; part < parts; part++) {
    for (const { plane, strip: index } of channelOrigins(cut)) {
      for (let y = index * strip - top; y < (index + 1) * strip + bottom; y++) {
        lines[next++] = plane < cut.planes && y >= 0 && y < height ? (plane * parts + part) * height + y : zero;
      }
    }
  }
  return lines;
}

/**
 * The rows as an unblocked image [parts, channels, lines, (left + W + right) * run] of lanes side by side (run = block;
 * planar: 1). Channels that are in the needed order in memory are not copied and have no lines above and below; the
 * convolution must pad them.
 */
function unblockedRows(emit: Emitter, { tensor, planar }: Rows, cut: Cut, { pads, block }: CorrelationOptions) {
  const [planes, lanes, height, width] = tensor.shape as readonly [number, number, number, number];
  const [parts, run] = planar ? [lanes, 1] : [lanes / block, block];
  const isPadded = !cut.whole || parts > 1;
  const lines = isPadded ? stripLines(cut, { parts, height }, pads) : range(planes * height);
  const image = isPadded
    ? emit.gather(zeroEndedRuns(emit, tensor, width * run), lines, [lines.length], 0)
    : emit.reshape(tensor, [lines.length, width * run]);
  const margin = (columns: number): Emitted[] => (columns === 0 ? [] : [emit.zeros([lines.length, columns * run])]);
  const wide = emit.concat([...margin(pads[1]), image, ...margin(pads[3])], 1);
  const shape = [parts, cut.channels, lines.length / (parts * cut.channels), (pads[1] + width + pads[3]) * run];
  return { image: emit.reshape(wide, shape), isPadded };
}

/** The stacked image as the blocked kernels of all groups, [groups * places * L, perGroup, H / strips, W]. */
function planeKernels(emit: Emitter, { tensor, sources }: StackedImage, cut: Cut, block: number): Emitted {
  const [rows, lanes, height, width] = tensor.shape as readonly [number, number, number, number];
  const places = (sources[0] as readonly number[]).length;
  const shape = [(cut.channels / cut.perGroup) * places * lanes, cut.perGroup, height / cut.strips, width];
  if (isStack(cut)) return emit.reshape(stackRows(emit, tensor, sources), shape);
  const parts = lanes / block;
  const zero = rows * parts * cut.strips;
  const origins = channelOrigins(cut);
  const indices = range(cut.channels / cut.perGroup).flatMap(group =>
    range(places * parts).flatMap(index => {
      const [place, part] = [Math.floor(index / parts), index % parts];
      return origins.slice(group * cut.perGroup, (group + 1) * cut.perGroup).map(({ plane, strip }) => {
        const source = sources[plane]?.[place] ?? -1;
        return source < 0 ? zero : (source * parts + part) * cut.strips + strip;
      });
    }),
  );
  const run = (height / cut.strips) * width * block;
  return emit.reshape(emit.gather(zeroEndedRuns(emit, tensor, run), indices, [indices.length], 0), shape);
}

/**
 * sum over planes and pixels of rows(shifted) * image: the effective kernel's gradient.
 * @returns [channels of the rows, places * L, taps of the height, taps of the width] row-major; padded lanes included
 */
export function correlate(emit: Emitter, rows: Rows, image: StackedImage, options: CorrelationOptions): Emitted {
  const { block, steps, strides = [1, 1], pads } = options;
  const [, ownLanes, height, width] = image.tensor.shape as readonly [number, number, number, number];
  const lanes = ownLanes * (image.sources[0] as readonly number[]).length;
  const offsets = pads[1] + pads[3] + strides[1];
  const lines = (pads[0] + pads[2] + strides[0] - 1) / steps[0] + 1;
  const work = lanes * (rows.tensor.shape[1] as number) * lines * offsets;
  const cut = cutFor({ planes: image.sources.length, height, width, lanes, work, block });
  const groups = cut.channels / cut.perGroup;
  const run = rows.planar ? 1 : block;
  const input = unblockedRows(emit, rows, cut, options);
  const product = blockedConv(emit, input.image, planeKernels(emit, image, cut, block), {
    kernel: [height / cut.strips, width],
    pads: input.isPadded ? [0, 0, 0, 0] : [pads[0], 0, pads[2], 0],
    strides: [steps[0], 1],
    dilations: [strides[0], strides[1] * run],
    group: groups,
  });
  const [parts, , tapsH] = product.shape as readonly [number, number, number, number];
  const perGroup = emit.reshape(reorderOutput(emit, product, groups * lanes), [
    parts,
    groups,
    lanes * tapsH,
    offsets * run,
  ]);
  const sum = emit.reshape(emit.reduce('ReduceSum', perGroup, [1]), [parts, lanes, tapsH, offsets, run]);
  const taps = emit.slice(sum, 3, 0, offsets, steps[1]);
  const tapsW = taps.shape[3] as number;
  return emit.reshape(emit.transpose(taps, [0, 4, 1, 2, 3]), [parts * run, lanes, tapsH, tapsW]);
}
