/** The flags that say what a model from elsewhere does not: shared by the commands that use a model. */
import { type Command, Option } from 'commander';
import { InputError } from '../core/errors.ts';
import type { VolumeNormalization } from '../data/normalize.ts';
import type { ModelMetadata } from '../experiment/model-file.ts';
import { VOLUME_NORMALIZATIONS } from '../experiment/normalization-schema.ts';
import { triple, words } from './values.ts';

/** Flags as commander gives them. */
export interface ModelFlags {
  readonly model: string;
  readonly labels?: readonly string[];
  readonly spacing?: readonly [number, number, number];
  readonly normalize?: VolumeNormalization;
  readonly patch?: readonly [number, number, number];
  readonly activation?: ModelMetadata['activation'];
  readonly axes?: ModelMetadata['axes'];
}

/** Adds --model and the flags for models from elsewhere. */
export function addModelFlags(command: Command): Command {
  return command
    .requiredOption('--model <file>', 'an ONNX segmentation model')
    .option('--labels <names>', 'its classes in the order of its channels: background,tumour', words)
    .option('--spacing <x,y,z>', 'voxel size in mm that it was trained at', triple)
    .addOption(new Option('--normalize <how>', 'of intensities').choices([...VOLUME_NORMALIZATIONS]))
    .option('--patch <x,y,z>', 'size of its input in voxels', triple)
    .addOption(new Option('--activation <what>', 'that makes probabilities').choices(['softmax', 'sigmoid', 'none']))
    .addOption(new Option('--axes <order>', 'of its tensors').choices(['NCZYX', 'NCXYZ']));
}

/**
 * What the flags say of the model.
 * @throws {InputError} E_USAGE if a patch is not in whole voxels
 */
export function givenFacts(flags: ModelFlags): Partial<ModelMetadata> {
  const { labels, spacing, normalize, patch, activation, axes } = flags;
  if (patch !== undefined && !patch.every(Number.isInteger)) {
    throw new InputError('E_USAGE', `--patch is in whole voxels, x,y,z; got ${patch.join(',')}`);
  }
  return {
    ...(labels && { labels: labels.map((name, value) => ({ value, name })) }),
    ...(spacing && { spacingMm: spacing }),
    ...(normalize && { normalize }),
    ...(patch && { patch: [patch[2], patch[1], patch[0]] as const }),
    ...(activation && { activation }),
    ...(axes && { axes }),
  };
}
