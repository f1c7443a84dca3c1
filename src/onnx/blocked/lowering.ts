/**
 * The blocked lowering: the operators of a U-Net's training step in ONNX Runtime's channel-blocked kernels. Values are
 * lowered on demand, so that a sum, a bias, a scale or an activation can be fused into the convolution before it.
 */
import { invariant } from '../../core/errors.ts';
import { isOp, type Value } from '../../graph/graph.ts';
import type { ConvAttributes } from '../../graph/ops.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import {
  type BlockedOperand,
  isSameConv,
  pointwiseKernelGradient,
  sameConv,
  sameConvKernelGradient,
  stackedChannels,
} from './conv.ts';
import { depthwiseConv, depthwiseConvKernelGradient } from './depthwise-conv.ts';
import {
  addedAndActivated,
  blockedFromPlain,
  type Fused,
  type Layout,
  layoutOf,
  plainFromBlocked,
  planarFromPlain,
} from './layout.ts';
import { type Affine, affineOf, isDepthwise, isPerChannel, isSpatialReduction, isStrided, Packing } from './packing.ts';
import {
  laneVector,
  leakyReluGradient,
  scaleShift,
  spatialMean,
  spatialMeanOfSquare,
  voxelsPerSample,
} from './pointwise.ts';
import { averagePool, maxPool, maxPoolGradient, resize } from './pool.ts';
import { stridedConv, stridedConvInputGradient, stridedConvKernelGradient } from './strided-conv.ts';
import {
  isUpsampledConv,
  upsampledConv,
  upsampledConvInputGradient,
  upsampledConvKernelGradient,
} from './upsampled-conv.ts';
import { isQuadConv, isQuadSum, planesOfQuads, productsOf, type QuadContext } from './winograd-quads.ts';

export interface BlockedOptions {
  readonly block: number;
  /** Whether all kernels stay, not only constants. */
  readonly frozen: boolean;
}

export class BlockedLowering {
  readonly #emit: Emitter;
  readonly #values: readonly Value[];
  readonly #block: number;
  /** What convolutions in quads of planes ask. */
  readonly #quads: QuadContext;
  readonly #plain: (value: Value) => Emitted;
  readonly #packing: Packing;
  readonly #uses = new Map<Value, number>();
  readonly #made = new Map<Value, Emitted>();

  /** @param options.plain lowers a value to a row-major tensor; called for operands that are not blocked */
  constructor(
    emit: Emitter,
    values: readonly Value[],
    { block, frozen, plain }: BlockedOptions & { readonly plain: (value: Value) => Emitted },
  ) {
    this.#emit = emit;
    this.#values = values;
    this.#block = block;
    this.#quads = this.#quadContext();
    this.#plain = plain;
    this.#packing = new Packing(values, block, { frozen });
    for (const value of values)
      for (const input of value.inputs) this.#uses.set(input, (this.#uses.get(input) ?? 0) + 1);
  }

  /** Values to lower first, in order, so that asking for an output does not recurse through the whole graph. */
  anchors(): readonly Value[] {
    const stops = ['LeakyRelu', 'Relu', 'MaxPool', 'MaxPoolGradient', 'LeakyReluGradient'];
    return this.#values.filter(value => this.#packing.has(value) && stops.includes(value.op));
  }

  /** The value as a row-major tensor, if it or one of its operands is blocked; otherwise undefined. */
  leave(value: Value): Emitted | undefined {
    return this.#emit.tagged(value, () => this.#leave(value));
  }

