/**
 * Decides before lowering which values live in the blocked layout and how many planes each packs. A value is blocked
 * where its operator has a blocked form; values that must agree (both sides of a convolution, operands of a sum) form
 * one group with one packing; a group and the coarser one under it (pooling, upsampling) keep packing fine = 2 coarse,
 * or both 1.
 */
import type { Triple } from '../../core/shape.ts';
import { isOp, type Value } from '../../graph/graph.ts';
import { spatial } from '../../graph/infer.ts';
import type { OpName } from '../../graph/ops.ts';
import { isSameConv } from './conv.ts';
import { isDepthwiseConv } from './depthwise-conv.ts';
import { isBlockedPool } from './pool.ts';
import { isStridedConv } from './strided-conv.ts';
import { isUpsampledConv } from './upsampled-conv.ts';
import { PLANES } from './winograd-quads.ts';

/** A number per sample and channel: [N or 1, C, 1, 1, 1]. */
export function isPerChannel(value: Value): boolean {
  return value.shape.length === 5 && value.shape.slice(2).every(size => size === 1);
}

const isScalar = (value: Value): boolean => value.shape.length === 0;

/** The axes of a mean or sum over space, with or without the batch. */
export function isSpatialReduction(value: Value): boolean {
  if (!isOp(value, 'ReduceMean') && !isOp(value, 'ReduceSum')) return false;
  const axes = value.attributes.axes.filter(axis => axis !== 0).join();
  return axes === '2,3,4';
}

/** Size of the image before the stride of a convolution, of its adjoint, or of its gradient to the kernel. */
function strideSize(value: Value<'Conv' | 'ConvTranspose' | 'ConvKernelGradient'>): Triple {
  return isOp(value, 'ConvTranspose') ? value.attributes.size : spatial((value.inputs[0] as Value).shape);
}

/** Whether a convolution, its adjoint or its gradient to the kernel has the depthwise form. */
export function isDepthwise(value: Value<'Conv' | 'ConvTranspose' | 'ConvKernelGradient'>): boolean {
  const [first, second] = value.inputs as readonly [Value, Value];
  const other = isOp(value, 'ConvKernelGradient') ? second : value;
  return isDepthwiseConv(value.attributes, [first.shape[1] as number, other.shape[1] as number]);
}

/** Whether a convolution, its adjoint or its gradient to the kernel has the strided form. */
export function isStrided(value: Value<'Conv' | 'ConvTranspose' | 'ConvKernelGradient'>): boolean {
  return isStridedConv(value.attributes, strideSize(value));
}

/** A value and the one with half as many planes that it is pooled to or upsampled from. */
type Link = readonly [fine: Value, coarse: Value];
type Links = Link[];

/** Planes of the finer image per plane of the coarser one, 1 or 2, and where it is noted. */
interface DepthStep {
  readonly depthFactor: number;
  readonly links: Links;
}

/** Notes a link; values with equally many planes may be packed each for itself. */
function addLink(links: Links, [depth]: Triple, fine: Value, coarse: Value): void {
  if (depth === 2) links.push([fine, coarse]);
}

/** Functions of one number that are 0 at 0, as the lanes that pad a block are. */
const KEEPS_ZERO: ReadonlySet<OpName> = new Set(['LeakyRelu', 'Relu', 'Neg', 'Elu', 'Tanh', 'Erf', 'Abs']);

/** The packing of every blocked value. */
export class Packing {
  readonly #blocked = new Set<Value>();
  readonly #parents = new Map<Value, Value>();
  readonly #packs = new Map<Value, number>();
  /** Results of convolutions over several planes. */
  readonly #deep = new Set<Value>();

  /** Values that depend on nothing that comes in. */
  readonly #constant = new Set<Value>();
  readonly #frozen: boolean;

