/**
 * Same-size convolution with three taps along the depth by Winograd's minimal filtering F(4, 3): four neighbouring
 * planes of the result take six 2D convolutions instead of twelve. Every quad of planes meets six planes of the image.
 * A 6x6 matrix makes six sums of them, which are six groups of channels; one convolution in six groups makes the
 * products; a 4x6 matrix makes the four planes of them, which then lie where they belong.
 * With the points p = 0, ±a, ±b and infinity, and P the product of (x - p) over the finite ones,
 *   sums:      row i holds the coefficients of P / (x - p_i), the last row those of P,
 *   kernels:   row i is p_i^k / (P / (x - p_i))(p_i) for the taps k, the last row is the last tap,
 *   products:  row j is p_i^j, and for j = 3 also the last product.
 * It rounds about twice as coarsely as the direct form, so it serves kernels that are not trained, which are also made
 * once, when the model is loaded.
 * Source: arXiv:1509.09308.
 */
import { range } from '../../core/shape.ts';
import { isOp, type Value } from '../../graph/graph.ts';
import type { ConvAttributes } from '../../graph/ops.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { isSameConv } from './conv.ts';
import { blockedKernel, type TapPlacement } from './kernels.ts';
import { blockedConv, type Fused, type Layout } from './layout.ts';

/** Planes of the result that are made together. */
export const PLANES = 4;
/** Products for them, and taps of a kernel along the depth. */
const [PRODUCTS, TAPS] = [6, 3];

/** The finite points: numbers that are exact in binary and whose powers differ little. */
const POINTS: readonly number[] = [0, 3 / 4, -3 / 4, 3 / 2, -3 / 2];

/** Coefficients, from the lowest power, of the product of (x - point). */
function polynomial(points: readonly number[]): readonly number[] {
  return points.reduce<readonly number[]>(
    (factors, point) =>
      range(factors.length + 1).map(power => (factors[power - 1] ?? 0) - point * (factors[power] ?? 0)),
    [1],
  );
}

const others = (index: number): readonly number[] => POINTS.filter((_, other) => other !== index);

/** The product of (x - point) over all points but one, at a place. */
const without = (index: number, place: number): number =>
  others(index).reduce((product, point) => product * (place - point), 1);

/** Factors of the six planes in each sum. */
const SUMS: readonly (readonly number[])[] = [
  ...POINTS.map((_, index) => [...polynomial(others(index)), 0]),
  polynomial(POINTS),
];

/** Factors of the three taps in each kernel. */
const KERNELS: readonly (readonly number[])[] = [
  ...POINTS.map((point, index) => range(TAPS).map(tap => point ** tap / without(index, point))),
  [0, 0, 1],
];

/** Factors of the six products in each plane of the result. */
const RESULTS: readonly (readonly number[])[] = range(PLANES).map(plane => [
  ...POINTS.map(point => point ** plane),
  plane === PLANES - 1 ? 1 : 0,
]);

/**
 * What to add to each product so that 1 is added to every plane of the result: the weights by which values at the four
 * points besides 0 give that of any cubic at 1.
 */
const ONES: readonly number[] = range(PRODUCTS).map(index => {
  const point = POINTS[index];
  if (point === undefined || point === 0) return 0;
  const rest = others(index).filter(other => other !== 0);
  return rest.reduce((product, other) => (product * (1 - other)) / (point - other), 1);
});

/** Voxels of a batch from which the products take longer than reading their kernels, twice as large as the taps. */
const LEAST_VOXELS = 512;

/**
 * Whether a convolution has this form and is faster in it.
 * @param layout of the operand
 * @param channels of the result
 */
function isInQuads(layout: Layout, channels: number, { kernel, dilations, pads }: ConvAttributes): boolean {
  const { batch, depth, height, width, pack, block } = layout;
  return (
    kernel[0] === TAPS &&
    dilations[0] === 1 &&
    pads[0] === 1 &&
    pack === 1 &&
    depth % PLANES === 0 &&
    batch * depth * height * width >= LEAST_VOXELS &&
    Math.min(layout.channels, channels) >= block
  );
}

/** The six sums of planes of every quad, [D/4 * N, 6 lanes, H, W]. */
function quadSums(emit: Emitter, tensor: Emitted, { batch, depth, lanes, height, width }: Layout): Emitted {
  const quads = range(depth / PLANES).flatMap(quad => range(batch).map(sample => [quad, sample] as const));
  const planeOf = (quad: number, place: number): number => quad * PLANES - 1 + place;
  const isInside = (plane: number): boolean => plane >= 0 && plane < depth;
  // beyond the ends any plane is read, with a factor of 0
  const rows = quads.flatMap(([quad, sample]) =>
    range(PRODUCTS).map(place => {
      const plane = planeOf(quad, place);
      return (isInside(plane) ? plane : quad * PLANES) * batch + sample;
    }),
  );
  const factors = quads.flatMap(([quad]) =>
    SUMS.flatMap(row => row.map((factor, place) => (isInside(planeOf(quad, place)) ? factor : 0))),
  );
  const size = lanes * height * width;
  const planes = emit.gather(emit.reshape(tensor, [depth * batch, size]), rows, [quads.length, PRODUCTS], 0);
  const sums = emit.matmul(emit.float(factors, [quads.length, PRODUCTS, PRODUCTS]), planes);
  return emit.reshape(sums, [quads.length, PRODUCTS * lanes, height, width]);
}