  #leave(value: Value): Emitted | undefined {
    const [first] = value.inputs as readonly [Value];
    if (this.#packing.has(value)) {
      return plainFromBlocked(this.#emit, this.enter(value), this.#layout(value));
    }
    if (isOp(value, 'ConvKernelGradient')) return this.#kernelGradient(value);
    if (isSpatialReduction(value) && this.#packing.has(first)) return this.#reduction(value);
    return undefined;
  }

  /** The value in the blocked layout. */
  enter(value: Value): Emitted {
    const made = this.#made.get(value);
    if (made !== undefined) return made;
    invariant(this.#packing.has(value), `${value.op} (${value.tag}) has no blocked form`);
    const emitted = this.#emit.tagged(value, () => this.#lower(value));
    this.#made.set(value, emitted);
    return emitted;
  }

  #layout(value: Value, pack = this.#packing.of(value)): Layout {
    return layoutOf(value.shape, pack, this.#block);
  }

  /** An operand in the blocked layout with a given packing, converted where it is not blocked. */
  #blocked(value: Value, pack: number): Emitted {
    if (this.#packing.has(value) && this.#packing.of(value) === pack) return this.enter(value);
    return blockedFromPlain(this.#emit, this.#plain(value), this.#layout(value, pack));
  }

  #lower(value: Value): Emitted {
    const emit = this.#emit;
    const [first, second] = value.inputs as readonly [Value, Value];
    if (isOp(value, 'Conv') || isOp(value, 'ConvTranspose')) return this.#convolve(value, {});
    if (isOp(value, 'Add')) return this.#sum(value);
    if (isOp(value, 'Mul') && value.inputs.some(input => isPerChannel(input) && !this.#packing.has(input))) {
      const [image, factor] = this.#imageFirst(first, second);
      return this.#scaled(value, { image, scale: factor });
    }
    if (isOp(value, 'LeakyRelu') || isOp(value, 'Relu')) return this.#activated(value);
    if (isOp(value, 'LeakyReluGradient')) {
      const [y, dy] = [this.enter(first), this.enter(second)];
      return leakyReluGradient(emit, y, dy, { layout: this.#layout(value), alpha: value.attributes.alpha });
    }
    const regridded = this.#regrid(value);
    if (regridded !== undefined) return regridded;
    // elementwise over whole images, or with a scalar
    const operands = value.inputs.map(input => (input.shape.length === 0 ? this.#plain(input) : this.enter(input)));
    return operands.length === 1
      ? emit.unary(
          value.op,
          operands[0] as Emitted,
          isOp(value, 'Elu') ? { alpha: { float: value.attributes.alpha } } : {},
        )
      : emit.binary(value.op, operands[0] as Emitted, operands[1] as Emitted);
  }

  /** An activation, in one pass with the scaling or the sum before it where nothing else reads that. */
  #activated(value: Value<'LeakyRelu'> | Value<'Relu'>): Emitted {
    const [input] = value.inputs as readonly [Value];
    const activation = isOp(value, 'Relu')
      ? ({ name: 'Relu', parameters: [] } as const)
      : ({ name: 'LeakyRelu', parameters: [value.attributes.alpha] } as const);
    if (!this.#made.has(input)) {
      const affine = affineOf(this.#packing, input);
      if (affine !== undefined) return this.#scaled(value, { ...affine, activation });
      const sum = this.#uses.get(input) === 1 ? this.#fusedSum(input, activation) : undefined;
      if (sum !== undefined) return sum;
    }
    const attributes = isOp(value, 'Relu') ? {} : { alpha: { float: value.attributes.alpha } };
    return this.#emit.unary(value.op, this.enter(input), attributes);
  }

  /** Pooling and upsampling; undefined for other operators. */
  #regrid(value: Value): Emitted | undefined {
    const emit = this.#emit;
    const [first, second, third] = value.inputs as readonly [Value, Value, Value];
    const layout = this.#layout(value);
    if (isOp(value, 'MaxPool')) {
      const { kernel } = value.attributes;
      return maxPool(emit, this.enter(first), { fine: this.#layout(first), coarse: layout, kernel });
    }
    if (isOp(value, 'MaxPoolGradient')) {
      const coarse = this.#layout(second);
      const [x, dy] = [this.enter(first), this.#blocked(third, coarse.pack)];
      return maxPoolGradient(emit, x, dy, { fine: layout, coarse, kernel: value.attributes.kernel });
    }
    if (isOp(value, 'AveragePool')) {
      const layouts = { fine: this.#layout(first), coarse: layout };
      return averagePool(emit, this.enter(first), value.attributes.kernel, layouts);
    }
    if (isOp(value, 'Resize')) {
      return resize(emit, this.enter(first), value.attributes.scales, { fine: layout, coarse: this.#layout(first) });
    }
    return undefined;
  }

  /** The blocked image before the numbers per channel; an image of single voxels looks like either. */
  #imageFirst(left: Value, right: Value): readonly [Value, Value] {
    return this.#packing.has(left) ? [left, right] : [right, left];
  }

  #scaled(value: Value, { image, scale, shift, sum, activation }: Affine & Pick<Fused, 'sum' | 'activation'>): Emitted {
    const tensor = this.enter(image);
    const [factor, offset] = [this.#plain(scale), shift === undefined ? undefined : this.#plain(shift)];
    return scaleShift(this.#emit, tensor, this.#layout(value), { scale: factor, shift: offset, sum, activation });
  }

  #sum(value: Value): Emitted {
    const [first, second] = value.inputs as readonly [Value, Value];
    const affine = affineOf(this.#packing, value);
    if (affine !== undefined) return this.#scaled(value, affine);
    if (isPerChannel(second) || isPerChannel(first)) return this.#biased(value);
    return this.#fusedSum(value) ?? this.#emit.binary('Add', this.enter(first), this.enter(second));
  }

  /**
   * A sum of two images in one pass with the convolution or the scaling that makes one of them and nothing else reads,
   * and with an activation; undefined if there is no such pass.
   */
  #fusedSum(value: Value, activation?: Fused['activation']): Emitted | undefined {
    if (!isOp(value, 'Add') || !value.inputs.every(input => this.#packing.has(input) && !isPerChannel(input))) return;
    if (isQuadSum(value, this.#quads)) return this.#ofQuads(value, { activation });
    const [first, second] = value.inputs as readonly [Value, Value];
    for (const [part, other] of [
      [second, first],
      [first, second],
    ] as const) {
      if (this.#uses.get(part) !== 1 || this.#made.has(part)) continue;
      if (this.#takesSum(part)) {
        const sum = this.enter(other);
        return this.#emit.tagged(part, () => this.#convolve(part, { sum, activation }));
      }
      const scaled = affineOf(this.#packing, part);
      if (scaled !== undefined) return this.#scaled(value, { ...scaled, sum: this.enter(other), activation });
    }
    return undefined;
  }

  /** Whether a value is a convolution that can add an image in its own pass. */
  #takesSum(value: Value): value is Value<'Conv'> | Value<'ConvTranspose'> {
    if (!isOp(value, 'Conv') && !isOp(value, 'ConvTranspose')) return false;
    return isSameConv(value.attributes) || (isOp(value, 'Conv') && isStrided(value));
  }

  /** image + bias per channel, fused into the convolution before it where there is one. */
  #biased(value: Value): Emitted {
    const [first, second] = value.inputs as readonly [Value, Value];
    const [image, bias] = this.#imageFirst(first, second);
    const vector = this.#plain(bias);
    const layout = this.#layout(value);
    if (this.#takesBias(image) && bias.shape[0] === 1 && this.#uses.get(image) === 1) {
      const lanes = laneVector(this.#emit, vector, layout, 1);
      return this.#emit.tagged(image, () => this.#convolve(image, { bias: lanes }));
    }
    const tensor = this.enter(image);
    const ones = this.#emit.float(new Array<number>(layout.channels).fill(1), [1, layout.channels, 1, 1, 1]);
    return scaleShift(this.#emit, tensor, layout, { scale: ones, shift: vector });
  }

  /** Whether a value is a convolution that can add a number per channel in its own pass. */
  #takesBias(value: Value): value is Value<'Conv'> | Value<'ConvTranspose'> {
    if (!isOp(value, 'Conv') && !isOp(value, 'ConvTranspose')) return false;
    return isStrided(value) || (isOp(value, 'Conv') && isSameConv(value.attributes));
  }

  #convolve(value: Value<'Conv'> | Value<'ConvTranspose'>, fused: Fused): Emitted {
    const emit = this.#emit;
    const [image, weight] = value.inputs as readonly [Value, Value];
    const kernel = this.#plain(weight);
    const layout = this.#layout(value);
    if (isQuadConv(value, this.#quads)) return this.#ofQuads(value, fused);
    if (isUpsampledConv(value.attributes)) {
      invariant(fused.sum === undefined, 'the sub-pixel form fuses nothing');
      const { kernel: taps, upsample } = value.attributes;
      const frozen = this.#packing.stays(value);
      const pack = this.#packing.has(image) ? this.#packing.of(image) : upsample[0] * layout.pack;
      const tensor = this.#blocked(image, pack);
      const other = this.#layout(image, pack);
      return isOp(value, 'Conv')
        ? upsampledConv(emit, tensor, kernel, { fine: layout, coarse: other, kernel: taps, upsample, frozen })
        : upsampledConvInputGradient(emit, tensor, kernel, { fine: other, coarse: layout, kernel: taps, upsample });
    }
    if (isStrided(value)) return this.#stride(value, kernel, fused);
    const adjoint = isOp(value, 'ConvTranspose');
    if (isDepthwise(value)) {
      const whole = { tensor: this.#blocked(image, layout.pack), layout };
      return depthwiseConv(emit, whole, kernel, { attributes: value.attributes, adjoint });
    }
    const operand: BlockedOperand = adjoint
      ? { tensor: this.#blocked(image, layout.pack), layout: this.#layout(image, layout.pack), planar: false }
      : this.#convOperand(image, value.attributes, layout.pack);
    return sameConv(emit, operand, kernel, { attributes: value.attributes, adjoint, ...fused });
  }

  #quadContext(): QuadContext {
    const imageOf = (conv: Value): Value => conv.inputs[0] as Value;
    return {
      emit: this.#emit,
      isOpen: value => this.#uses.get(value) === 1 && !this.#made.has(value),
      imageLayout: conv =>
        this.#packing.has(imageOf(conv)) && this.#packing.stays(conv) ? this.#layout(imageOf(conv)) : undefined,
      image: conv => this.enter(imageOf(conv)),
      kernel: conv => this.#plain(conv.inputs[1] as Value),
    };
  }

  /** A convolution, or a sum of convolutions, in quads of planes. */
  #ofQuads(value: Value, { bias, sum, activation }: Fused): Emitted {
    const products = productsOf(value, this.#quads, { bias });
    const image = planesOfQuads(this.#emit, products, this.#layout(value));
    return addedAndActivated(this.#emit, image, { sum, activation });
  }

  /** A strided convolution or its adjoint; an image that is not blocked is packed as the result asks. */
  #stride(value: Value<'Conv'> | Value<'ConvTranspose'>, kernel: Emitted, fused: Fused): Emitted {
    const image = value.inputs[0] as Value;
    const { attributes } = value;
    const layout = this.#layout(value);
    const factor = isOp(value, 'Conv') ? attributes.strides[0] : 1 / attributes.strides[0];
    const pack = this.#packing.has(image) ? this.#packing.of(image) : Math.max(1, factor * layout.pack);
    const input = { tensor: this.#blocked(image, pack), layout: this.#layout(image, pack) };
    return isOp(value, 'Conv')
      ? stridedConv(this.#emit, input, kernel, { attributes, coarse: layout, ...fused })
      : stridedConvInputGradient(this.#emit, input, kernel, { attributes, fine: layout, bias: fused.bias });
  }

  #strideKernelGradient(value: Value<'ConvKernelGradient'>): Emitted {
    const { attributes } = value;
    const [image, dy] = value.inputs as readonly [Value, Value];
    const factor = attributes.strides[0];
    const own = (side: Value): number | undefined => (this.#packing.has(side) ? this.#packing.of(side) : undefined);
    const coarse = own(dy) ?? Math.max(1, (own(image) ?? 1) / factor);
    const fine = own(image) ?? factor * coarse;
    return stridedConvKernelGradient(
      this.#emit,
      { tensor: this.#blocked(image, fine), layout: this.#layout(image, fine) },
      { tensor: this.#blocked(dy, coarse), layout: this.#layout(dy, coarse) },
      attributes,
    );
  }

  /** The input of a same-size convolution: planar where it is not blocked and its stack stays below one block. */
  #convOperand(image: Value, attributes: ConvAttributes, pack: number): BlockedOperand {
    const layout = this.#layout(image, pack);
    const planar = !this.#packing.has(image) && stackedChannels(attributes, layout) < this.#block;
    const tensor = planar ? planarFromPlain(this.#emit, this.#plain(image), layout) : this.#blocked(image, pack);
    return { tensor, layout, planar };
  }

  #kernelGradient(value: Value<'ConvKernelGradient'>): Emitted | undefined {
    const emit = this.#emit;
    const { attributes } = value;
    const [image, dy] = value.inputs as readonly [Value, Value];
    if (isStrided(value)) return this.#strideKernelGradient(value);
    const upsampled = isUpsampledConv(attributes);
    const depthwise = isDepthwise(value);
    if (!upsampled && !depthwise && !isSameConv(attributes)) return undefined;
    if (upsampled && !(this.#packing.has(image) && this.#packing.has(dy))) return undefined;
    const packed = [dy, image].find(side => this.#packing.has(side));
    const pack = packed === undefined ? 1 : this.#packing.of(packed);
    const layout = this.#layout(dy, pack);
    const dyOperand: BlockedOperand = { tensor: this.#blocked(dy, pack), layout, planar: false };
    if (depthwise) {
      const x = { tensor: this.#blocked(image, pack), layout };
      return depthwiseConvKernelGradient(emit, x, dyOperand, attributes);
    }
    if (!upsampled && attributes.kernel.every(taps => taps === 1)) {
      const own = this.#layout(image, pack);
      const tensor = this.#blocked(image, pack);
      return pointwiseKernelGradient(emit, { tensor, layout: own, planar: false }, dyOperand);
    }
    if (upsampled) {
      const tensor = this.enter(image);
      const { kernel, upsample } = attributes;
      const scales = { fine: layout, coarse: this.#layout(image), kernel, upsample };
      return upsampledConvKernelGradient(emit, tensor, dyOperand.tensor, scales);
    }
    const x = this.#convOperand(image, attributes, pack);
    return sameConvKernelGradient(emit, x, dyOperand, attributes);
  }

  #reduction(value: Value<'ReduceMean'> | Value<'ReduceSum'> | Value): Emitted {
    const [image] = value.inputs as readonly [Value];
    const layout = this.#layout(image);
    const mean = this.#spatialMean(image, layout);
    const op = isOp(value, 'ReduceMean') ? 'ReduceMean' : 'ReduceSum';
    const own = op === 'ReduceMean' ? mean : this.#emit.binary('Mul', mean, this.#emit.float(voxelsPerSample(layout)));
    const { axes } = (value as Value<'ReduceMean'>).attributes;
    return axes.includes(0) ? this.#emit.reduce(op, own, [0]) : own;
  }

  #spatialMean(image: Value, layout: Layout): Emitted {
    const [left, right] = image.inputs as readonly [Value, Value];
    // only for a square: if signs cancel, as in dy * x, the stored product gives more exact sums
    if (isOp(image, 'Mul') && left === right && this.#packing.has(left) && !this.#made.has(image)) {
      return spatialMeanOfSquare(this.#emit, this.enter(left), layout);
    }
    return spatialMean(this.#emit, this.enter(image), layout);
  }
}
