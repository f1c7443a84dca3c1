/** How a model is evaluated where nobody says otherwise. Apart from the schema, so that a list of flags can name it without a schema's library. */

/** Defaults of the recipe's `evaluate` and of the flags of the same names. */
export const EVALUATION_DEFAULTS = {
  /** Share of a window that its neighbour covers too. */
  overlap: 0.5,
  /** How much a voxel counts by its place in the window. */
  weighting: 'gaussian',
  /** Axes along which every window is also seen flipped; null: those that the model states. */
  mirror: null,
  /** Distance within which two surfaces agree. */
  surfaceToleranceMm: 1,
} as const;
