/** The flags of the commands that use models: which, what a model from elsewhere does not say, and how its window slides. */
import { type Command, Option } from 'commander';
import { InputError } from '../core/errors.ts';
import type { VolumeNormalization } from '../data/normalize.ts';
import type { ModelMetadata } from '../experiment/model-facts.ts';
import { type ModelFile, readModelFile } from '../experiment/model-file.ts';
import { AXES } from '../inference/axes.ts';
import type { WindowChoice } from '../inference/sliding-window.ts';
import { VOLUME_NORMALIZATIONS } from '../recipe/normalization-schema.ts';
import { defaultEvaluation } from '../recipe/schema.ts';
import type { Files } from '../runtime/files.ts';
import { axes, collect, share, triple, words } from './values.ts';

/** Flags as commander gives them. */
export interface ModelFlags {
  readonly model: readonly string[];
  readonly labels?: readonly string[];
  readonly spacing?: readonly [number, number, number];
  readonly orientation?: 'RAS' | 'stored';
  readonly normalize?: VolumeNormalization;
  readonly patch?: readonly [number, number, number];
  readonly activation?: ModelMetadata['activation'];
  readonly axes?: ModelMetadata['axes'];
  readonly overlap: number;
  readonly weighting: NonNullable<WindowChoice['weighting']>;
  readonly mirror: NonNullable<WindowChoice['mirror']>;
  readonly postprocess: boolean;
}

/** Adds --model, the flags for models from elsewhere and those of the sliding window. */
export function addModelFlags(command: Command): Command {
  const { overlap, weighting, mirror } = defaultEvaluation;
  return command
    .requiredOption('--model <file>', 'an ONNX segmentation model; several make an ensemble', collect)
    .option('--labels <names>', 'its classes in the order of its channels: background,tumour', words)
    .option('--spacing <x,y,z>', 'voxel size in mm that it was trained at', triple)
    .addOption(new Option('--orientation <axes>', 'of the volumes it was trained on').choices(['RAS', 'stored']))
    .addOption(new Option('--normalize <how>', 'of intensities').choices([...VOLUME_NORMALIZATIONS]))
    .option('--patch <x,y,z>', 'size of its input in voxels', triple)
    .addOption(new Option('--activation <what>', 'that makes probabilities').choices(['softmax', 'sigmoid', 'none']))
    .addOption(new Option('--axes <order>', 'of its tensors').choices([...AXES]))
    .option('--overlap <share>', 'of a window that its neighbour covers too', share, overlap)
    .addOption(
      new Option('--weighting <how>', 'of the voxels of a window').choices(['gaussian', 'constant']).default(weighting),
    )
    .option('--mirror <axes>', 'also see every window flipped along x,y,z', axes, mirror)
    .option('--no-postprocess', 'leave the post-processing of the model out');
}

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
