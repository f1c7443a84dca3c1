/**
 * Replaces composite operators by simpler ones before a training graph is lowered, so that their parts are shared with
 * the gradients.
 */
import { type Graph, type GraphBuilder, isOp } from './graph.ts';
import { normalizeInstances } from './moments.ts';
import { rewrite } from './rewrite.ts';

/** Copies the graph into `builder` with instance normalisation in plain operators. */
export function decompose(builder: GraphBuilder, graph: Graph): Graph {
  return rewrite(builder, graph, (_, value, inputs) =>
    isOp(value, 'InstanceNormalization') ? normalizeInstances(builder, inputs, value.attributes.epsilon) : undefined,
  );
}
