/**
 * Lowers a network with its wide work in 8 bits: convolutions by ONNX Runtime's QLinearConv over folded images, what
 * lies between them in real numbers over rows, and everything else as the plain lowering has it. Values are lowered on
 * demand in one of three forms: 8-bit image, rows of real numbers, row-major tensor.
 */
import { invariant } from '../../core/errors.ts';
import { range } from '../../core/shape.ts';
import { tensor } from '../../core/tensor.ts';
import { type Graph, isOp, reachable, type Value } from '../../graph/graph.ts';
import { type Emitted, Emitter } from '../emitter.ts';
import type { LoweredModel } from '../model.ts';
import { lowerPlain } from '../plain.ts';
import { type Affine, eightBitConvolution, RUNTIME_DOMAIN, type Spread } from './convolution.ts';
import { type Folded, fold, foldedLayout, imageShape, repack, unfold, view } from './layout.ts';
import { type EightBitPlan, rootOf, sourcesOf } from './plan.ts';
import { type Range, type Ranges, type Steps, stepsOf } from './ranges.ts';
import { maxPool, upsample } from './regrid.ts';
import { affineRows, normalizedRows, numberRows } from './rows.ts';
import { type Piece, planesMet, stackedKernel, stackPlanes } from './stack.ts';

/** Operators of one image that go on over rows. */
const ROW_UNARY: ReadonlySet<string> = new Set([
  'LeakyRelu',
  'Relu',
  'Elu',
  'Sigmoid',
  'Tanh',
  'Softplus',
  'Abs',
  'Neg',
]);
/** Operators of two images that go on over rows. */
const ROW_BINARY: ReadonlySet<string> = new Set(['Add', 'Sub', 'Mul', 'Max', 'Min']);

/** Fewest channels of an image whose planes are stacked as they are; kernels read four lanes at a time. */
const LANES_READ = 4;

/** The numbers of a constant of one number per channel, [1, C, 1, 1, 1]. */
function perChannelNumbers(value: Value): Float32Array | undefined {
  if (!isOp(value, 'Constant') || value.dataType !== 'float32') return undefined;
  const [first, , ...rest] = value.shape;
  if (value.shape.length !== 5 || first !== 1 || rest.some(size => size !== 1)) return undefined;
  return value.attributes.data as Float32Array;
}

function constantNumbers(value: Value): Float32Array | undefined {
  return isOp(value, 'Constant') ? (value.attributes.data as Float32Array) : undefined;
}

/** Numbers less their middle, as rows, and what they stand for; not yet multiplied. */
interface Pending {
  readonly rows: Emitted;
  readonly affine: Affine;
}

class EightBitLowering {
  readonly #emit: Emitter;
  readonly #plan: EightBitPlan;
  readonly #ranges: Ranges;
  readonly #steps: ReadonlyMap<Value, Steps>;
  readonly #plain = new Map<Value, Emitted>();
  readonly #rows = new Map<Value, Emitted>();
  readonly #pending = new Map<Value, Pending>();
  readonly #eight = new Map<Value, Emitted>();
  /** Values that exist as rows. */
  readonly #folded = new Set<Value>();