  /** @param options.frozen whether all kernels stay, not only constants */
  constructor(values: readonly Value[], block: number, { frozen = false }: { readonly frozen?: boolean } = {}) {
    this.#frozen = frozen;
    for (const value of values) {
      const isConstant = value.inputs.length > 0 && value.inputs.every(input => this.#constant.has(input));
      if (isConstant || isOp(value, 'Constant')) this.#constant.add(value);
    }
    const links: Link[] = [];
    for (const value of values) this.#classify(value, links);
    this.#choose(block, links);
  }

  /** Whether the kernel of a convolution is made once, or may round as if it were. */
  stays(conv: Value): boolean {
    return this.#frozen || this.#constant.has(conv.inputs[1] as Value);
  }

  /** Whether the value is made in the blocked layout. */
  has(value: Value): boolean {
    return this.#blocked.has(value);
  }

  /** Planes that share the lanes of a blocked value. */
  of(value: Value): number {
    return this.#packs.get(this.#find(value)) as number;
  }

  #find(value: Value): Value {
    let root = value;
    for (let parent = this.#parents.get(root); parent !== undefined; parent = this.#parents.get(root)) root = parent;
    return root;
  }

  #join(...members: readonly Value[]): void {
    const [first, ...rest] = members.filter(member => this.#blocked.has(member));
    for (const member of rest) {
      const [left, right] = [this.#find(first as Value), this.#find(member)];
      if (left !== right) this.#parents.set(right, left);
    }
  }

  #add(value: Value, ...partners: readonly Value[]): void {
    this.#blocked.add(value);
    this.#join(value, ...partners);
  }

  #classify(value: Value, links: Links): void {
    const [first, second] = value.inputs as readonly [Value, Value];
    if (isOp(value, 'Conv') || isOp(value, 'ConvTranspose')) {
      this.#classifyConv(value, links);
    } else if (isOp(value, 'ConvKernelGradient')) {
      this.#classifyKernelGradient(value, links);
    } else if (isOp(value, 'Add') || isOp(value, 'Sub') || isOp(value, 'Mul')) {
      this.#classifySum(value);
    } else if (KEEPS_ZERO.has(value.op)) {
      if (this.has(first)) this.#add(value, first);
    } else if (isOp(value, 'LeakyReluGradient')) {
      if (this.has(first) && this.has(second)) this.#add(value, first, second);
    } else if (isOp(value, 'MaxPool') || isOp(value, 'MaxPoolGradient')) {
      this.#classifyPool(value, links);
    } else if (isOp(value, 'AveragePool')) {
      this.#classifyGrid(value, { depthFactor: value.attributes.kernel[0], links });
    } else if (isOp(value, 'Resize')) {
      this.#classifyGrid(value, { depthFactor: value.attributes.scales[0], links });
    }
  }

