/**
 * Named augmentations as values of the keys of `augment`. A recipe with a preset means these values, which the complete
 * recipe states one by one; keys that are given beside the preset win.
 * Source: nnunetv2 2.8.1, nnUNetTrainer.get_training_transforms and
 * configure_rotation_dummyDA_mirroring_and_inital_patch_size; batchgeneratorsv2 0.3.6.
 */
import { AXES, AXIS_NAMES } from '../core/axes.ts';
import type { AugmentSettings } from '../data/augment/augmentation.ts';

/** Names of presets. */
export const AUGMENT_PRESETS = ['nnunet'] as const;

type Preset = Omit<AugmentSettings, 'elasticMm' | 'elasticSpacingMm' | 'brightness'>;

/** Ratio of the longest to the shortest side of a patch above which nnU-Net varies it slice by slice. */
const THICK_RATIO = 3;
/** The same ratio of the sides of a plane, above which it is turned by little. */
const LONG_PLANE_RATIO = 1.5;

const NNUNET: Preset = {
  flip: AXIS_NAMES,
  rotateDegrees: 30,
  // its factors of 0.7 to 1.4 are of the field of view
  scale: [1 / 1.4, 1 / 0.7],
  thickAxis: null,
  factors: 'nnunet',
  noise: 0.1,
  blurVoxels: [0.5, 1],
  brightnessFactor: [0.75, 1.25],
  contrast: [0.75, 1.25],
  contrastInRange: true,
  lowResolution: 0.5,
  lowResolutionBy: 'nearest',
  gamma: [0.7, 1.5],
  invertedGamma: [0.7, 1.5],
  gammaKeepsMoments: true,
  channels: 'apart',
  probability: {
    rotate: 0.2,
    scale: 0.2,
    elastic: 1,
    noise: 0.1,
    blur: 0.2,
    brightnessFactor: 0.15,
    brightness: 1,
    contrast: 0.15,
    lowResolution: 0.25,
    gamma: 0.3,
    invertedGamma: 0.1,
  },
  channelProbability: {
    blur: 0.5,
    brightnessFactor: 1,
    brightness: 1,
    contrast: 1,
    lowResolution: 0.5,
    gamma: 1,
    invertedGamma: 1,
  },
};

/** nnU-Net's values for patches of a size, x y z; the shortest axis counts as that of the thick slices. */
function nnunetFor(size: readonly number[]): Preset {
  const shortest = Math.min(...size);
  const axis = AXES.find(one => size[one] === shortest) ?? 2;
  const across = size.filter((_, one) => one !== axis);
  if (Math.max(...size) / shortest <= THICK_RATIO) return NNUNET;
  const isLongPlane = shortest === 1 && Math.max(...across) / Math.min(...across) > LONG_PLANE_RATIO;
  return { ...NNUNET, thickAxis: AXIS_NAMES[axis], rotateDegrees: isLongPlane ? 15 : 180 };
}

type Entries = Readonly<Record<string, unknown>>;

function isEntries(value: unknown): value is Entries {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The recipe as written, with a preset that is named by a text as a key of `augment`. */
export function withPresetKey(recipe: unknown): unknown {
  if (!isEntries(recipe) || typeof recipe['augment'] !== 'string') return recipe;
  return { ...recipe, augment: { preset: recipe['augment'] } };
}

/** The recipe as written, with the values of its preset of augmentation in place of its name. */
export function withPresetValues(recipe: unknown): unknown {
  const named = withPresetKey(recipe);
  if (!isEntries(named) || !isEntries(named['augment'])) return recipe;
  const { preset, ...given } = named['augment'];
  if (preset !== 'nnunet') return recipe;
  const { patch } = named;
  const size = isEntries(patch) && Array.isArray(patch['size']) ? patch['size'].map(Number) : [];
  // a size that cannot be read is reported by the schema
  const values: Entries = { ...(size.length === 3 && size.every(side => side >= 1) ? nnunetFor(size) : NNUNET) };
  const inner = (key: string): Entries => {
    const own = given[key];
    return own === undefined || isEntries(own) ? { [key]: { ...(values[key] as Entries), ...own } } : {};
  };
  return { ...named, augment: { ...values, ...given, ...inner('probability'), ...inner('channelProbability') } };
}
