/** The post-processing of an arm's model: given by the recipe, or chosen on the validation cases. */
import { type ArmOptions, regionsOf } from './arm-options.ts';
import { type ChosenPostprocessing, choosePostprocessing } from './choose-postprocessing.ts';
import { readModelFile } from './model-file.ts';

/**
 * The post-processing of the recipe; chosen on the validation cases if it is `auto`.
 * @param model the file without post-processing
 */
export async function postprocessingOf(options: ArmOptions, model: Uint8Array): Promise<Partial<ChosenPostprocessing>> {
  const { laboratory, recipe, data, arm, folder, signal } = options;
  // regions are scored as a whole, but written over each other, so a step on label maps is not a step on a region
  if (recipe.postprocess === 'none' || regionsOf(options.data) !== undefined) return {};
  if (recipe.postprocess !== 'auto') return { postprocess: recipe.postprocess };
  if (data.splits.val.length === 0) return {};
  return choosePostprocessing(laboratory, {
    model: await readModelFile({ read: async () => model, exists: async () => false }, folder.model),
    dataset: data.dataset,
    cases: data.dataset.cases.filter(({ id }) => data.splits.val.includes(id)),
    window: recipe.evaluate,
    label: `post-processing of ${arm}`,
    signal,
  });
}
