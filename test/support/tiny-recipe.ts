/** A recipe that trains in seconds and learns next to nothing: for tests of everything around the training. */

/** Steps between two validations; a checkpoint is written at each. */
export const TINY_VALIDATE_EVERY = 4;
export const TINY_STEPS = 12;

/** The recipe's text. */
export function tinyRecipe(dataset: string, steps = TINY_STEPS): string {
  const train = `{ steps: ${steps}, batch: 2, validateEvery: ${TINY_VALIDATE_EVERY} }`;
  return `data: { dataset: ${JSON.stringify(dataset)}, splits: { seed: 1, train: 0.6, val: 0.2, test: 0.2 } }
patch: { size: [16, 24, 16] }
augment: { rotateDegrees: 10, noise: 0.05 }
teacher: { unet: { features: [4, 8] }, train: ${train} }
student: { unet: { features: [2, 4] }, train: ${train} }
`;
}
