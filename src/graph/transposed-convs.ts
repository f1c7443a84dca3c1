/**
 * Finds transposed convolutions whose kernel is their stride where they are spelled out, as the plain lowering writes
 * them: a 1x1x1 convolution to all voxels of a block, which then take their places. Exact.
 */
import { mapAxes } from '../core/axes.ts';
import { elementCount, type Triple } from '../core/shape.ts';
import { BLOCK_ORDER, NO_PADS } from './convolution.ts';
import { type Graph, type GraphBuilder, isOp, type Value } from './graph.ts';
import { spatial } from './infer.ts';
import { rewrite } from './rewrite.ts';

/** A 1x1x1 convolution and the blocks [N, C, kD, kH, kW, D, H, W] of its voxels. */
interface Blocks {
  readonly conv: Value<'Conv'>;
  readonly kernel: Triple;
}

/** What a reshaping puts in place; undefined if it is another one. */
function blocksBehind(value: Value): Blocks | undefined {
  const [turned] = value.inputs;
  if (!isOp(value, 'Reshape') || turned === undefined || !isOp(turned, 'Transpose')) return undefined;
  const apart = turned.inputs[0] as Value;
  if (String(turned.attributes.perm) !== String(BLOCK_ORDER) || !isOp(apart, 'Reshape')) return undefined;
  const conv = apart.inputs[0] as Value;
  if (!isOp(conv, 'Conv') || conv.attributes.group !== 1) return undefined;
  const { kernel: taps, strides, pads, upsample } = conv.attributes;
  if ([...taps, ...strides, ...upsample].some(size => size !== 1) || pads.some(count => count !== 0)) return undefined;
  const [batch, channels, depth, height, width, ...grid] = apart.shape as readonly number[];
  const kernel: Triple = [depth as number, height as number, width as number];
  const whole = [batch, channels, ...mapAxes(axis => (grid[axis] as number) * kernel[axis])];
  const isInPlace = String(whole) === String(value.shape) && String(grid) === String(spatial(conv.shape));
  return isInPlace && conv.shape[0] === batch ? { conv, kernel } : undefined;
}

/** Copies the graph into `builder` with transposed convolutions where they are spelled out. */
export function findTransposedConvs(builder: GraphBuilder, graph: Graph): Graph {
  const copies = new Map<Value, readonly Value[]>();
  return rewrite(builder, graph, (_, value, inputs) => {
    if (isOp(value, 'Conv')) copies.set(value, inputs);
    const blocks = blocksBehind(value);
    if (blocks === undefined) return undefined;
    const [image, point] = copies.get(blocks.conv) as readonly [Value, Value];
    const { kernel } = blocks;
    const [into, out] = [image.shape[1] as number, value.shape[1] as number];
    const rows = builder.transpose(builder.reshape(point, [out * elementCount(kernel), into]), [1, 0]);
    const from = spatial(image.shape);
    return builder.apply('ConvTranspose', [image, builder.reshape(rows, [into, out, ...kernel])], {
      kernel,
      strides: kernel,
      dilations: [1, 1, 1],
      pads: NO_PADS,
      group: 1,
      upsample: [1, 1, 1],
      size: mapAxes(axis => from[axis] * kernel[axis]),
    });
  });
}
