/**
 * What may vary in a training patch, and what is drawn for one: where its voxels come from (mirroring, rotation, zoom,
 * elastic deformation) and what happens to its intensities. All of it follows from the random source; the drawing
 * itself touches no voxels.
 * Source: Isensee et al., nnU-Net, arXiv:1904.08128, supplementary note on data augmentation.
 */

import { AXES, AXIS_NAMES, mapAxes } from '../../core/axes.ts';
import type { Random } from '../../core/random.ts';
import type { Xyz } from '../../volume/volume.ts';
import { type Deformation, drawDeformation } from './elastic.ts';
import { rotation } from './matrix.ts';

/** The variations of a patch, each with its own probability. */
const PARTS = [
  'rotate',
  'scale',
  'elastic',
  'noise',
  'blur',
  'brightness',
  'contrast',
  'lowResolution',
  'gamma',
] as const;

/** Settings of augmentation; a range of [1, 1], a 0, or 1 for the resolution switches a variation off. */
export interface AugmentSettings {
  /** Axes that are mirrored with probability 1/2. */
  readonly flip: readonly ('x' | 'y' | 'z')[];
  /** Largest rotation about each axis, in degrees, one number for all or x, y, z; uniform in [-r, r]. */
  readonly rotateDegrees: number | Xyz;
  /** Range of the zoom, above 1 magnifies. */
  readonly scale: readonly [number, number];
  /**
   * Axis of thick voxels: rotation is about it alone, and zoom, deformation and low resolution stay in the plane across
   * it. null: none.
   */
  readonly thickAxis: 'x' | 'y' | 'z' | null;
  /**
   * How factors (scale, contrast, brightnessFactor, gamma, invertedGamma) are drawn. log-uniform: uniform in the
   * logarithm. nnunet: below or above 1 with equal chance and uniform on each side; the zoom uniform in its reciprocal.
   */
  readonly factors: 'log-uniform' | 'nnunet';
  /** Largest displacement of a control point along each axis; uniform in [-d, d]. */
  readonly elasticMm: number;
  /** Distance between neighbouring control points. */
  readonly elasticSpacingMm: number;
  /** Largest standard deviation of Gaussian noise, in normalised intensity; uniform in [0, noise]. */
  readonly noise: number;
  /** Largest standard deviation of the Gaussian that blurs, uniform in [0, blur]; or its range. */
  readonly blurVoxels: number | readonly [number, number];
  /** Range of the factor on intensities. */
  readonly brightnessFactor: readonly [number, number];
  /** Largest shift, in normalised intensity; uniform in [-b, b]. */
  readonly brightness: number;
  /** Range of the factor on the difference from the mean. */
  readonly contrast: readonly [number, number];
  /** Whether a changed contrast is clipped to the range that the channel had before. */
  readonly contrastInRange: boolean;
  /** Smallest share of the voxels along each axis that a coarser scan would have had; uniform in [s, 1]. */
  readonly lowResolution: number;
  /** How voxels of the coarser scan are made; the way back is always linear. */
  readonly lowResolutionBy: 'linear' | 'nearest';
  /** Range of the exponent, on the range of the patch. */
  readonly gamma: readonly [number, number];
  /** Range of the exponent on the inverted patch, before that of gamma. */
  readonly invertedGamma: readonly [number, number];
  /** Whether mean and standard deviation of a channel are restored after an exponent. */
  readonly gammaKeepsMoments: boolean;
  /**
   * together: one draw for all channels. apart: each channel has its own, and blur one per axis; the deviation of the
   * noise is one for all.
   */
  readonly channels: 'together' | 'apart';
  /** Probability of each variation, 0 to 1. */
  readonly probability: Readonly<Record<(typeof PARTS)[number] | 'brightnessFactor' | 'invertedGamma', number>>;
  /** Probability, in a patch that has a variation, that a channel takes part in it; for channels that vary apart. */
  readonly channelProbability: Readonly<Record<ChannelPart, number>>;
}

/** The variations of intensities that channels may have apart. */
export const CHANNEL_PARTS = [
  'blur',
  'brightnessFactor',
  'brightness',
  'contrast',
  'lowResolution',
  'invertedGamma',
  'gamma',
] as const;

