/** Products of two tensors along axes that are named by letters (Einsum), as attention is exported. */
import { elementCount } from '../../core/shape.ts';
import type { Value } from '../../graph/graph.ts';
import { type NodeRule, refuse, textOf } from './context.ts';

/** The letters of both operands and of the result. */
function lettersOf(equation: string): readonly [string, string, string] {
  const [, left, right, result] = /^([a-z]+),([a-z]+)->([a-z]+)$/i.exec(equation.replaceAll(' ', '')) ?? [];
  if (left === undefined || right === undefined || result === undefined) return refuse(`Einsum of "${equation}"`);
  const isTwice = (letters: string): boolean => new Set(letters).size < letters.length;
  const all = new Set(left + right);
  const isSummedAlone = [...left].some(one => !right.includes(one) && !result.includes(one));
  const isOther = [...result].some(one => !all.has(one)) || [left, right, result].some(isTwice);
  const isSummed = isSummedAlone || [...right].some(one => !left.includes(one) && !result.includes(one));
  return isOther || isSummed ? refuse(`Einsum of "${equation}"`) : [left, right, result];
}

/**
 * Einsum of two operands: result_(batch, m, n) = sum_k left_(batch, m, k) right_(batch, k, n), where the letters of
 * batch are in all three, those of k in both operands alone, and those of m and n in one operand and the result.
 */
export const einsum: NodeRule = ({ builder, node, value }) => {
  if (node.inputs.length !== 2) return refuse(`Einsum of ${node.inputs.length} tensors`);
  const [left, right, result] = lettersOf(textOf(node, 'equation', ''));
  const [a, b] = [value(0), value(1)];
  const batch = [...left].filter(one => right.includes(one) && result.includes(one));
  const shared = [...left].filter(one => right.includes(one) && !result.includes(one));
  const rows = [...left].filter(one => !right.includes(one));
  const columns = [...right].filter(one => !left.includes(one));
  const sizes = new Map([...left].map((one, axis) => [one, a.shape[axis] as number]));
  for (const [axis, one] of [...right].entries()) sizes.set(one, b.shape[axis] as number);
  const length = (letters: readonly string[]): number => elementCount(letters.map(one => sizes.get(one) as number));
  const inOrder = (operand: Value, letters: string, order: readonly string[]): Value =>
    builder.transpose(
      operand,
      order.map(one => letters.indexOf(one)),
    );
  const count = length(batch);
  const first = builder.reshape(inOrder(a, left, [...batch, ...rows, ...shared]), [
    count,
    length(rows),
    length(shared),
  ]);
  const second = builder.reshape(inOrder(b, right, [...batch, ...shared, ...columns]), [
    count,
    length(shared),
    length(columns),
  ]);
  const made = [...batch, ...rows, ...columns];
  const product = builder.reshape(
    builder.apply('MatMul', [first, second], {}),
    made.map(one => sizes.get(one) as number),
  );
  return inOrder(product, made.join(''), [...result]);
};
