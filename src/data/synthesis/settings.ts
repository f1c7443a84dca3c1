/**
 * What may vary in an image that is painted from a label map, and which label values there are. The default of every
 * setting is that of SynthSeg's published code, since the tables of its two papers differ from it and from each other.
 * Source: Billot et al., SynthSeg, arXiv:2107.09559 (Medical Image Analysis 2023), and its first form, A learning
 * strategy for contrast-agnostic MRI segmentation, MIDL 2020; code: github.com/BBillot/SynthSeg at 66342c1 (2024).
 */

/** Label values: a number, a span such as `22-50`, or a list of both. */
export type AskedValues = number | string | readonly (number | string)[];

/** Values that are taken away together, at random, as a skull-stripping program does. */
interface Strip {
  readonly values: AskedValues;
  readonly probability: number;
}

/** How label maps become images. Ranges are uniform unless something else is said. */
export interface SynthesisSettings {
  /** Classes of the task by name: the label values that are the class. Each value is painted by itself. */
  readonly classes: Readonly<Record<string, AskedValues>>;
  /** Further values that are painted and are background for a network. */
  readonly others: AskedValues;
  /** Pairs of a left and a right value: painted alike, exchanged where a patch is mirrored. */
  readonly sides: readonly (readonly [number, number])[];
  /** Parts of the others that are missing at random. */
  readonly strips: readonly Strip[];
  /** Number of images that are painted of each validation and test map; one number for both, or each its own. */
  readonly paintings: number | { readonly val: number; readonly test: number };
  /** Whether a patch is mirrored left to right with probability 1/2. */
  readonly flip: boolean;
  /** Largest rotation about each axis. */
  readonly rotateDegrees: number;
  /** Zoom of each axis by itself: 1 - scale to 1 + scale. */
  readonly scale: number;
  /** Largest shear of an axis along another. */
  readonly shear: number;
  /** Largest standard deviation of the random displacements. */
  readonly elasticMm: number;
  /** Distance of the points that are displaced. */
  readonly elasticSpacingMm: number;
  /** Range of the mean intensity of a value. */
  readonly means: readonly [number, number];
  /** Range of the standard deviation of the intensities of a value. */
  readonly deviations: readonly [number, number];
  /** Probability that what is 0 in the map is painted dark: mean 0 to 15, deviation 0 to 5. */
  readonly darkAir: number;
  /** Probability that what is 0 in the map is painted as 0. */
  readonly blackAir: number;
  /** Largest standard deviation of the logarithm of the bias field at its points. */
  readonly biasField: number;
  /** Distance of these points. */
  readonly biasSpacingMm: number;
  /** Probability of a bias field. */
  readonly biasProbability: number;
  /** Standard deviation of the logarithm of the exponent gamma. */
  readonly gamma: number;
  /** Coarsest voxels of a scan whose voxels are as coarse along all axes. */
  readonly coarseMm: number;
  /** Coarsest voxels of a scan that is coarse along one axis alone. */
  readonly thickMm: number;
  /** Probability that a scan is coarse along all axes rather than along one. */
  readonly coarseProbability: number;
  /** Probability that a scan has the voxels of the map. */
  readonly fineProbability: number;
}