/** The kernels of the six products as one in groups, [6 lanes, Ci, kH, kW] blocked. */
function quadKernels(
  emit: Emitter,
  kernel: Emitted,
  { kernel: [, height, width] }: ConvAttributes,
  block: number,
): Emitted {
  const taps: TapPlacement = {
    outSlots: 1,
    inSlots: 1,
    offsets: range(PRODUCTS),
    kernel: [height, width],
    landings: range(PRODUCTS).flatMap(place =>
      range(TAPS * height * width).map(tap => ({
        tap,
        outSlot: 0,
        place,
        inSlot: 0,
        flatTap: tap % (height * width),
        factor: KERNELS[place]?.[Math.floor(tap / (height * width))] as number,
      })),
    ),
  };
  const all = blockedKernel(emit, kernel, taps, { block, adjoint: false, planar: false });
  const [lanes, input] = all.shape as readonly [number, number];
  const own = (input / PRODUCTS) * block * height * width;
  const view = emit.reshape(all, [lanes / block, PRODUCTS, own]);
  return emit.reshape(emit.transpose(view, [1, 0, 2]), [PRODUCTS * lanes, input / PRODUCTS, height, width]);
}

/**
 * The products of a convolution, [D/4 * N, 6 lanes, H, W].
 * @param fused.bias one number per lane, which is added to the result; products of another convolution are added too
 */
function quadProducts(
  emit: Emitter,
  { tensor, layout }: { readonly tensor: Emitted; readonly layout: Layout },
  kernel: Emitted,
  { attributes, bias, sum }: { readonly attributes: ConvAttributes } & Pick<Fused, 'bias' | 'sum'>,
): Emitted {
  const weights = quadKernels(emit, kernel, attributes, layout.block);
  const [, padH, padW] = attributes.pads;
  const lanes = (weights.shape[0] as number) / PRODUCTS;
  const spread = (vector: Emitted): Emitted => {
    const own = emit.binary('Mul', emit.float(ONES, [PRODUCTS, 1]), emit.reshape(vector, [1, lanes]));
    return emit.reshape(own, [PRODUCTS * lanes]);
  };
  return blockedConv(emit, quadSums(emit, tensor, layout), weights, {
    kernel: [attributes.kernel[1], attributes.kernel[2]],
    pads: [padH, padW, padH, padW],
    dilations: [attributes.dilations[1], attributes.dilations[2]],
    group: PRODUCTS,
    bias: bias && spread(bias),
    sum,
  });
}

/** The image that products stand for, blocked [D * N, lanes, H, W]. */
export function planesOfQuads(emit: Emitter, products: Emitted, { batch }: Layout): Emitted {
  const [rows, wide, height, width] = products.shape as readonly [number, number, number, number];
  const lanes = wide / PRODUCTS;
  const view = emit.reshape(products, [rows, PRODUCTS, lanes * height * width]);
  const planes = emit.matmul(emit.float(RESULTS.flat(), [PLANES, PRODUCTS]), view);
  const apart = emit.reshape(planes, [rows / batch, batch, PLANES, lanes * height * width]);
  return emit.reshape(emit.transpose(apart, [0, 2, 1, 3]), [rows * PLANES, lanes, height, width]);
}

/** What the lowering of a graph knows of its values. */
export interface QuadContext {
  readonly emit: Emitter;
  /** Whether nothing but one other value reads a value, and it is not made yet. */
  isOpen(value: Value): boolean;
  /** Layout of the image that a convolution reads, if it is blocked and the kernel stays. */
  imageLayout(conv: Value): Layout | undefined;
  image(conv: Value): Emitted;
  kernel(conv: Value): Emitted;
}

/** Whether a value is a convolution with this form. */
export function isQuadConv(value: Value, context: QuadContext): boolean {
  if (!isOp(value, 'Conv') || !isSameConv(value.attributes)) return false;
  const layout = context.imageLayout(value);
  return layout !== undefined && isInQuads(layout, value.shape[1] as number, value.attributes);
}

/** Whether a value is the sum of convolutions with this form that nothing else reads, so that their products add up. */
export function isQuadSum(value: Value, context: QuadContext): boolean {
  return (
    isOp(value, 'Add') &&
    value.inputs.every(input => context.isOpen(input) && (isQuadConv(input, context) || isQuadSum(input, context)))
  );
}

/** The products of a convolution or of a sum of convolutions, and of what `fused` adds. */
export function productsOf(value: Value, context: QuadContext, fused: Pick<Fused, 'bias' | 'sum'>): Emitted {
  const { emit } = context;
  if (!isQuadConv(value, context)) {
    const [first, second] = value.inputs as readonly [Value, Value];
    return productsOf(second, context, { sum: productsOf(first, context, fused) });
  }
  const operand = { tensor: context.image(value), layout: context.imageLayout(value) as Layout };
  const kernel = context.kernel(value);
  const { attributes } = value as Value<'Conv'>;
  return emit.tagged(value, () => quadProducts(emit, operand, kernel, { attributes, ...fused }));
}
