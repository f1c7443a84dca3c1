/** The batches that an arm is trained on, as the recipe defines them. */
import { random } from '../core/random.ts';
import { type BatchSettings, type BatchSource, withoutLabels, withUnlabelled } from '../data/loader.ts';
import type { ArmOptions } from './arm-options.ts';

/** The patches of every step; the labelled ones are the same with and without unlabelled ones behind them. */
export function openPatches(
  { laboratory, recipe, data, seed }: Pick<ArmOptions, 'laboratory' | 'recipe' | 'data' | 'seed'>,
  samples: { readonly labelled: number; readonly unlabelled: number; readonly microBatches: number },
): BatchSource {
  const { patch, augment } = recipe;
  const settings: BatchSettings = {
    seed,
    batch: samples.labelled,
    microBatches: samples.microBatches,
    repeatAfter: patch.repeatAfter,
    patchSize: patch.size,
    foreground: patch.foreground,
    padding: patch.padding,
    augment,
  };
  const own = { seed: random(seed, 'unlabelled').integer(2 ** 31), batch: samples.unlabelled, foreground: 0 };
  const openUnlabelled = (): BatchSource => laboratory.openBatches(data.unlabelled, { ...settings, ...own });
  if (samples.labelled === 0) return withoutLabels(openUnlabelled());
  const labelled = laboratory.openBatches(data.train, settings);
  return samples.unlabelled === 0 ? labelled : withUnlabelled(labelled, openUnlabelled());
}
