/**
 * Reverse-mode differentiation from graph to graph: one walk back from the loss, with one table of rules for the closed
 * list of operators. A value reached by several paths sums their gradients. Each gradient is tagged like the value it
 * belongs to, with `.gradient` added.
 */
import { InputError, invariant } from '../core/errors.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import { type GraphBuilder, isOp, reachable, type Value } from '../graph/graph.ts';
import type { OpName } from '../graph/ops.ts';
import type { Rule, RuleInput, VariadicRule } from './rule.ts';
import { convRules } from './rules/conv.ts';
import { elementwiseRules } from './rules/elementwise.ts';
import { movementRules } from './rules/movement.ts';
import { normRules } from './rules/norm.ts';
import { reduceRules } from './rules/reduce.ts';

const RULES: { readonly [K in OpName]: Rule<K> | VariadicRule<K> } = {
  Input: 'a leaf has no operands',
  Constant: 'a leaf has no operands',
  ...elementwiseRules,
  ...reduceRules,
  ...movementRules,
  ...convRules,
  ...normRules,
};

function operandGradient<K extends OpName>(input: RuleInput<K>, operand: number): Value {
  const rule = RULES[input.node.op] as Rule<K> | VariadicRule<K>;
  if (typeof rule === 'function') return rule(input, operand);
  const local = typeof rule === 'string' ? rule : rule[operand];
  invariant(local !== undefined, `${input.node.op} has no rule for operand ${operand}`);
  if (typeof local === 'string') {
    throw new InputError('E_NO_GRADIENT', `${input.node.op} (${input.node.tag}) has no gradient: ${local}`);
  }
  return local(input);
}

/**
 * d loss / d value for each of `targets`, in the shape of the value.
 * @param loss a scalar
 * @returns one gradient per target; a zero constant if the loss does not depend on the target
 * @throws {InputError} E_NO_GRADIENT if a path leads through an operator without derivative
 */
export function gradient(builder: GraphBuilder, loss: Value, targets: readonly Value[]): Value[] {
  if (loss.shape.length !== 0)
    throw new InputError('E_NO_GRADIENT', `the loss is a scalar, got ${formatShape(loss.shape)}`);
  const nodes = reachable([loss]);
  const needed = new Set<Value>(targets);
  for (const node of nodes) if (!isOp(node, 'Detach') && node.inputs.some(input => needed.has(input))) needed.add(node);

  const gradients = new Map<Value, Value>([[loss, builder.float(1)]]);
  for (const node of nodes.reverse()) {
    const dy = gradients.get(node);
    if (dy === undefined || !needed.has(node)) continue;
    builder.retag(`${node.tag}.gradient`, () => {
      node.inputs.forEach((input, operand) => {
        if (!needed.has(input)) return;
        const part = operandGradient({ builder, node, inputs: node.inputs, dy }, operand);
        invariant(
          sameShape(part.shape, input.shape),
          `the gradient of ${node.op} to operand ${operand} has shape [${part.shape}]`,
        );
        const sum = gradients.get(input);
        gradients.set(input, sum === undefined ? part : builder.add(sum, part));
      });
    });
  }
  return targets.map(target => gradients.get(target) ?? builder.expand(builder.float(0), target.shape));
}