  constructor(emit: Emitter, values: readonly Value[], { plan, ranges }: { plan: EightBitPlan; ranges: Ranges }) {
    this.#emit = emit;
    this.#plan = plan;
    this.#ranges = ranges;
    this.#steps = stepsOf(plan, ranges);
    for (const value of values) if (this.#isFolded(value)) this.#folded.add(value);
  }

  #isFolded(value: Value): boolean {
    if (this.#plan.convolutions.has(value)) return true;
    const [first, second] = value.inputs as readonly [Value, Value];
    if (first === undefined || !this.#folded.has(first)) return false;
    if (ROW_UNARY.has(value.op)) return true;
    if (isOp(value, 'InstanceNormalization')) return value.inputs.slice(1).every(input => isOp(input, 'Constant'));
    if (!ROW_BINARY.has(value.op)) return false;
    if (this.#folded.has(second)) return String(first.shape) === String(second.shape);
    return (isOp(value, 'Add') || isOp(value, 'Mul')) && perChannelNumbers(second) !== undefined;
  }

  #layout(value: Value, pack = this.#plan.pack(value)): Folded {
    return foldedLayout(value.shape, pack);
  }

  #tagged<T>(value: Value, build: () => T): T {
    return this.#emit.tagged(value, build);
  }

  /** A value as a row-major tensor. */
  plain(value: Value): Emitted {
    const known = this.#plain.get(value);
    if (known !== undefined) return known;
    const made = this.#folded.has(value)
      ? unfold(this.#emit, this.#asRows(value), this.#layout(value))
      : (this.#head(value) ?? this.#plainly(value));
    this.#plain.set(value, made);
    return made;
  }

  #plainly(value: Value): Emitted {
    const operands = value.inputs.map(input => this.plain(input));
    return this.#tagged(value, () => lowerPlain(this.#emit, value, operands));
  }

  /** A 1x1x1 convolution of rows: one product makes its result and turns it to row-major planes. */
  #head(value: Value): Emitted | undefined {
    if (!isOp(value, 'Conv')) return undefined;
    const [image, weight] = value.inputs as readonly [Value, Value];
    const { kernel, strides, group, upsample: zoom } = value.attributes;
    const numbers = constantNumbers(weight);
    if (!this.#folded.has(image) || numbers === undefined || group !== 1) return undefined;
    if ([...kernel, ...strides, ...zoom].some(size => size !== 1) || value.attributes.pads.some(count => count > 0))
      return undefined;
    const rows = this.#asRows(image);
    const { batch, groups, size, lanes, pack, channels } = this.#layout(image);
    const classes = value.shape[1] as number;
    const matrix = new Float32Array(classes * pack * lanes);
    for (const k of range(classes))
      for (const slot of range(pack))
        for (const c of range(channels))
          matrix[(k * pack + slot) * lanes + slot * channels + c] = numbers[k * channels + c]!;
    return this.#tagged(value, () => {
      const area = size[1] * size[2];
      const voxels = view(this.#emit, rows, [batch * groups, area, lanes]);
      const weights = this.#emit.constant(tensor('float32', matrix, [classes * pack, lanes]));
      const planes = this.#emit.node('FusedMatMul', [weights, voxels], [batch * groups, classes * pack, area], {
        domain: RUNTIME_DOMAIN,
        attributes: { transA: 0, transB: 1, alpha: { float: 1 } },
      });
      const split = view(this.#emit, planes, [batch, groups, classes, pack * area]);
      return view(this.#emit, this.#emit.transpose(split, [0, 2, 1, 3]), value.shape);
    });
  }

  /** A folded value as rows of its real numbers. */
  #asRows(value: Value): Emitted {
    const known = this.#rows.get(value);
    if (known !== undefined) return known;
    invariant(this.#folded.has(value), `${value.op} (${value.tag}) has no rows`);
    const pending = this.#asPending(value);
    const made = pending === undefined ? this.#tagged(value, () => this.#row(value)) : this.#settle(value, pending);
    this.#rows.set(value, made);
    return made;
  }

  #settle(value: Value, { rows, affine }: Pending): Emitted {
    return this.#tagged(value, () => affineRows(this.#emit, rows, this.#layout(value), affine));
  }

