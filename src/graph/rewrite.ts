/** Copies a graph into a builder and replaces values on the way. A pass is a table of replacements for this walk. */
import { type Graph, type GraphBuilder, reachable, type Value } from './graph.ts';

/**
 * A replacement: takes the builder, the old value and its copied inputs, and returns the value to use instead, or
 * undefined to copy.
 */
export type Replacement = (builder: GraphBuilder, value: Value, inputs: readonly Value[]) => Value | undefined;

/** Copies the values that the outputs depend on into `builder`, calling `replace` for each value first. */
export function rewrite(builder: GraphBuilder, graph: Graph, replace: Replacement): Graph {
  const copies = new Map<Value, Value>();
  for (const value of reachable(Object.values(graph.outputs))) {
    const inputs = value.inputs.map(input => copies.get(input) as Value);
    copies.set(
      value,
      builder.retag(value.tag, () => replace(builder, value, inputs) ?? builder.copy(value, inputs)),
    );
  }
  return {
    outputs: Object.fromEntries(
      Object.entries(graph.outputs).map(([name, value]) => [name, copies.get(value) as Value]),
    ),
  };
}
