/** Ensembles: what their models must have in common, and the mean of their probabilities. */
import { InputError } from '../core/errors.ts';
import { type ModelInfo, type ModelLabel, type OutputClasses, outputClasses } from './model-info.ts';
import type { Postprocessing } from './postprocess.ts';

/** The classes of several models that know different ones, and how their channels form them. */
export interface JointClasses extends OutputClasses {
  /** The classes besides the background. */
  readonly labels: readonly ModelLabel[];
  /** For each model its weight, and for each of its channels the channel that it is part of; none if undefined. */
  readonly members: readonly { readonly weight: number; readonly channels: readonly (number | undefined)[] }[];
}

function describeInputs({ channels, orientation }: ModelInfo): string {
  return `${channels} channel(s) in ${orientation === undefined ? 'stored' : orientation} axes`;
}

function describe(info: ModelInfo, { kind }: OutputClasses): string {
  const names = info.labels.map(({ value, name }) => `${value} (${name})`).join(', ');
  return `${describeInputs(info)} to ${kind === 'softmax' ? 'exclusive' : 'independent'} classes ${names}`;
}

/**
 * Checks that models of different classes can see the same volume.
 * @throws {InputError} E_ENSEMBLE if input channels or axes differ
 */
export function assertSameInputs(infos: readonly ModelInfo[]): void {
  const [first = '', ...others] = infos.map(describeInputs);
  const index = others.findIndex(other => other !== first);
  if (index < 0) return;
  throw new InputError(
    'E_ENSEMBLE',
    `models that segment together must have the same inputs: model 1 takes ${first}; model ${index + 2} takes ${others[index]}. Leave one out.`,
  );
}

/**
 * The classes that models share. Windows, spacings and normalisations may differ.
 * @param infos at least one
 * @throws {InputError} E_ENSEMBLE if input channels, axes or classes differ; E_MODEL_LABELS
 */
export function sharedClasses(infos: readonly ModelInfo[]): OutputClasses {
  const [first, ...others] = infos.map(info => ({ info, classes: outputClasses(info) }));
  if (first === undefined) throw new InputError('E_ENSEMBLE', 'an ensemble needs at least one model.');
  const expected = describe(first.info, first.classes);
  others.forEach(({ info, classes }, index) => {
    const got = describe(info, classes);
    if (got === expected) return;
    throw new InputError(
      'E_ENSEMBLE',
      `the models of an ensemble must have the same inputs and classes: model 1 maps ${expected}; model ${index + 2} maps ${got}. ` +
        'Leave it out, or correct its labels in the JSON beside it.',
    );
  });
  return first.classes;
}

/** What all models have alike; undefined if they differ. */
function commonOf<T extends object>([first, ...others]: readonly T[]): T | undefined {
  return others.every(other => JSON.stringify(other) === JSON.stringify(first)) ? first : undefined;
}

/**
 * The post-processing that all models share.
 * @returns undefined if the models differ: steps that suit one model need not suit the mean
 */
export function sharedPostprocessing(infos: readonly ModelInfo[]): Postprocessing | undefined {
  return commonOf(infos.map(({ postprocess }) => postprocess ?? {}));
}

/**
 * The temperature that all models share.
 * @returns null if the models differ or have none: one that was fitted for a model need not suit the mean
 */
export function sharedTemperature(infos: readonly ModelInfo[]): number | null {
  const [first = null, ...others] = infos.map(({ temperature }) => temperature ?? null);
  return others.every(other => other === first) ? first : null;
}

/**
 * The thresholds of classes that all models share.
 * @returns undefined if the models differ; empty for the most likely class
 */
export function sharedThresholds(infos: readonly ModelInfo[]): Readonly<Record<string, number>> | undefined {
  return commonOf(infos.map(({ thresholds }) => thresholds ?? {}));
}

/**
 * Mean of streams of slices on one grid, read in parallel.
 * @param streams at least one, all with as many slices
 * @returns one mean per slice; each is valid until the next is asked for
 */
export async function* meanSlices(
  streams: readonly AsyncGenerator<Float32Array, void>[],
): AsyncGenerator<Float32Array, void> {
  const [first, ...others] = streams;
  if (first === undefined) return;
  for await (const slice of first) {
    if (others.length === 0) {
      yield slice;
      continue;
    }
    // a stream may still need its own slice
    const mean = slice.slice();
    for (const other of others) {
      const { value } = await other.next();
      if (value !== undefined) addTo(mean, value);
    }
    for (let i = 0; i < mean.length; i++) mean[i]! /= streams.length;
    yield mean;
  }
}

/**
 * Slices of models that know different classes: the probability of a class is the weighted mean over the models that
 * know it. If classes exclude each other, the background has what is left of 1; where they claim more than 1 together,
 * they are divided by their sum.
 * @param streams one per member, all with as many slices of one size
 */
export async function* jointSlices(
  streams: readonly AsyncGenerator<Float32Array, void>[],
  { kind, values, members }: JointClasses,
): AsyncGenerator<Float32Array, void> {
  const weights = values.map((_, k) =>
    members.reduce((sum, { weight, channels }) => sum + (channels.includes(k) ? weight : 0), 0),
  );
  for (;;) {
    let joint: Float32Array | undefined;
    for (const [index, { weight, channels }] of members.entries()) {
      const { value: slice } = await (streams[index] as (typeof streams)[number]).next();
      if (slice === undefined) return;
      const plane = slice.length / channels.length;
      joint ??= new Float32Array(values.length * plane);
      channels.forEach((k, channel) => {
        if (k === undefined) return;
        const part = slice.subarray(channel * plane, (channel + 1) * plane);
        addTo((joint as Float32Array).subarray(k * plane), part, weight / (weights[k] as number));
      });
    }
    if (joint === undefined) return;
    if (kind === 'softmax') fillBackground(joint, values.length);
    yield joint;
  }
}

/** Makes the background, channel 0, what the other channels leave of 1. */
function fillBackground(values: Float32Array, classes: number): void {
  const plane = values.length / classes;
  for (let i = 0; i < plane; i++) {
    let sum = 0;
    for (let at = plane + i; at < values.length; at += plane) sum += values[at]!;
    values[i] = Math.max(0, 1 - sum);
    if (sum > 1) for (let at = plane + i; at < values.length; at += plane) values[at]! /= sum;
  }
}

/** Adds values, times a factor, to the beginning of a sum. */
function addTo(sum: Float32Array, values: Float32Array, factor = 1): void {
  for (let i = 0; i < values.length; i++) sum[i]! += factor * values[i]!;
}
