/** Finds the operator that produces an output, ignoring those that only cast or move its values. */
import type { FileModel } from './read-model.ts';

const PASSING = new Set(['Identity', 'Cast', 'Transpose', 'Reshape', 'Squeeze', 'Unsqueeze', 'Dropout']);

/** The operator that produces an output. */
export interface LastOperator {
  readonly op: string;
  /** The tensor that the operator reads. */
  readonly input: string;
}

/** The last operator before an output that changes values; undefined if no node produces it. */
export function lastOperator({ nodes }: Pick<FileModel, 'nodes'>, output: string): LastOperator | undefined {
  const makers = new Map(nodes.flatMap(node => node.outputs.map(name => [name, node] as const)));
  let node = makers.get(output);
  // a damaged file may contain a cycle
  for (let steps = 0; node !== undefined && steps < nodes.length; steps++) {
    const [input = ''] = node.inputs;
    const before = makers.get(input);
    if (!PASSING.has(node.op) || before === undefined) return { op: node.op, input };
    node = before;
  }
  return undefined;
}
