/**
 * Gradients to kernels as blocked 2D convolutions: planes (pairs of depth group and sample) take the role of channels, one operand gives
 * the rows of the batch, the other is a kernel as large as the image, and the few result pixels are the taps. The operand with the
 * stacked neighbours is the kernel, since ONNX Runtime computes up to four blocks of kernels at a time. The sum over planes and strips
 * of the height is cut into groups, whose kernels stay in the cache, and added up at the end.
 */
import { range } from '../../core/shape.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { blockedConv, reorderInput, reorderOutput, roundUp, zeroEndedRuns } from './layout.ts';

export interface CorrelationOptions {
  /** Zeros around the rows: top, left, bottom, right. */
  readonly pads: readonly [number, number, number, number];
  /** Distance of neighbouring taps: the dilation of the convolution whose gradient this is. */
  readonly steps: readonly [number, number];
  readonly block: number;
}

/** How pairs and strips of the height are laid out: blocks of `block` pairs, each a group with a kernel of its own. */
interface Cut {
  /** Pairs, rounded up to a multiple of the block where strips cannot fill it. */
  readonly pairs: number;
  /** Strips that the height is cut into. */
  readonly strips: number;
  /** Strips of one block; a block holds block / inner pairs. */
  readonly inner: number;
  readonly groups: number;
}

/** A group's kernel should stay in the cache of one core while it meets the rows. */
const GROUP_BYTES = 700_000;

function cutFor(pairs: number, [lanes, height, width]: readonly [number, number, number], block: number): Cut {
  let inner = 1;
  while (inner < block && ((pairs * inner) % block !== 0 || height % inner !== 0)) inner *= 2;
  const fits = (pairs * inner) % block === 0 && height % inner === 0;
  const [used, whole] = fits ? [inner, pairs] : [1, roundUp(pairs, block)];
  const bytes = (strips: number): number => lanes * block * (height / strips) * width * Float32Array.BYTES_PER_ELEMENT;
  const options = range(height)
    .map(index => index + 1)
    .filter(strips => height % strips === 0 && strips % used === 0);
  const strips = options.find(count => bytes(count) <= GROUP_BYTES) ?? (options.at(-1) as number);
  return { pairs: whole, strips, inner: used, groups: (whole * strips) / block };
}

/** The operand whose channels become result pixels: blocked [P, lanes, H, W], or planar with few channels. */
export interface Rows {
  readonly tensor: Emitted;
  readonly planar: boolean;
}

/** The operand that becomes the kernel: a blocked image whose groups are met together with neighbours. */
export interface StackedImage {
  /** [G N, L, H, W] blocked */
  readonly tensor: Emitted;
  readonly batch: number;
  /** For each group of the rows, the groups of the image side by side on the lanes; outside of it are zeros. */
  readonly sources: readonly (readonly number[])[];
}

/** Calls back for every block of pairs, in order of groups: (pair, strip) for each of the block's lanes. */
function forEachLane(
  cut: Cut,
  block: number,
  visit: (group: number, lane: number, pair: number, strip: number) => void,
): void {
  const perBlock = block / cut.inner;
  const outerStrips = cut.strips / cut.inner;
  for (let group = 0; group < cut.groups; group++) {
    const firstPair = Math.floor(group / outerStrips) * perBlock;
    const firstStrip = (group % outerStrips) * cut.inner;
    for (let lane = 0; lane < block; lane++) {
      visit(group, lane, firstPair + Math.floor(lane / cut.inner), firstStrip + (lane % cut.inner));
    }
  }
}

/**
 * The rows with their channels interleaved along the width, [L, groups * block, H', W' * R]: pixel w of channel r lies at w R + r, so one
 * convolution dilated by R meets all channels at all taps side by side. Blocked memory has that order already: R = block and L blocks.
 * Planar channels stay apart: R = 1.
 */
