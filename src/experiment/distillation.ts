/** From the `distill` part of a recipe to the terms of a training step. */

import type { Recipe } from '../recipe/schema.ts';
import type { DistillationTerm, Method } from '../training/distillation.ts';
import type { Ramp } from '../training/ramp.ts';

type Loss = Recipe['distill']['losses'][number];
type Settings<L, K extends string> = L extends Readonly<Record<K, infer Found>> ? Found : never;
type KnowledgeDistillation = Settings<Loss, 'kd'>;
/** A number of the recipe that may change over the steps. */
type Scheduled = Settings<Loss, 'attention'>['weight'];

function ramp(scheduled: Scheduled, from: 'zero' | 'start'): Ramp {
  if (typeof scheduled === 'number') {
    return { from: scheduled, warmupSteps: 0, start: scheduled, end: scheduled, curve: 'linear' };
  }
  return { ...scheduled, from: from === 'zero' ? 0 : scheduled.start };
}

/** The numbers of a term as ramps: a weight warms up from 0, a temperature, for which 0 is no value, waits at its start. */
function ramps<T extends { readonly weight: Scheduled }>({ weight, ...rest }: T) {
  return { ...rest, weight: ramp(weight, 'zero') };
}

function softened<T extends { readonly temperature: Scheduled }>({ temperature, ...rest }: T) {
  return { ...rest, temperature: ramp(temperature, 'start') };
}

function weighted<T extends { readonly classWeights: unknown }>({ classWeights, ...rest }: T) {
  return { ...rest, weights: classWeights as T['classWeights'] };
}

function softWeight(kd: KnowledgeDistillation): Scheduled {
  if (!('finalSoftWeight' in kd)) return kd.softWeight;
  return { start: kd.softWeight, end: kd.finalSoftWeight, warmupSteps: kd.warmupSteps, curve: 'linear' };
}

/** The method of a loss, which is its one key. */
function methodOf(loss: Loss): Method {
  return Object.keys(loss)[0] as Method;
}

function termOf(loss: Loss, name: string): DistillationTerm {
  if ('kd' in loss) {
    const { temperature, classWeights, foregroundWeight, boundaryWeight } = loss.kd;
    const rest = { temperature, classWeights, foregroundWeight, boundaryWeight, weight: softWeight(loss.kd) };
    return { method: 'kd', name, ...weighted(softened(ramps(rest))) };
  }
  if ('logitRegression' in loss) return { method: 'logitRegression', name, ...weighted(ramps(loss.logitRegression)) };
  if ('dkd' in loss) return { method: 'dkd', name, ...weighted(softened(ramps(loss.dkd))) };
  if ('dist' in loss) return { method: 'dist', name, ...weighted(softened(ramps(loss.dist))) };
  if ('softDice' in loss) return { method: 'softDice', name, ...softened(ramps(loss.softDice)) };
  if ('hint' in loss) return { method: 'hint', name, ...ramps(loss.hint) };
  if ('attention' in loss) return { method: 'attention', name, ...ramps(loss.attention) };
  if ('channelWise' in loss) return { method: 'channelWise', name, ...softened(ramps(loss.channelWise)) };
  if ('regionAffinity' in loss) return { method: 'regionAffinity', name, ...ramps(loss.regionAffinity) };
  return loss satisfies never;
}

/**
 * The terms of a recipe. A term is called like its method; the second of a method, in the order of the recipe, has a 2 behind it: kd, kd2,
 * attention, attention2. So the columns of history.csv are called.
 */
export function distillationTerms({ distill }: Recipe): readonly DistillationTerm[] {
  return distill.losses.map((loss, index) => {
    const method = methodOf(loss);
    const earlier = distill.losses.slice(0, index).filter(other => methodOf(other) === method).length;
    return termOf(loss, earlier === 0 ? method : `${method}${earlier + 1}`);
  });
}