/** One of the variations of intensities that channels may have apart. */
export type ChannelPart = (typeof CHANNEL_PARTS)[number];

/** Settings with which nothing varies. */
export const UNVARIED: AugmentSettings = {
  flip: [],
  rotateDegrees: 0,
  scale: [1, 1],
  thickAxis: null,
  factors: 'log-uniform',
  elasticMm: 0,
  elasticSpacingMm: 32,
  noise: 0,
  blurVoxels: 0,
  brightnessFactor: [1, 1],
  brightness: 0,
  contrast: [1, 1],
  contrastInRange: false,
  lowResolution: 1,
  lowResolutionBy: 'linear',
  gamma: [1, 1],
  invertedGamma: [1, 1],
  gammaKeepsMoments: false,
  channels: 'together',
  probability: {
    rotate: 1,
    scale: 1,
    elastic: 1,
    noise: 1,
    blur: 1,
    brightness: 1,
    contrast: 1,
    lowResolution: 1,
    gamma: 1,
    brightnessFactor: 1,
    invertedGamma: 1,
  },
  channelProbability: {
    blur: 1,
    brightnessFactor: 1,
    brightness: 1,
    contrast: 1,
    lowResolution: 1,
    invertedGamma: 1,
    gamma: 1,
  },
};

/** Drawn variations of one patch; what its channels have apart is drawn by `drawChannels`. */
export interface Augmentation {
  readonly flip: readonly [boolean, boolean, boolean];
  /**
   * 3x3, row-major: offset from the patch's centre to offset in the case, both in voxels; undefined without rotation
   * and zoom.
   */
  readonly matrix: readonly number[] | undefined;
  /** Added to the positions that the matrix gives; undefined without deformation. */
  readonly deformation: Deformation | undefined;
  readonly noise: number;
  readonly blurVoxels: number;
  readonly brightness: number;
  readonly contrast: number;
  readonly lowResolution: number;
  readonly gamma: number;
}

/** No variation. */
export const NO_AUGMENTATION: Augmentation = {
  flip: [false, false, false],
  matrix: undefined,
  deformation: undefined,
  noise: 0,
  blurVoxels: 0,
  brightness: 0,
  contrast: 1,
  lowResolution: 1,
  gamma: 1,
};

/** Draws a factor from its range; always one draw. */
export function drawFactor(
  [low, high]: readonly [number, number],
  factors: AugmentSettings['factors'],
  source: Random,
): number {
  const position = source.uniform();
  if (low === high) return low;
  if (factors === 'log-uniform') return low * (high / low) ** position;
  if (low >= 1 || high <= 1) return low + position * (high - low);
  return position < 0.5 ? low + position * 2 * (1 - low) : 1 + (position * 2 - 1) * (high - 1);
}

function drawZoom({ scale, factors }: AugmentSettings, source: Random): number {
  if (factors === 'log-uniform') return drawFactor(scale, factors, source);
  const [low, high] = scale;
  return 1 / (1 / high + source.uniform() * (1 / low - 1 / high));
}

/** Draws the standard deviation of a blur; always one draw. */
export function drawBlur({ blurVoxels }: Pick<AugmentSettings, 'blurVoxels'>, source: Random): number {
  const [low, high] = typeof blurVoxels === 'number' ? [0, blurVoxels] : blurVoxels;
  return low + source.uniform() * (high - low);
}

/** The patch to vary. */
export interface VariedPatch {
  readonly patchSize: Xyz;
  /** Spacing of the case, since rotations and deformations are in millimetres. */
  readonly spacingMm: Xyz;
}

function turn(angles: Xyz, zoom: Xyz, spacingMm: Xyz): number[] | undefined {
  if (angles.every(angle => angle === 0) && zoom.every(factor => factor === 1)) return undefined;
  return rotation(angles).map((value, index) => {
    const [row, column] = [Math.floor(index / 3), index % 3];
    return (value * spacingMm[column]!) / (spacingMm[row]! * zoom[column]!);
  });
}

/** A value for each axis but the thick one, which has another. */
export function acrossThick<T>(
  { thickAxis }: Pick<AugmentSettings, 'thickAxis'>,
  value: T,
  thick: T,
): readonly [T, T, T] {
  return mapAxes(axis => (AXIS_NAMES[axis] === thickAxis ? thick : value));
}