function interleavedRows(
  emit: Emitter,
  { tensor, planar }: Rows,
  cut: Cut,
  { pads, block }: CorrelationOptions,
): Emitted {
  const [pairs, channels, height, width] = tensor.shape as readonly [number, number, number, number];
  const [blocks, run] = planar ? [channels, 1] : [channels / block, block];
  const source = zeroEndedRuns(emit, tensor, run);
  const zero = pairs * blocks * height * width;
  const [top, left, bottom, right] = pads;
  const strip = height / cut.strips;
  const [lines, across] = [strip + top + bottom, width + left + right];
  const indices = new Int32Array(blocks * cut.groups * block * lines * across);
  let next = 0;
  for (let part = 0; part < blocks; part++) {
    forEachLane(cut, block, (_, __, pair, index) => {
      for (let line = 0; line < lines; line++) {
        const y = index * strip + line - top;
        const start = ((pair * blocks + part) * height + y) * width - left;
        const inside = pair < pairs && y >= 0 && y < height;
        for (let x = 0; x < across; x++) indices[next++] = inside && x >= left && x < left + width ? start + x : zero;
      }
    });
  }
  const gathered = emit.gather(source, indices, [indices.length], 0);
  const grouped = reorderInput(emit, emit.reshape(gathered, [blocks * cut.groups, block, lines, across * run]), block);
  return emit.reshape(grouped, [blocks, cut.groups * block, lines, across * run]);
}

/** The stacked image as the blocked kernels of all groups, [groups * places * L, block, H / strips, W]. */
function pairKernels(emit: Emitter, image: StackedImage, cut: Cut, block: number): Emitted {
  const { tensor, batch, sources } = image;
  const [planes, lanes, height, width] = tensor.shape as readonly [number, number, number, number];
  const [blocks, pixels] = [lanes / block, height * width];
  const places = (sources[0] as readonly number[]).length;
  const [count, stripPixels] = [planes / batch, pixels / cut.strips];
  const zero = planes * blocks * pixels;
  const perGroup = places * blocks * stripPixels * block;
  const indices = new Int32Array(cut.groups * perGroup);
  forEachLane(cut, block, (group, lane, pair, strip) => {
    const list = sources[Math.floor(pair / batch)];
    for (let place = 0; place < places; place++) {
      const from = list?.[place] ?? -1;
      const inside = from >= 0 && from < count;
      for (let part = 0; part < blocks; part++) {
        const start = ((from * batch + (pair % batch)) * blocks + part) * pixels + strip * stripPixels;
        let next = group * perGroup + (place * blocks + part) * stripPixels * block + lane;
        for (let pixel = 0; pixel < stripPixels; pixel++, next += block) indices[next] = inside ? start + pixel : zero;
      }
    }
  });
  const gathered = emit.gather(zeroEndedRuns(emit, tensor, block), indices, [indices.length], 0);
  return emit.reshape(gathered, [cut.groups * places * lanes, block, height / cut.strips, width]);
}

/**
 * sum over planes and pixels of rows(shifted) * image: the effective kernel's gradient.
 * @returns [channels of the rows, places * L, taps of the height, taps of the width] row-major; padded lanes included
 */
export function correlate(emit: Emitter, rows: Rows, image: StackedImage, options: CorrelationOptions): Emitted {
  const { block, steps, pads } = options;
  const [, ownLanes, height, width] = image.tensor.shape as readonly [number, number, number, number];
  const lanes = ownLanes * (image.sources[0] as readonly number[]).length;
  const cut = cutFor(image.sources.length * image.batch, [lanes, height, width], block);
  const run = rows.planar ? 1 : block;
  const product = blockedConv(emit, interleavedRows(emit, rows, cut, options), pairKernels(emit, image, cut, block), {
    kernel: [height / cut.strips, width],
    strides: [steps[0], 1],
    dilations: [1, run],
    group: cut.groups,
  });
  const [blocks, , tapsH] = product.shape as readonly [number, number, number, number];
  const offsets = pads[1] + pads[3] + 1;
  const perGroup = emit.reshape(reorderOutput(emit, product, cut.groups * lanes), [
    blocks,
    cut.groups,
    lanes * tapsH,
    offsets * run,
  ]);
  const sum = emit.reshape(emit.reduce('ReduceSum', perGroup, [1]), [blocks, lanes, tapsH, offsets, run]);
  const taps = emit.slice(sum, 3, 0, offsets, steps[1]);
  const tapsW = taps.shape[3] as number;
  return emit.reshape(emit.transpose(taps, [0, 4, 1, 2, 3]), [blocks * run, lanes, tapsH, tapsW]);
}
