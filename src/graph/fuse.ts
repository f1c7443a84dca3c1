/**
 * Rewrites that run before differentiation, so that neither a concatenation nor an upsampled image is ever stored:
 *   Conv(Concat(a, b), w)    ->  Conv(a, w[:, :Ca]) + Conv(b, w[:, Ca:])
 *   Conv(Resize(x), w)        ->  Conv with `upsample`
 *   1x1x1 Conv(Resize(x), w)  ->  Resize(Conv(x, w))
 *   Conv in groups            ->  Conv of one group, with zeros between the groups, unless it is depthwise: kernels for
 *                                 groups of few channels are not faster
 * All are exact; only the order of additions changes.
 */
import { fullKernel } from './full-kernel.ts';
import { type Graph, type GraphBuilder, isOp, type Value } from './graph.ts';
import type { OpAttributes } from './ops.ts';
import { rewrite } from './rewrite.ts';

const WHOLE = '1,1,1';

/** Whether every result sees one voxel, its own. */
function isPointwise({ kernel, strides, pads }: OpAttributes['Conv']): boolean {
  return [...kernel, ...strides].every(size => size === 1) && pads.every(count => count === 0);
}

function convolve(builder: GraphBuilder, input: Value, kernel: Value, attributes: OpAttributes['Conv']): Value {
  const { group } = attributes;
  if (group > 1) {
    return group === input.shape[1] && group === kernel.shape[0]
      ? builder.apply('Conv', [input, kernel], attributes)
      : convolve(builder, input, fullKernel(builder, kernel, group), { ...attributes, group: 1 });
  }
  if (isOp(input, 'Concat') && input.attributes.axis === 1) {
    let start = 0;
    const parts = input.inputs.map(part => {
      const end = start + (part.shape[1] as number);
      const slice = builder.slice(kernel, 1, start, end);
      start = end;
      return convolve(builder, part, slice, attributes);
    });
    return parts.reduce((sum, part) => builder.add(sum, part));
  }
  if (String(attributes.upsample) === WHOLE && isOp(input, 'Resize')) {
    if (isPointwise(attributes)) {
      const narrow = convolve(builder, input.inputs[0] as Value, kernel, attributes);
      return builder.apply('Resize', [narrow], input.attributes);
    }
    return builder.apply('Conv', [input.inputs[0] as Value, kernel], {
      ...attributes,
      upsample: input.attributes.scales,
    });
  }
  return builder.apply('Conv', [input, kernel], attributes);
}

/** Copies the graph into `builder` with concatenations and upsamplings folded into the convolutions that read them. */
export function fuse(builder: GraphBuilder, graph: Graph): Graph {
  return rewrite(builder, graph, (_, value, inputs) =>
    isOp(value, 'Conv') ? convolve(builder, inputs[0] as Value, inputs[1] as Value, value.attributes) : undefined,
  );
}