/**
 * Largest rotation about each axis in degrees: about the thick axis alone, if there is one. An axis of one voxel is not
 * turned out of its plane.
 */
function anglesWithin(
  { rotateDegrees, thickAxis }: Pick<AugmentSettings, 'rotateDegrees' | 'thickAxis'>,
  patchSize: Xyz,
): Xyz {
  return mapAxes(axis => {
    const staysInPlane = AXES.every(other => other === axis || patchSize[other] > 1);
    if (!staysInPlane || (thickAxis !== null && AXIS_NAMES[axis] !== thickAxis)) return 0;
    return typeof rotateDegrees === 'number' ? rotateDegrees : rotateDegrees[axis];
  });
}

/**
 * What a patch of one voxel along an axis does without: rotations out of its plane, and displacements across it. Such a
 * rotation would show the network a line of the image, and nothing around it.
 * @returns a sentence, or undefined if everything that is asked for is done
 */
export function leftOutOfPlane(settings: AugmentSettings, patchSize: Xyz): string | undefined {
  const asked = anglesWithin(settings, [2, 2, 2]);
  const done = anglesWithin(settings, patchSize);
  const turns = AXES.filter(axis => asked[axis] !== done[axis]).map(axis => AXIS_NAMES[axis]);
  const flat = AXES.filter(axis => patchSize[axis] === 1).map(axis => AXIS_NAMES[axis]);
  const parts = [
    ...(turns.length > 0 ? [`rotation about ${turns.join(' and ')}`] : []),
    ...(settings.elasticMm > 0 && flat.length > 0 ? [`deformation along ${flat.join(' and ')}`] : []),
  ];
  if (parts.length === 0) return undefined;
  return `patches have one voxel along ${flat.join(' and ')}, so ${parts.join(' and ')} ${parts.length === 1 ? 'is' : 'are'} left out`;
}

/**
 * Draws the variations of one patch. The number of draws does not depend on the settings' values. A patch of one voxel
 * along an axis stays in its plane, see {@link leftOutOfPlane}.
 */
export function drawAugmentation(settings: AugmentSettings, patch: VariedPatch, source: Random): Augmentation {
  const { flip, probability } = settings;
  const happens = Object.fromEntries(PARTS.map(part => [part, source.uniform() < probability[part]]));
  const mirrored = (axis: 'x' | 'y' | 'z'): boolean => source.uniform() < 0.5 && flip.includes(axis);
  const [aboutX, aboutY, aboutZ] = anglesWithin(settings, patch.patchSize);
  const angle = (largest: number): number => ((source.uniform() * 2 - 1) * largest * Math.PI) / 180;
  const flips = [mirrored('x'), mirrored('y'), mirrored('z')] as const;
  const angles: Xyz = [angle(aboutX), angle(aboutY), angle(aboutZ)];
  const zoom = drawZoom(settings, source);
  const drawn = {
    noise: source.uniform() * settings.noise,
    blurVoxels: drawBlur(settings, source),
    brightness: (source.uniform() * 2 - 1) * settings.brightness,
    contrast: drawFactor(settings.contrast, settings.factors, source),
    lowResolution: 1 - source.uniform() * (1 - settings.lowResolution),
    gamma: drawFactor(settings.gamma, settings.factors, source),
  };
  const deformation = drawDeformation(settings, patch, source);
  const or = <T>(part: (typeof PARTS)[number], value: T, none: T): T => (happens[part] === true ? value : none);
  return {
    flip: flips,
    matrix: turn(or('rotate', angles, [0, 0, 0]), acrossThick(settings, or('scale', zoom, 1), 1), patch.spacingMm),
    deformation: or('elastic', deformation, undefined),
    noise: or('noise', drawn.noise, 0),
    blurVoxels: or('blur', drawn.blurVoxels, 0),
    brightness: or('brightness', drawn.brightness, 0),
    contrast: or('contrast', drawn.contrast, 1),
    lowResolution: or('lowResolution', drawn.lowResolution, 1),
    gamma: or('gamma', drawn.gamma, 1),
  };
}