  /** A convolution, and constants per channel after it, that wait for the next pass. */
  #asPending(value: Value): Pending | undefined {
    const known = this.#pending.get(value);
    if (known !== undefined) return known;
    const made = this.#plan.convolutions.has(value) ? this.#convolved(value as Value<'Conv'>) : this.#composed(value);
    if (made !== undefined) this.#pending.set(value, made);
    return made;
  }

  #convolved(value: Value<'Conv'>): Pending {
    const spread = this.#convolve(value);
    return this.#tagged(value, () => ({
      rows: numberRows(this.#emit, spread, this.#layout(value)),
      affine: spread.affine,
    }));
  }

  /** x + constant or x * constant, per channel, of what waits. */
  #composed(value: Value): Pending | undefined {
    if (!isOp(value, 'Add') && !isOp(value, 'Mul')) return undefined;
    const [first, second] = value.inputs as readonly [Value, Value];
    const numbers = perChannelNumbers(second);
    const before = numbers === undefined ? undefined : this.#asPending(first);
    if (numbers === undefined || before === undefined) return undefined;
    const { scale, shift } = before.affine;
    const affine = isOp(value, 'Add')
      ? { scale, shift: shift.map((number, c) => number + numbers[c]!) }
      : {
          scale: scale.map((number, c) => number * numbers[c]!),
          shift: shift.map((number, c) => number * numbers[c]!),
        };
    return { rows: before.rows, affine };
  }

  #row(value: Value): Emitted {
    const [first, second] = value.inputs as readonly [Value, Value];
    const layout = this.#layout(value);
    if (isOp(value, 'InstanceNormalization')) return this.#normalized(value);
    if (isOp(value, 'LeakyRelu') || isOp(value, 'Elu')) {
      return this.#emit.unary(value.op, this.#asRows(first), { alpha: { float: value.attributes.alpha } });
    }
    if (ROW_UNARY.has(value.op)) return this.#emit.unary(value.op, this.#asRows(first));
    const numbers = this.#folded.has(second) ? undefined : perChannelNumbers(second);
    if (numbers === undefined) return this.#emit.binary(value.op, this.#asRows(first), this.#asRows(second));
    const [ones, zeros] = [numbers.map(() => 1), numbers.map(() => 0)];
    const affine = isOp(value, 'Add') ? { scale: ones, shift: numbers } : { scale: numbers, shift: zeros };
    return affineRows(this.#emit, this.#asRows(first), layout, affine);
  }

  /** The moments are those of the numbers themselves; epsilon is in their steps. */
  #normalized(value: Value<'InstanceNormalization'>): Emitted {
    const [image, scaleValue, biasValue] = value.inputs as readonly [Value, Value, Value];
    const [scale, bias] = [constantNumbers(scaleValue)!, constantNumbers(biasValue)!];
    const { epsilon } = value.attributes;
    const layout = this.#layout(value);
    const pending = this.#asPending(image);
    if (pending === undefined) {
      const same = scale.map(() => epsilon);
      return normalizedRows(this.#emit, this.#asRows(image), layout, { scale, bias, epsilon: same });
    }
    const { scale: step } = pending.affine;
    // a channel that was multiplied by a number below 0 is turned over
    return normalizedRows(this.#emit, pending.rows, layout, {
      scale: scale.map((number, c) => number * Math.sign(step[c]!)),
      bias,
      epsilon: step.map(size => epsilon / (size * size)),
    });
  }

  #zeroOf(value: Value): Emitted {
    const { zero } = this.#steps.get(rootOf(value)) as Steps;
    return this.#emit.constant(tensor('uint8', Uint8Array.of(zero), []));
  }

  /** A value as an 8-bit image. */
  #asEight(value: Value): Emitted {
    const known = this.#eight.get(value);
    if (known !== undefined) return known;
    const made = isOp(value, 'MaxPool') ? this.#pooled(value) : this.#rounded(value);
    this.#eight.set(value, made);
    return made;
  }

  #pooled(value: Value<'MaxPool'>): Emitted {
    const [input] = value.inputs as readonly [Value];
    const fine = this.#asEight(input);
    return this.#tagged(value, () =>
      maxPool(this.#emit, fine, {
        fine: this.#layout(input),
        coarse: this.#layout(value),
        kernel: value.attributes.kernel,
      }),
    );
  }

  #rounded(value: Value): Emitted {
    const layout = this.#layout(value);
    const real = this.#folded.has(value) ? this.#asRows(value) : this.plain(value);
    const { scale } = this.#steps.get(value) as Steps;
    return this.#tagged(value, () => {
      const numbers = this.#emit.node(
        'QuantizeLinear',
        [real, this.#emit.float(scale), this.#zeroOf(value)],
        real.shape,
        {
          dataType: 'uint8',
        },
      );
      return this.#folded.has(value)
        ? view(this.#emit, numbers, imageShape(layout))
        : fold(this.#emit, numbers, layout);
    });
  }

  #convolve(value: Value<'Conv'>): Spread {
    const [image, weight] = value.inputs as readonly [Value, Value];
    const { attributes } = value;
    const layout = this.#layout(value);
    const depth = { taps: attributes.kernel[0], dilation: attributes.dilations[0] };
    const sources = sourcesOf(image);
    const images = sources.map(source => this.#asEight(source.value));
    return this.#tagged(value, () => {
      const stacks = sources.map((source, index) =>
        this.#stack(source, images[index]!, { layout, depth, alone: sources.length === 1 }),
      );
      const kernel = { data: constantNumbers(weight)!, shape: weight.shape };
      const stacked = stackedKernel(
        kernel,
        stacks.map(({ piece }) => piece),
        { pack: layout.pack, dilation: depth.dilation },
      );
      const whole = this.#emit.concat(
        stacks.map(({ planes }) => planes),
        3,
      );
      return eightBitConvolution(this.#emit, whole, stacked, {
        layout,
        attributes,
        zero: this.#zeroOf(sources[0]!.value),
        seen: this.#ranges.get(value) as Range,
      });
    });
  }

  /** The planes of one source as a convolution reads them. */
  #stack(
    { value, zoom }: ReturnType<typeof sourcesOf>[number],
    image: Emitted,
    {
      layout,
      depth,
      alone,
    }: { readonly layout: Folded; readonly depth: { taps: number; dilation: number }; readonly alone: boolean },
  ): { readonly planes: Emitted; readonly piece: Piece } {
    const own = this.#layout(value);
    const { scale } = this.#steps.get(rootOf(value)) as Steps;
    const { channels } = own;
    const zero = this.#zeroOf(value);
    // coarse planes are stacked as they are where the packs fit, so that nothing is computed twice along the depth
    const fits = own.pack * zoom[0] === layout.pack;
    const zoomDepth = fits ? zoom[0] : 1;
    let planes = planesMet(layout.pack, depth, zoomDepth);
    while (alone && channels < LANES_READ && (planes.length * channels) % LANES_READ !== 0) {
      planes = planes.length % 2 === 0 ? [...planes, planes.at(-1)! + 1] : [planes[0]! - 1, ...planes];
    }
    const piece = { channels, zoom: zoomDepth, scale, planes };
    if (fits) {
      const stacked = stackPlanes(this.#emit, image, own, { planes, zero });
      const wide = { ...own, lanes: planes.length * channels };
      return { planes: upsample(this.#emit, stacked, wide, [1, zoom[1], zoom[2]]), piece };
    }
    const whole = upsample(this.#emit, repack(this.#emit, image, own, 1), this.#layout(value, 1), zoom);
    const fine = foldedLayout([own.batch, channels, ...layout.size], 1);
    const packed = repack(this.#emit, whole, fine, layout.pack);
    const stacked = stackPlanes(this.#emit, packed, foldedLayout([own.batch, channels, ...layout.size], layout.pack), {
      planes,
      zero,
    });
    return { planes: stacked, piece };
  }

  /** Lowers in the order of the graph, so that asking for an output does not recurse through all of it. */
  prepare(values: readonly Value[]): void {
    for (const value of values) if (this.#folded.has(value) && !this.#plan.convolutions.has(value)) this.#asRows(value);
  }
}

/** Lowers a network whose ranges are known to its 8-bit form. */
export function lowerEightBit(
  graph: Graph,
  options: {
    readonly plan: EightBitPlan;
    readonly ranges: Ranges;
    readonly metadata?: Readonly<Record<string, string>>;
  },
): LoweredModel {
  const values = reachable(Object.values(graph.outputs));
  const inputs = values
    .filter(value => isOp(value, 'Input'))
    .map(value => ({ name: value.attributes.name, dataType: value.dataType, shape: value.shape }));
  const emit = new Emitter([...inputs.map(({ name }) => name), ...Object.keys(graph.outputs)]);
  const lowering = new EightBitLowering(emit, values, options);
  lowering.prepare(values);
  const outputs = Object.entries(graph.outputs).map(([name, value]) => [name, lowering.plain(value)] as const);
  return emit.finish(inputs, Object.fromEntries(outputs), options.metadata ?? {});
}
