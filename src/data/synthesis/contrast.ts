/**
 * The contrast of a painted image: the Gaussian of every label value, and what is missing. Follows from the random
 * source alone.
 * Source: as settings.ts; SampleConditionalGMM and build_model_inputs of SynthSeg's code.
 */
import type { Random } from '../../core/random.ts';
import type { LabelRules } from './label-rules.ts';
import type { SynthesisSettings } from './settings.ts';

/** Normal distributions of intensities, by the numbers of LabelRules.paintOf. */
export interface Contrast {
  readonly means: Float64Array;
  readonly deviations: Float64Array;
}

/** Largest mean and deviation of dark air. */
const DARK = { mean: 15, deviation: 5 } as const;

/**
 * Draws a contrast: for every distribution a mean, uniform in `means`, and a deviation, uniform in `deviations`. What
 * is 0 in the map is one of them, but black (0, 0) with probability `blackAir` and dark with probability `darkAir`.
 * Where a strip is missing, it and the air around are 0, as in an image that was skull-stripped.
 */
export function drawContrast(
  { means: [low, high], deviations: [least, most], darkAir, blackAir }: SynthesisSettings,
  { paints, strips }: Pick<LabelRules, 'paints' | 'strips'>,
  source: Random,
): Contrast {
  const means = Float64Array.from({ length: paints }, () => low + source.uniform() * (high - low));
  const deviations = Float64Array.from({ length: paints }, () => least + source.uniform() * (most - least));
  const blacken = (paint: number): void => {
    means[paint] = 0;
    deviations[paint] = 0;
  };
  const air = source.uniform();
  const [darkMean, darkDeviation] = [source.uniform() * DARK.mean, source.uniform() * DARK.deviation];
  if (air < blackAir) blacken(0);
  else if (air < blackAir + darkAir) {
    means[0] = darkMean;
    deviations[0] = darkDeviation;
  }
  for (const { paints: missing, probability } of strips) {
    if (source.uniform() >= probability) continue;
    for (const paint of [0, ...missing]) blacken(paint);
  }
  return { means, deviations };
}
