/**
 * Rewrites that run before differentiation, so that neither a concatenation nor an upsampled image is ever stored:
 *   Conv(Concat(a, b), w)  ->  Conv(a, w[:, :Ca]) + Conv(b, w[:, Ca:])
 *   Conv(Resize(x), w)     ->  Conv with `upsample`
 * Both are exact; only the order of additions changes.
 */
import { type Graph, type GraphBuilder, isOp, type Value } from './graph.ts';
import type { OpAttributes } from './ops.ts';
import { rewrite } from './rewrite.ts';

const WHOLE = '1,1,1';

function convolve(builder: GraphBuilder, input: Value, kernel: Value, attributes: OpAttributes['Conv']): Value {
  if (attributes.group === 1 && isOp(input, 'Concat') && input.attributes.axis === 1) {
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
