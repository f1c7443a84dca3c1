/** The facts about a model that are needed to use it, whatever program made it. */
import { InputError } from '../core/errors.ts';
import type { Triple } from '../core/shape.ts';
import type { ImageNormalization } from '../data/normalize.ts';
import type { StructureCode } from '../data/structure-code.ts';
import type { Session } from '../runtime/engine.ts';
import type { Crop } from '../volume/nonzero.ts';
import type { ImageInterpolation } from '../volume/resample.ts';
import type { Xyz } from '../volume/volume.ts';
import type { MirrorAxis } from './mirroring.ts';
import type { NnunetPipeline } from './nnunet/pipeline.ts';
import type { Postprocessing } from './postprocess.ts';
import type { ClassKind, OutputActivation } from './probabilities.ts';

/** A class of a model. */
export interface ModelLabel {
  /** Value with which its voxels are written. */
  readonly value: number;
  readonly name: string;
  /** The label values that make up a region; absent for plain classes. */
  readonly region?: readonly number[] | undefined;
  /** What it is, in a coding scheme, where the model says it. */
  readonly code?: StructureCode | undefined;
}

/** Errors of the expected Dice of a class on the validation cases. */
interface ExpectedDiceError {
  /** Half width of the interval that holds the true Dice of nine in ten cases. */
  readonly halfWidth: number;
  /** Validation cases that it is from. */
  readonly cases: number;
}

/** The facts about a model; a model file carries them as metadata. */
export interface ModelInfo {
  /**
   * The classes. With softmax the output has one channel for each, in this order. With sigmoid it has one for each
   * class but the background (value 0). Without an activation the background decides: if it is listed, the channels
   * exclude each other. Classes that are regions have a channel each, and are written over each other in this order.
   */
  readonly labels: readonly ModelLabel[];
  /** Number of input channels. */
  readonly channels: number;
  /** What is cut away of a volume before anything else; nothing if not given. */
  readonly crop?: Crop | undefined;
  /** The spacing that the model was trained at; absent if volumes are not resampled for it. */
  readonly spacingMm?: Xyz;
  /** How images are resampled to that spacing; linearly if not given. */
  readonly imageInterpolation?: ImageInterpolation;
  /** RAS: volumes are turned so that their axes run right, anterior, superior; absent if they are used as stored. */
  readonly orientation?: 'RAS';
  readonly normalize: ImageNormalization;
  /** Size [D, H, W] of the model's input. */
  readonly patch: Triple;
  /** Size [D, H, W] of the model's output, in the middle of its input (valid padding); the whole input if not given. */
  readonly output?: Triple | undefined;
  /** The only batch size that the model accepts; any if not given. */
  readonly batch?: number | undefined;
  readonly activation: OutputActivation;
  /** Axes along which it also sees each window flipped, unless somebody says otherwise; none if not given. */
  readonly mirror?: readonly MirrorAxis[] | undefined;
  /**
   * Where it is used as nnU-Net uses its networks; this then stands in place of `crop`, `normalize`, `spacingMm` and
   * `imageInterpolation`.
   */
  readonly nnunet?: NnunetPipeline | undefined;
  /**
   * Where it was trained in the region of interest that a coarse model finds, and segments nothing but that: the margin
   * around what that model finds. Absent for a model of whole volumes.
   */
  readonly cascade?: { readonly marginMm: number } | undefined;
  /** Post-processing of a segmentation by class name; none if not given. */
  readonly postprocess?: Postprocessing | undefined;
  /**
   * Thresholds by class name, in (0, 1), of classes that are not decided by the most likely class; see
   * labelsFromProbabilities. None if not given.
   */
  readonly thresholds?: Readonly<Record<string, number>> | undefined;
  /** Temperature that calibrates its probabilities; none if not given. */
  readonly temperature?: number | undefined;
  /** By class name, how near the true Dice of nine in ten cases is to the expected one; see intervalHalfWidth. */
  readonly expectedDiceErrors?: Readonly<Record<string, ExpectedDiceError>> | undefined;
  readonly inputName: string;
  readonly outputName: string;
}

/** A model that is loaded and ready to run. */
export interface OpenModel {
  readonly session: Session;
  readonly info: ModelInfo;
}

/** Meaning of the channels of a model's output. */
export interface OutputClasses {
  /** Relation between the channels. */
  readonly kind: ClassKind;
  /** Label value of each channel. */
  readonly values: readonly number[];
}

/**
 * The classes of a model's output.
 * @throws {InputError} E_MODEL_LABELS if the model names no class
 */
export function outputClasses({ labels, activation }: Pick<ModelInfo, 'labels' | 'activation'>): OutputClasses {
  const all = labels.map(({ value }) => value);
  const areRegions = labels.some(({ region }) => region !== undefined);
  const exclusive = !areRegions && (activation === 'softmax' || (activation === 'none' && all.includes(0)));
  const values = exclusive ? all : all.filter(value => value !== 0);
  if (values.length === 0) {
    throw new InputError(
      'E_MODEL_LABELS',
      'the model names no class to segment. Give its labels in the JSON beside it.',
    );
  }
  return { kind: exclusive ? 'softmax' : areRegions ? 'regions' : 'sigmoid', values };
}
