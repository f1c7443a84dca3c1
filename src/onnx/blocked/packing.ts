/**
 * Decides before lowering which values live in the blocked layout and how many planes each packs. A value is blocked where its operator
 * has a blocked form; values that must agree (both sides of a convolution, operands of a sum) form one group with one packing; a group
 * and the coarser one under it (pooling, upsampling) keep packing fine = 2 coarse, or both 1.
 */
import { isOp, type Value } from '../../graph/graph.ts';
import { isSameConv } from './conv.ts';
import { isUpsampledConv } from './upsampled-conv.ts';

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

/** The packing of every blocked value. */
export class Packing {
  readonly #blocked = new Set<Value>();
  readonly #parents = new Map<Value, Value>();
  readonly #packs = new Map<Value, number>();

  constructor(values: readonly Value[], block: number) {
    const links: (readonly [Value, Value])[] = [];
    for (const value of values) this.#classify(value, links);
    this.#choose(block, links);
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

  #classify(value: Value, links: (readonly [Value, Value])[]): void {
    const [first, second, third] = value.inputs as readonly [Value, Value, Value];
    if (isOp(value, 'Conv') || isOp(value, 'ConvTranspose')) {
      if (isSameConv(value.attributes)) this.#add(value, first);
      else if (isUpsampledConv(value.attributes) && (isOp(value, 'ConvTranspose') || this.has(first))) {
        this.#add(value);
        links.push(isOp(value, 'Conv') ? [value, first] : [first, value]);
      }
    } else if (isOp(value, 'ConvKernelGradient')) {
      if (isSameConv(value.attributes)) this.#join(second, first);
      else if (isUpsampledConv(value.attributes)) links.push([second, first]);
    } else if (isOp(value, 'Add') || isOp(value, 'Sub') || isOp(value, 'Mul')) {
      const full = [first, second].filter(input => this.has(input));
      const other = [first, second].filter(input => !this.has(input));
      const sameSize = full.every(input => String(input.shape) === String(value.shape));
      const fits = other.every(
        input =>
          (isPerChannel(input) && input.shape[1] === value.shape[1] && !isOp(value, 'Sub')) ||
          (isScalar(input) && isOp(value, 'Mul')),
      );
      if (full.length > 0 && sameSize && fits) this.#add(value, ...full);
    } else if (isOp(value, 'LeakyRelu') || isOp(value, 'Relu') || isOp(value, 'Neg')) {
      if (this.has(first)) this.#add(value, first);
    } else if (isOp(value, 'LeakyReluGradient')) {
      if (this.has(first) && this.has(second)) this.#add(value, first, second);
    } else if (isOp(value, 'MaxPool') || isOp(value, 'MaxPoolGradient')) {
      if (this.has(first) && value.attributes.kernel.every(size => size === 2)) {
        if (isOp(value, 'MaxPool')) {
          this.#add(value);
          links.push([first, value]);
        } else {
          this.#add(value, first);
          this.#join(second, third);
        }
      }
    }
  }

  /** The largest packing that fits every group's widest member into the lanes, lowered until all links hold. */
  #choose(block: number, links: readonly (readonly [Value, Value])[]): void {
    const widest = new Map<Value, number>();
    for (const value of this.#blocked) {
      const root = this.#find(value);
      widest.set(root, Math.max(widest.get(root) ?? 0, value.shape[1] as number));
    }
    for (const [root, channels] of widest) {
      // one block of channels fills the lanes with one plane; a second plane gives the kernels two blocks to work on at a time
      const lanes = channels === block ? 2 * block : block;
      let pack = 1;
      while (2 * pack * channels <= lanes && (root.shape[2] as number) % (2 * pack) === 0) pack *= 2;
      this.#packs.set(root, pack);
    }
    for (let changed = true; changed; ) {
      changed = false;
      for (const [fine, coarse] of links) {
        if (!this.has(fine) || !this.has(coarse)) continue;
        const [finePack, coarsePack] = [this.of(fine), this.of(coarse)];
        const allowed = Math.max(1, finePack / 2);
        if (coarsePack > allowed) this.#packs.set(this.#find(coarse), allowed);
        else if (coarsePack < finePack / 2) this.#packs.set(this.#find(fine), 2 * coarsePack);
        changed ||= coarsePack !== this.of(coarse) || finePack !== this.of(fine);
      }
    }
  }
}
