/**
 * What happens to the intensities of each channel of a patch: the same for all, or drawn for each by itself as nnU-Net
 * does. Follows from the random source alone; no voxels are touched.
 * Source: nnU-Net v2's training transforms (nnunetv2 2.8.1, batchgeneratorsv2 0.3.6).
 */
import { mapAxes } from '../../core/axes.ts';
import type { Random } from '../../core/random.ts';
import type { Xyz } from '../../volume/volume.ts';
import {
  type Augmentation,
  type AugmentSettings,
  acrossThick,
  CHANNEL_PARTS,
  type ChannelPart,
  drawBlur,
  drawFactor,
} from './augmentation.ts';

/** Drawn variation of the intensities of one channel. */
export interface ChannelVariation {
  /** Standard deviation of Gaussian noise. */
  readonly noise: number;
  /** Standard deviation of the blur along each axis. */
  readonly blurVoxels: Xyz;
  /** Factor on all intensities. */
  readonly brightnessFactor: number;
  /** Shift, after the contrast. */
  readonly brightness: number;
  /** Factor on the difference from the mean. */
  readonly contrast: number;
  /** Whether the contrast stays within the range of before. */
  readonly contrastInRange: boolean;
  /** Share of the voxels along each axis in a coarser scan. */
  readonly lowResolution: Xyz;
  readonly lowResolutionBy: AugmentSettings['lowResolutionBy'];
  /** Exponent on the inverted channel. */
  readonly invertedGamma: number;
  readonly gamma: number;
  readonly gammaKeepsMoments: boolean;
}

/** Nothing changes. */
export const UNCHANGED: ChannelVariation = {
  noise: 0,
  blurVoxels: [0, 0, 0],
  brightnessFactor: 1,
  brightness: 0,
  contrast: 1,
  contrastInRange: false,
  lowResolution: [1, 1, 1],
  lowResolutionBy: 'linear',
  invertedGamma: 1,
  gamma: 1,
  gammaKeepsMoments: false,
};

/** All values of one channel; the number of draws does not depend on the settings' values. */
function drawChannel(
  settings: AugmentSettings,
  happens: ReadonlySet<ChannelPart>,
  source: Random,
): Omit<ChannelVariation, 'noise'> {
  const { factors, channelProbability, contrastInRange, lowResolutionBy, gammaKeepsMoments } = settings;
  const own = new Set(CHANNEL_PARTS.filter(part => source.uniform() < channelProbability[part] && happens.has(part)));
  const or = <T>(part: ChannelPart, value: T, none: T): T => (own.has(part) ? value : none);
  const factor = (part: 'brightnessFactor' | 'contrast' | 'invertedGamma' | 'gamma'): number =>
    or(part, drawFactor(settings[part], factors, source), 1);
  return {
    blurVoxels: or(
      'blur',
      mapAxes(() => drawBlur(settings, source)),
      [0, 0, 0],
    ),
    brightnessFactor: factor('brightnessFactor'),
    brightness: or('brightness', (source.uniform() * 2 - 1) * settings.brightness, 0),
    contrast: factor('contrast'),
    contrastInRange,
    lowResolution: or(
      'lowResolution',
      shares(settings, 1 - source.uniform() * (1 - settings.lowResolution)),
      [1, 1, 1],
    ),
    lowResolutionBy,
    invertedGamma: factor('invertedGamma'),
    gamma: factor('gamma'),
    gammaKeepsMoments,
  };
}

function shares(settings: AugmentSettings, share: number): Xyz {
  return acrossThick(settings, share, 1);
}

/**
 * Draws the variation of every channel of a patch.
 * @param drawn what is drawn for the whole patch
 * @param source a stream of its own, so that what the patch has drawn does not depend on it
 */
export function drawChannels(
  settings: AugmentSettings,
  { drawn, channels }: { readonly drawn: Augmentation; readonly channels: number },
  source: Random,
): readonly ChannelVariation[] {
  const { probability, factors, contrastInRange, lowResolutionBy, gammaKeepsMoments } = settings;
  const happens = new Set(CHANNEL_PARTS.filter(part => source.uniform() < probability[part]));
  if (settings.channels === 'apart') {
    const each = Array.from({ length: channels }, () => drawChannel(settings, happens, source));
    return each.map(own => ({ noise: drawn.noise, ...own }));
  }
  const factor = (part: 'brightnessFactor' | 'invertedGamma'): number => {
    const value = drawFactor(settings[part], factors, source);
    return happens.has(part) ? value : 1;
  };
  const { noise, blurVoxels, brightness, contrast, lowResolution, gamma } = drawn;
  const shared: ChannelVariation = {
    noise,
    blurVoxels: [blurVoxels, blurVoxels, blurVoxels],
    brightnessFactor: factor('brightnessFactor'),
    brightness,
    contrast,
    contrastInRange,
    lowResolution: shares(settings, lowResolution),
    lowResolutionBy,
    invertedGamma: factor('invertedGamma'),
    gamma,
    gammaKeepsMoments,
  };
  return Array.from({ length: channels }, () => shared);
}
