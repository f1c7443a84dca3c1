/**
 * Defaults of smaller forms of students. They are separate from the schema, so that a list of flags can use them
 * without loading the schema library.
 */

/** Largest losses of Dice with which a smaller form is kept. */
export const EXPORT_DEFAULTS = {
  /** Of the mean over cases of any class. */
  classLoss: 0.005,
  /** Of the mean over cases of the mean Dice. */
  meanLoss: 0.002,
} as const;
