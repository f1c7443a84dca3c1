/**
 * Defaults of evaluation. They are separate from the schema, so that a list of flags can use them without loading the
 * schema library.
 */

/** Defaults of the recipe's `evaluate` and of the flags of the same names. */
export const EVALUATION_DEFAULTS = {
  /** Fraction of a window that its neighbour also covers. */
  overlap: 0.5,
  /** Weighting of a voxel by its position in the window. */
  weighting: 'gaussian',
  /** Axes of test-time mirroring; null: those that the model states. */
  mirror: null,
  /** Distance within which two surfaces agree, mm. */
  surfaceToleranceMm: 1,
} as const;

/** Margin around what the coarse model of a cascade finds, mm. */
export const REGION_MARGIN_MM = 20;
