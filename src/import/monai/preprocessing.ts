/**
 * The transforms of a MONAI bundle before its network, as the program's own steps, where these are the same:
 * orientation, spacing, intensities. Any other transform of the image is refused by its name. Source: monai/transforms,
 * version 1.6.1.
 */
import { z } from 'zod';
import { InputError } from '../../core/errors.ts';
import type { ChannelNormalization } from '../../data/normalize.ts';
import type { ModelInfo } from '../../inference/model-info.ts';
import type { Xyz } from '../../volume/volume.ts';
import { parseAs } from '../json.ts';

/** What transforms say of a model's use. */
export interface BundlePreprocessing {
  readonly facts: Pick<ModelInfo, 'normalize'> & Partial<Pick<ModelInfo, 'orientation' | 'spacingMm'>>;
  readonly notes: readonly string[];
}

/** Transforms that load an image or change no voxel. */
const WITHOUT_EFFECT =
  /^(LoadImage|EnsureChannelFirst|EnsureType|ToTensor|CastToType|ToDevice|SelectItems|AddChannel|AsChannelFirst)d?$/;

const transform = z.looseObject({ _target_: z.string(), _disabled_: z.unknown().optional() });
const composed = z.looseObject({ transforms: z.array(transform) });
const rangeOptions = z.looseObject({
  a_min: z.number(),
  a_max: z.number(),
  b_min: z.number(),
  b_max: z.number(),
  clip: z.literal(true),
});
const normalizeOptions = z.looseObject({
  nonzero: z.boolean().default(false),
  channel_wise: z.boolean().default(false),
  subtrahend: z.null().optional(),
  divisor: z.null().optional(),
});
const scaleOptions = z.looseObject({
  minv: z.literal(0).default(0),
  maxv: z.literal(1).default(1),
  channel_wise: z.boolean().default(false),
  factor: z.null().optional(),
});
const spacingOptions = z.looseObject({ pixdim: z.array(z.number().gt(0)).length(3) });
const orientationOptions = z.looseObject({ axcodes: z.literal('RAS') });

/** The intensity transforms that are known, by name. */
function intensities(name: string, options: unknown, { path, channels }: Place): ChannelNormalization | undefined {
  const whole = (isByChannel: boolean): void => {
    if (!isByChannel && channels > 1) refuse(path, `${name} over all channels together`);
  };
  switch (name) {
    case 'ScaleIntensityRange': {
      const { a_min: low, a_max: high, b_min: from, b_max: to } = parseAs(rangeOptions, options, path);
      const deviation = (high - low) / (to - from);
      return deviation > 0
        ? { ct: { low, high, mean: low - from * deviation, deviation } }
        : refuse(path, `${name} from ${low} to ${high}`);
    }
    case 'NormalizeIntensity': {
      const { nonzero, channel_wise: isByChannel } = parseAs(normalizeOptions, options, path);
      whole(isByChannel);
      return nonzero ? 'z-score-nonzero' : 'z-score';
    }
    case 'ScaleIntensity':
      whole(parseAs(scaleOptions, options, path).channel_wise);
      return 'min-max';
    default:
      return undefined;
  }
}

interface Place {
  readonly path: string;
  readonly channels: number;
}

function refuse(path: string, what: string): never {
  throw new InputError(
    'E_IMPORT_PLAN',
    `${path} has ${what}, which is not known here. Import the file of weights in models/ by itself, with a JSON beside it that says how ` +
      'the model is used (docs/import.md).',
  );
}

/**
 * What the transforms of a bundle are here.
 * @param preprocessing as its configuration has it
 * @throws {InputError} E_IMPORT_PLAN for a transform that is not known; E_IMPORT_DESCRIPTION
 */
export function bundlePreprocessing(preprocessing: unknown, place: Place): BundlePreprocessing {
  const { transforms } = parseAs(composed, preprocessing, `${place.path} preprocessing`);
  let normalize: ChannelNormalization = 'none';
  let spacingMm: Xyz | undefined;
  let orientation: 'RAS' | undefined;
  const notes: string[] = [];
  for (const { _target_: target, _disabled_: disabled, ...options } of transforms) {
    const name = (target.split('.').at(-1) ?? target).replace(/(?<=[a-z])(d|D|Dict)$/, '');
    if (disabled === true || WITHOUT_EFFECT.test(name)) continue;
    const method = intensities(name, options, place);
    if (method !== undefined) {
      if (normalize !== 'none') refuse(place.path, `two transforms of intensities (${name})`);
      normalize = method;
      if (spacingMm !== undefined)
        notes.push('intensities are normalised before resampling here, after it in the bundle.');
    } else if (name === 'Orientation') {
      orientation = parseAs(orientationOptions, options, place.path).axcodes;
    } else if (name === 'Spacing') {
      const [x, y, z] = parseAs(spacingOptions, options, place.path).pixdim as [number, number, number];
      spacingMm = [x, y, z];
      notes.push(
        'volumes are resampled over the same box here; MONAI starts at the first voxel, up to half a voxel apart.',
      );
    } else refuse(place.path, `the transform ${target}`);
  }
  return { facts: { normalize, ...(orientation && { orientation }), ...(spacingMm && { spacingMm }) }, notes };
}