  #classifyKernelGradient(value: Value<'ConvKernelGradient'>, links: Links): void {
    const [image, dy] = value.inputs as readonly [Value, Value];
    if (isSameConv(value.attributes) || isDepthwise(value)) this.#join(dy, image);
    else if (isUpsampledConv(value.attributes)) addLink(links, value.attributes.upsample, dy, image);
    else if (isStrided(value)) this.#relate(image, dy, { depthFactor: value.attributes.strides[0], links });
  }

  /** Average pooling and nearest upsampling, by at most 2 in depth. */
  #classifyGrid(value: Value<'AveragePool'> | Value<'Resize'>, step: DepthStep): void {
    const [input] = value.inputs as readonly [Value];
    if (!this.has(input) || step.depthFactor > 2) return;
    this.#add(value);
    if (isOp(value, 'AveragePool')) this.#relate(input, value, step);
    else this.#relate(value, input, step);
  }

  /** Keeps the packings of a fine and a coarse image in step: alike where they have as many planes, else linked. */
  #relate(fine: Value, coarse: Value, { depthFactor, links }: DepthStep): void {
    if (depthFactor === 1) this.#join(fine, coarse);
    else links.push([fine, coarse]);
  }

  #classifyConv(value: Value<'Conv' | 'ConvTranspose'>, links: Links): void {
    const first = value.inputs[0] as Value;
    if (value.attributes.kernel[0] > 1) this.#deep.add(value);
    if (isSameConv(value.attributes) || isDepthwise(value)) this.#add(value, first);
    else if (isStrided(value)) {
      this.#add(value);
      const [fine, coarse] = isOp(value, 'Conv') ? [first, value] : [value, first];
      this.#relate(fine, coarse, { depthFactor: value.attributes.strides[0], links });
    } else if (isUpsampledConv(value.attributes) && (isOp(value, 'ConvTranspose') || this.has(first))) {
      this.#add(value);
      const { upsample } = value.attributes;
      if (isOp(value, 'Conv')) addLink(links, upsample, value, first);
      else addLink(links, upsample, first, value);
    }
  }

  /**
   * A sum, difference or product of blocked values of one size, or of one with a number per channel or, to multiply by,
   * one number.
   */
  #classifySum(value: Value<'Add' | 'Sub' | 'Mul'>): void {
    const full = value.inputs.filter(input => this.has(input));
    const other = value.inputs.filter(input => !this.has(input));
    const sameSize = full.every(input => String(input.shape) === String(value.shape));
    const fits = other.every(
      input =>
        (isPerChannel(input) && input.shape[1] === value.shape[1] && !isOp(value, 'Sub')) ||
        (isScalar(input) && isOp(value, 'Mul')),
    );
    if (full.length > 0 && sameSize && fits) this.#add(value, ...full);
  }

  #classifyPool(value: Value<'MaxPool' | 'MaxPoolGradient'>, links: Links): void {
    const [first, second, third] = value.inputs as readonly [Value, Value, Value];
    if (!this.has(first) || !isBlockedPool(value.attributes)) return;
    if (isOp(value, 'MaxPool')) {
      this.#add(value);
      addLink(links, value.attributes.kernel, first, value);
    } else {
      this.#add(value, first);
      this.#join(second, third);
    }
  }

  /** The largest packing that fits every group's widest member into the lanes, lowered until all links hold. */
  #choose(block: number, links: Links): void {
    const members = new Map<Value, Set<number>>();
    for (const value of this.#blocked) {
      const root = this.#find(value);
      members.set(root, (members.get(root) ?? new Set()).add(value.shape[1] as number));
    }
    const deep = new Set([...this.#deep].filter(value => this.has(value)).map(value => this.#find(value)));
    const trained = new Set([...this.#deep].filter(value => !this.stays(value)).map(value => this.#find(value)));
    for (const [root, counts] of members) {
      const widest = Math.max(...counts);
      // one block of channels fills the lanes with one plane; a second plane gives the kernels two blocks to work on at
      // a time, of which less is zero than is won where they reach over several planes, and where no narrower member
      // would end inside a block
      const isWhole = [...counts].every(count => count === block || 2 * count <= block);
      // quads of planes ask for one plane on the lanes
      const isInQuads = !trained.has(root) && (root.shape[2] as number) % PLANES === 0;
      const lanes = widest === block && deep.has(root) && isWhole && !isInQuads && block > 1 ? 2 * block : block;
      let pack = 1;
      while (2 * pack * widest <= lanes && (root.shape[2] as number) % (2 * pack) === 0) pack *= 2;
      this.#packs.set(root, pack);
    }
    const between = links.filter(([fine, coarse]) => this.has(fine) && this.has(coarse));
    let changed = true;
    while (changed) changed = between.map(link => this.#lowerToLink(link)).includes(true);
  }

  /** @returns whether a group of the link is packed less than before */
  #lowerToLink([fine, coarse]: Link): boolean {
    const [finePack, coarsePack] = [this.of(fine), this.of(coarse)];
    const allowed = Math.max(1, finePack / 2);
    if (coarsePack > allowed) this.#packs.set(this.#find(coarse), allowed);
    else if (coarsePack < finePack / 2) this.#packs.set(this.#find(fine), 2 * coarsePack);
    return coarsePack !== this.of(coarse) || finePack !== this.of(fine);
  }
}

/** A blocked image times a number per channel, and perhaps another one added. */
export interface Affine {
  readonly image: Value;
  readonly scale: Value;
  readonly shift?: Value;
}

/** Recognises x * scale, and x * scale + shift, for a blocked x. */
export function affineOf(packing: Packing, value: Value): Affine | undefined {
  if (!packing.has(value)) return undefined;
  const [first, second] = value.inputs as readonly [Value, Value];
  if (isOp(value, 'Mul')) {
    return isPerChannel(second) && packing.has(first) ? { image: first, scale: second } : undefined;
  }
  if (!isOp(value, 'Add') || !isPerChannel(second)) return undefined;
  const product = affineOf(packing, first);
  return product === undefined || product.shift !== undefined ? undefined : { ...product, shift: second };
}
