/**
 * What the training cases of a model were like: extent, spacing, intensities and volumes of the classes. A model
 * carries these numbers, so that an image or a result that is far from all of them can be found. Axes are those of the
 * model: canonical ones where it turns its volumes to them, otherwise those of the files.
 */
import { mapAxes } from '../core/axes.ts';
import { sixDigits } from '../core/format.ts';
import { medianOf } from '../core/percentile.ts';
import { range } from '../core/shape.ts';
import type { Grid, Xyz } from '../volume/volume.ts';
import type { ChannelFacts } from './image-facts.ts';

/** Spread of a number over the cases, to six digits. */
export interface Range {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** Spreads along x, y and z. */
type RangeXyz = readonly [Range, Range, Range];

/** Raw intensities of one channel over the training cases. */
interface TrainingIntensities {
  /** Smallest and largest value of all cases. */
  readonly minimum: number;
  readonly maximum: number;
  /** 0.5th and 99.5th percentile of a case. */
  readonly low: Range;
  readonly high: Range;
  /** high - low of a case. */
  readonly width: Range;
  /** Place of the intensity 0 in a case: low / (high - low). About -0.5 for CT with air, 0 or above for MR. */
  readonly offset: Range;
  /** How far extremes reach beyond the percentiles: (maximum - minimum) / (high - low). */
  readonly reach: Range;
}

/** One class over the training cases. */
export interface TrainingClass {
  readonly name: string;
  /** Number of cases that have it. */
  readonly cases: number;
  /** Volume over the cases that have it; absent if none has. */
  readonly volumeMl?: Range | undefined;
  /** Its centre along x, y and z, mm from the centre of all classes; absent where it is the only class. */
  readonly placeMm?: RangeXyz | undefined;
}

/** Short hashes of images that a model has seen, see {@link imageHash}. */
export interface SeenImages {
  /** What its parameters were trained on. */
  readonly training: readonly string[];
  /** What its parameters were chosen by. */
  readonly validation: readonly string[];
  /** What the models that taught it had seen. */
  readonly teacher: readonly string[];
}

/** The training cases of a model. What its source does not say is absent. */
export interface TrainingFacts {
  /** Number of cases. */
  readonly cases: number;
  readonly sizeVoxels?: RangeXyz | undefined;
  readonly extentMm?: RangeXyz | undefined;
  /** Volume of the whole image. */
  readonly imageMl?: Range | undefined;
  readonly spacingMm?: RangeXyz | undefined;
  /** Whether sizes and extents are those of the box around the voxels that are not 0, as nnU-Net measures. */
  readonly isCropped?: boolean | undefined;
  /** One per channel. A channel that was constant in every case has none. */
  readonly intensities?: readonly (TrainingIntensities | null)[] | undefined;
  /** Channels that were constant, or looked like label maps, in at least one case. */
  readonly constantChannels?: readonly number[] | undefined;
  readonly labelChannels?: readonly number[] | undefined;
  /** Where sources say no more about the intensities: the range of the segmented voxels, one per channel. */
  readonly foreground?: readonly { readonly low: number; readonly high: number }[] | undefined;
  /** Classes without the background. */
  readonly classes?: readonly TrainingClass[] | undefined;
  readonly images?: SeenImages | undefined;
}

/** The numbers of one training case. */
export interface CaseFacts {
  readonly grid: Pick<Grid, 'sizeVoxels' | 'spacingMm'>;
  readonly channels: readonly ChannelFacts[];
  /** Volume of each class by name. */
  readonly volumesMl: Readonly<Record<string, number>>;
  /** Centre of each class that is there, in mm from the centre of all classes. */
  readonly placesMm?: Readonly<Record<string, Xyz>>;
}

/** Spread of some numbers; undefined where there is none. */
export function rangeOf(values: readonly number[]): Range | undefined {
  if (values.length === 0) return undefined;
  const all = values.toSorted((left, right) => left - right);
  return { min: sixDigits(all[0]!), median: sixDigits(medianOf(all)), max: sixDigits(all.at(-1)!) };
}

/** Spread along each axis of some sizes. */
export function rangeXyzOf(values: readonly [Xyz, ...Xyz[]]): RangeXyz {
  return mapAxes(axis => rangeOf(values.map(value => value[axis])) as Range);
}

/** The extent of a grid: number of voxels times their size, mm. */
export function extentMmOf({ sizeVoxels, spacingMm }: Pick<Grid, 'sizeVoxels' | 'spacingMm'>): Xyz {
  return mapAxes(axis => sizeVoxels[axis] * spacingMm[axis]);
}

/** The volume of a grid, ml. */
export function imageMlOf(grid: Pick<Grid, 'sizeVoxels' | 'spacingMm'>): number {
  return extentMmOf(grid).reduce((product, mm) => product * mm) / 1000;
}

/** Width, place of zero and reach of a channel that is not constant. */
export function shapeOf({ minimum, maximum, low, high }: ChannelFacts): {
  readonly width: number;
  readonly offset: number;
  readonly reach: number;
} {
  // where nearly all voxels are alike the percentiles coincide, and the extremes take their place
  const [from, to] = high > low ? [low, high] : [minimum, maximum];
  const width = to - from;
  return { width, offset: from / width, reach: (maximum - minimum) / width };
}

function intensitiesOf(channels: readonly ChannelFacts[]): TrainingIntensities | null {
  const told = channels.filter(({ isConstant }) => !isConstant);
  if (told.length === 0) return null;
  const shapes = told.map(shapeOf);
  return {
    minimum: sixDigits(Math.min(...told.map(({ minimum }) => minimum))),
    maximum: sixDigits(Math.max(...told.map(({ maximum }) => maximum))),
    low: rangeOf(told.map(({ low }) => low)) as Range,
    high: rangeOf(told.map(({ high }) => high)) as Range,
    width: rangeOf(shapes.map(({ width }) => width)) as Range,
    offset: rangeOf(shapes.map(({ offset }) => offset)) as Range,
    reach: rangeOf(shapes.map(({ reach }) => reach)) as Range,
  };
}

/**
 * Summary of the training cases of a model.
 * @param options.isCropped whether the grids of the cases are those of the boxes around what is not 0
 */
export function summarizeTraining(
  cases: readonly [CaseFacts, ...CaseFacts[]],
  { isCropped }: Pick<TrainingFacts, 'isCropped'> = {},
): TrainingFacts {
  const [first] = cases;
  const grids = cases.map(({ grid }) => grid) as [CaseFacts['grid'], ...CaseFacts['grid'][]];
  const along = (of: (grid: CaseFacts['grid']) => Xyz): RangeXyz => rangeXyzOf(grids.map(of) as [Xyz, ...Xyz[]]);
  const channels = range(first.channels.length);
  const some = (is: 'isConstant' | 'isLabelMap'): readonly number[] =>
    channels.filter(channel => cases.some(one => one.channels[channel]![is]));
  return {
    cases: cases.length,
    sizeVoxels: along(({ sizeVoxels }) => sizeVoxels),
    extentMm: along(extentMmOf),
    imageMl: rangeOf(grids.map(imageMlOf)) as Range,
    spacingMm: along(({ spacingMm }) => spacingMm),
    ...(isCropped === true && { isCropped }),
    intensities: channels.map(channel => intensitiesOf(cases.map(one => one.channels[channel]!))),
    constantChannels: some('isConstant'),
    labelChannels: some('isLabelMap'),
    classes: Object.keys(first.volumesMl).map((name): TrainingClass => {
      const volumes = cases.map(({ volumesMl }) => volumesMl[name]!).filter(ml => ml > 0);
      const volumeMl = rangeOf(volumes);
      const places = cases.flatMap(({ placesMm }) => (placesMm?.[name] === undefined ? [] : [placesMm[name]]));
      // the centre of a class alone is that of all classes
      const isPlaced = Object.keys(first.volumesMl).length > 1 && places.length > 0;
      const placeMm = isPlaced ? rangeXyzOf(places as [Xyz, ...Xyz[]]) : undefined;
      return { name, cases: volumes.length, ...(volumeMl && { volumeMl }), ...(placeMm && { placeMm }) };
    }),
  };
}
