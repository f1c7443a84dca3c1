/**
 * The flags of the commands that use models: the model files, facts that a model from elsewhere lacks, and the sliding
 * window.
 */
import { type Command, Option } from 'commander';
import { VOLUME_NORMALIZATIONS, type VolumeNormalization } from '../../data/normalize.ts';
import type { ModelMetadata } from '../../experiment/model-facts.ts';
import { AXIS_ORDERS } from '../../inference/axes.ts';
import type { WindowChoice } from '../../inference/sliding-window.ts';
import { EVALUATION_DEFAULTS, REGION_MARGIN_MM } from '../../recipe/evaluation-defaults.ts';
import type { Crop } from '../../volume/nonzero.ts';
import { axes, collect, distance, share, triple, words } from '../values.ts';

/** Listed here, since a list of flags loads nothing that segments. */
const CROPS = Object.keys({ nonzero: true, none: true } satisfies Readonly<Record<Crop, true>>);

/** The flags as commander parses them. */
export interface ModelFlags extends FactFlags {
  readonly model: readonly string[];
  readonly overlap: number;
  readonly weighting: NonNullable<WindowChoice['weighting']>;
  readonly mirror?: NonNullable<WindowChoice['mirror']>;
  readonly postprocess: boolean;
  readonly coarse?: readonly string[];
  readonly margin?: number;
}

/** Flags with facts about a model from elsewhere. */
export interface FactFlags {
  readonly labels?: readonly string[];
  readonly crop?: Crop;
  readonly spacing?: readonly [number, number, number];
  readonly orientation?: 'RAS' | 'stored';
  readonly normalize?: VolumeNormalization;
  readonly patch?: readonly [number, number, number];
  readonly activation?: ModelMetadata['activation'];
  readonly axes?: ModelMetadata['axes'];
  readonly inputName?: string;
  readonly outputName?: string;
}

/** Adds --model, the flags for models from elsewhere and the flags of the sliding window. */
export function addModelFlags(command: Command): Command {
  const { overlap, weighting } = EVALUATION_DEFAULTS;
  const model = 'ONNX segmentation model, or a source that `import` reads; give the flag several times for an ensemble';
  return addFactFlags(command.requiredOption('--model <file>', model, collect))
    .option('--overlap <fraction>', 'fraction of a window that its neighbour also covers', share, overlap)
    .addOption(
      new Option('--weighting <method>', 'how voxels are weighted where windows overlap')
        .choices(['gaussian', 'constant'])
        .default(weighting),
    )
    .option(
      '--mirror <axes>',
      'axes of test-time mirroring, for example x,y, or none; every window is also predicted flipped (default: the axes that the model states)',
      axes,
    )
    .option('--no-postprocess', 'do not apply the post-processing that the model carries')
    .option(
      '--coarse <file>',
      'model that finds the region of interest in the whole volume; --model then segments this region alone. Give the flag several times for an ensemble; none segments the whole volume (default: the coarse stage in the file of --model, if it has one)',
      collect,
    )
    .option(
      '--margin <mm>',
      `margin around what the coarse model finds, on every side, in mm (default: that of the file with --model's own coarse stage, ${REGION_MARGIN_MM} with --coarse)`,
      distance,
    );
}

/** Adds the flags for facts that a model from elsewhere lacks. */
export function addFactFlags(command: Command): Command {
  return command
    .option('--labels <names>', 'class names in the order of the output channels, for example background,tumour', words)
    .addOption(
      new Option(
        '--crop <region>',
        'what was cut away of the volumes in training: nothing, or what is 0 around the body',
      ).choices([...CROPS]),
    )
    .option('--spacing <x,y,z>', 'voxel size in mm that the model was trained at', triple)
    .addOption(new Option('--orientation <axes>', 'orientation of the volumes in training').choices(['RAS', 'stored']))
    .addOption(
      new Option('--normalize <method>', 'how intensities were normalised in training').choices([
        ...VOLUME_NORMALIZATIONS,
      ]),
    )
    .option('--patch <x,y,z>', 'size of the input window in voxels', triple)
    .addOption(
      new Option('--activation <function>', 'function that turns the output into probabilities').choices([
        'softmax',
        'sigmoid',
        'none',
      ]),
    )
    .addOption(
      new Option('--axes <order>', 'order of the input axes: NCZYX for nnU-Net, NCXYZ for MONAI').choices([
        ...AXIS_ORDERS,
      ]),
    )
    .option('--input-name <tensor>', 'name of the input tensor, where the model has several')
    .option('--output-name <tensor>', 'name of the output tensor, where the model has several; may be an inner tensor');
}
