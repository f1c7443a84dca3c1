/**
 * The distillation terms of a step: from a recipe's list of losses to graph nodes, to the numbers that they need in
 * every step, and to the layers and adapters that they use.
 */
import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import type { Shape } from '../core/shape.ts';
import { GraphBuilder, type Value } from '../graph/graph.ts';
import type { ParameterSpec } from '../nn/parameters.ts';
import { type DistillationContext, hyperOf, LOGITS, type Side, sideOf } from './context.ts';
import { METHODS, type Method, type Methods } from './methods.ts';
import { temperatureAt, weightAt } from './ramp.ts';

/** A term that pulls the student towards the teacher. */
export type DistillationTerm = {
  [M in Method]: { readonly method: M; readonly name: string } & Methods[M];
}[Method];

/** A term in a recipe: the method's name with its settings. */
export type DistillationLoss = { [M in Method]: { readonly [K in M]: Methods[K] } }[Method];

/** One object per method, in which its name is the only key. */
export const lossSchema = z.union(
  Object.entries(METHODS).map(([method, { schema }]) => z.strictObject({ [method]: schema })),
) as unknown as z.ZodType<DistillationLoss>;

/**
 * The terms of a recipe. A term has the name of its method; the second term of a method, in the order of the recipe,
 * ends with 2: kd, kd2, attention, attention2. The columns of history.csv have these names.
 */
export function distillationTerms(losses: readonly DistillationLoss[]): readonly DistillationTerm[] {
  const methods = losses.map(loss => Object.keys(loss)[0] as Method);
  return losses.map((loss, index) => {
    const method = methods[index] as Method;
    const earlier = methods.slice(0, index).filter(other => other === method).length;
    const name = earlier === 0 ? method : `${method}${earlier + 1}`;
    return { method, name, ...Object.values(loss)[0] } as DistillationTerm;
  });
}

/** Builds the terms. Their errors carry the name of the term. */
export function distillationValues(
  context: DistillationContext,
  terms: readonly DistillationTerm[],
): readonly { readonly name: string; readonly value: Value }[] {
  return terms.map(term => {
    try {
      const build = METHODS[term.method].build as (context: DistillationContext, term: DistillationTerm) => Value;
      return { name: term.name, value: context.builder.scope(term.name, () => build(context, term)) };
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      throw new InputError(error.code, `distillation term ${term.name}: ${error.message}`, { cause: error });
    }
  });
}

/** Names of the numbers that change by step. */
export function distillationHyperNames(terms: readonly DistillationTerm[]): readonly string[] {
  return Object.keys(distillationHyperValues(terms, { step: 0, steps: 1 }));
}

/** The numbers of a step by their names: the weight of every term, and the temperature of those that have one. */
export function distillationHyperValues(
  terms: readonly DistillationTerm[],
  position: { readonly step: number; readonly steps: number },
): Readonly<Record<string, number>> {
  const values = terms.flatMap((term): readonly (readonly [string, number])[] => {
    const names = hyperOf(term);
    const weight = [names.weight, weightAt(term.weight, position)] as const;
    if (!('temperature' in term)) return [weight];
    return [weight, [names.temperature, temperatureAt(term.temperature, position)]];
  });
  return Object.fromEntries(values);
}

/** The layers of the teacher that the terms need beside its logits. */
export function teacherLayers(terms: readonly DistillationTerm[]): readonly string[] {
  const names = terms.flatMap(term => ('teacherLayer' in term ? [term.teacherLayer] : []));
  return [...new Set(names)].filter(name => name !== LOGITS);
}

/** The layers of the student that the terms need beside its logits. */
export function studentLayers(terms: readonly DistillationTerm[]): readonly string[] {
  const names = terms.flatMap(term => ('studentLayer' in term ? [term.studentLayer] : []));
  return [...new Set(names)].filter(name => name !== LOGITS);
}

/** Facts for the check of terms: shapes of the layers by name, including `logits`, and of the labels' maps. */
export interface DistillationShapes {
  readonly student: ReadonlyMap<string, Shape>;
  readonly teacher: ReadonlyMap<string, Shape>;
  /** Undefined where no sample has labels. */
  readonly labelled: Shape | undefined;
  /** Of the map of ignored voxels, where the data set has an ignore label. */
  readonly counted?: Shape | undefined;
  readonly activation: 'softmax' | 'sigmoid';
}

/**
 * Checks that the terms fit the two networks, by shapes alone, and returns the adapters that they need.
 * @throws {InputError} E_LAYER, E_DISTILL or E_SHAPE, naming the term
 */
export function planDistillation(
  terms: readonly DistillationTerm[],
  { student, teacher, labelled, counted, activation }: DistillationShapes,
): readonly ParameterSpec[] {
  const builder = new GraphBuilder();
  const specs = new Map<string, ParameterSpec>();
  const side = (what: 'student' | 'teacher', shapes: ReadonlyMap<string, Shape>): Side => {
    const inputs = [...shapes].map(([name, shape]) => [name, builder.input(`${what} ${name}`, shape)] as const);
    return sideOf(what, new Map(inputs));
  };
  const context: DistillationContext = {
    builder,
    student: side('student', student),
    teacher: side('teacher', teacher),
    activation,
    labelled: labelled && builder.input('labelled', labelled),
    ...(counted && { counted: builder.input('counted', counted) }),
    hyper: name => builder.input(name, []),
    adapter: spec => {
      specs.set(spec.name, spec);
      return builder.input(spec.name, spec.shape);
    },
  };
  distillationValues(context, terms);
  return [...specs.values()];
}
