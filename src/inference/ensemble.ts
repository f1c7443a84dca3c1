/** Ensembles: what their models must have in common, and the mean of their probabilities. */
import { InputError } from '../core/errors.ts';
import { type ModelInfo, type OutputClasses, outputClasses } from './model-info.ts';
import type { Postprocessing } from './postprocess.ts';

function describe({ labels, channels, orientation }: ModelInfo, { kind }: OutputClasses): string {
  const names = labels.map(({ value, name }) => `${value} (${name})`).join(', ');
  const axes = orientation === undefined ? 'stored' : orientation;
  return `${channels} channel(s) in ${axes} axes to ${kind === 'softmax' ? 'exclusive' : 'independent'} classes ${names}`;
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

/**
 * The post-processing that all models share.
 * @returns undefined if the models differ: steps that suit one model need not suit the mean
 */
export function sharedPostprocessing(infos: readonly ModelInfo[]): Postprocessing | undefined {
  const [first = {}, ...others] = infos.map(({ postprocess }) => postprocess ?? {});
  return others.every(other => JSON.stringify(other) === JSON.stringify(first)) ? first : undefined;
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

function addTo(sum: Float32Array, values: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += values[i]!;
}
