/** Settings of synthesis for tests, and small maps to paint. */
import type { SynthesisSettings } from '../../src/data/synthesis/settings.ts';
import { synthesizeSchema } from '../../src/recipe/schema/synthesize.ts';

/** The defaults of a recipe, with classes 1 and 2 + 3, tissues 7 to 9, and other settings as given. */
export function synthesisOf(changes: Partial<SynthesisSettings> = {}): SynthesisSettings {
  const settings = synthesizeSchema.parse({ classes: { one: 1, two: [2, 3] }, others: '7-9', ...changes });
  if (settings === null) throw new Error('settings were given');
  return settings;
}

/** Settings with which an image is the contrast of its map alone, without noise, bias field, gamma and motion. */
export const PLAIN: Partial<SynthesisSettings> = {
  flip: false,
  rotateDegrees: 0,
  scale: 0,
  shear: 0,
  elasticMm: 0,
  deviations: [0, 0],
  darkAir: 0,
  blackAir: 0,
  biasField: 0,
  gamma: 0,
  fineProbability: 1,
};
