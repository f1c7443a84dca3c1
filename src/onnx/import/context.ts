/**
 * What the rules of the import share: a node with its operands, its attributes with their defaults, and how a rule says
 * that it cannot.
 */
import { elementCount, type Shape, type Triple } from '../../core/shape.ts';
import { tensor } from '../../core/tensor.ts';
import type { GraphBuilder, Value } from '../../graph/graph.ts';
import type { FileNode } from '../read-model.ts';
import type { Known } from '../tensor-content.ts';

/** Why a model stays as it is. */
export class Unsupported extends Error {}

/** Ends the import with a reason. */
export function refuse(reason: string): never {
  throw new Unsupported(reason);
}

/** A node with what its operands are. */
export interface Context {
  readonly builder: GraphBuilder;
  readonly node: FileNode;
  readonly operatorSet: number;
  /** Operand as an image or other float tensor. */
  readonly value: (index: number) => Value;
  /** Operand whose values are known beforehand; undefined where it is left out or depends on the image. */
  readonly known: (index: number) => Known | undefined;
}

/** What a node makes: one result, or several. */
export type NodeRule = (context: Context) => Value | readonly Value[];

/** Three numbers. */
export const triple = (values: readonly number[], what: string): Triple =>
  values.length === 3 ? [values[0]!, values[1]!, values[2]!] : refuse(`${what} of ${values.length} axes`);

/** Whether an operand is given. */
export const isGiven = ({ node }: Context, index: number): boolean => (node.inputs[index] ?? '') !== '';

/** Whole numbers of an attribute. */
export function intsOf({ attributes }: FileNode, name: string, otherwise: readonly number[]): readonly number[] {
  const ints = attributes.get(name)?.ints;
  return ints === undefined || ints.length === 0 ? otherwise : ints;
}

/** A whole number of an attribute. */
export const intOf = ({ attributes }: FileNode, name: string, otherwise: number): number =>
  attributes.get(name)?.int ?? otherwise;

/** A real number of an attribute. */
export const floatOf = ({ attributes }: FileNode, name: string, otherwise: number): number =>
  attributes.get(name)?.float ?? otherwise;

/** A word of an attribute. */
export const textOf = ({ attributes }: FileNode, name: string, otherwise: string): string =>
  attributes.get(name)?.text ?? otherwise;

/** Attributes that must have one value, as they mostly do. */
export function demand(node: FileNode, numbers: Readonly<Record<string, number>>): void {
  for (const [name, only] of Object.entries(numbers)) {
    if (intOf(node, name, only) !== only) refuse(`${node.op} with ${name}`);
  }
}

/**
 * Numbers that an attribute has in older operator sets and an operand in newer ones.
 * @returns undefined where neither is given
 */
export function numbersOf(context: Context, name: string, index: number): readonly number[] | undefined {
  const { node, known } = context;
  const ints = node.attributes.get(name)?.ints;
  if (ints !== undefined && ints.length > 0) return ints;
  if (!isGiven(context, index)) return undefined;
  const content = known(index) ?? refuse(`${node.op} with ${name} that depend on the image`);
  return [...content.data];
}

/** Axes counted from the front. */
export const fromFront = (axes: readonly number[], rank: number): readonly number[] =>
  axes.map(axis => (axis < 0 ? axis + rank : axis));

/** Known numbers as a constant of the graph. */
export function constantOf(builder: GraphBuilder, { data, shape }: Known): Value {
  return builder.constant(tensor('float32', data instanceof Float32Array ? data : Float32Array.from(data), shape));
}

/** The one number of a known operand. */
export function scalarOf(context: Context, index: number, otherwise: number): number {
  if (!isGiven(context, index)) return otherwise;
  const content = context.known(index) ?? refuse(`${context.node.op} with a number that depends on the image`);
  return content.data.length === 1
    ? content.data[0]!
    : refuse(`${context.node.op} with ${content.data.length} numbers`);
}

/** A shape that is asked for: 0 keeps a size, -1 is what is left. */
export function askedShape(asked: readonly number[], shape: Shape): Shape {
  const kept = asked.map((size, axis) => (size === 0 ? (shape[axis] ?? 0) : size));
  const rest = elementCount(shape) / elementCount(kept.filter(size => size >= 0));
  return kept.map(size => (size < 0 ? rest : size));
}
