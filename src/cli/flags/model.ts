/** The flags of the commands that use models: which, what a model from elsewhere does not say, and how its window slides. */
import { type Command, Option } from 'commander';
import { VOLUME_NORMALIZATIONS, type VolumeNormalization } from '../../data/normalize.ts';
import type { ModelMetadata } from '../../experiment/model-facts.ts';
import { AXES } from '../../inference/axes.ts';
import type { WindowChoice } from '../../inference/sliding-window.ts';
import { EVALUATION_DEFAULTS } from '../../recipe/evaluation-defaults.ts';
import { axes, collect, share, triple, words } from '../values.ts';

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
  const { overlap, weighting, mirror } = EVALUATION_DEFAULTS;
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
