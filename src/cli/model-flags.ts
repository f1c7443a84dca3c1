/** What the flags of commands that use models ask for: models with what the flags say of them, and a way for the window to slide. */
import { InputError } from '../core/errors.ts';
import type { ModelMetadata } from '../experiment/model-facts.ts';
import { type ModelFile, readModelFile } from '../experiment/model-file.ts';
import type { WindowChoice } from '../inference/sliding-window.ts';
import type { Files } from '../runtime/files.ts';
import type { ModelFlags } from './flags/model.ts';

/** Reads the models that the flags name, with what the flags say of them. */
export function readModels(files: Pick<Files, 'read' | 'exists'>, flags: ModelFlags): Promise<readonly ModelFile[]> {
  const given = givenFacts(flags);
  return Promise.all(flags.model.map(path => readModelFile(files, path, { given })));
}

/** How the flags want the window to slide. */
export function windowChoice({ overlap, weighting, mirror }: ModelFlags): WindowChoice {
  return { overlap, weighting, mirror };
}

/**
 * What the flags say of the model.
 * @throws {InputError} E_USAGE if a patch is not in whole voxels
 */
function givenFacts(flags: ModelFlags): Partial<ModelMetadata> {
  const { labels, spacing, orientation, normalize, patch, activation, axes: order } = flags;
  if (patch !== undefined && !patch.every(Number.isInteger)) {
    throw new InputError('E_USAGE', `--patch is in whole voxels, x,y,z; got ${patch.join(',')}`);
  }
  return {
    ...(labels && { labels: labels.map((name, value) => ({ value, name })) }),
    ...(spacing && { spacingMm: spacing }),
    ...(orientation && { orientation: orientation === 'RAS' ? orientation : null }),
    ...(normalize && { normalize }),
    ...(patch && { patch: [patch[2], patch[1], patch[0]] as const }),
    ...(activation && { activation }),
    ...(order && { axes: order }),
  };
}
