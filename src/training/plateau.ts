/** How long the validation of a training has brought nothing better, and what follows from it. */

/** The state of a training that watches its validation; part of its checkpoints. */
export interface Plateau {
  /** Validations in a row since the best one. */
  readonly sinceBest: number;
  /** The same, counted anew after every reduction of the learning rate. */
  readonly sinceReduction: number;
  /** Number of times that the learning rate was reduced. */
  readonly reductions: number;
}

/** Before the first validation. */
export const NO_PLATEAU: Plateau = { sinceBest: 0, sinceReduction: 0, reductions: 0 };

/**
 * The state after a validation. A score counts as better by the rule that chooses the best checkpoint: above all before
 * it.
 * @param options.patience validations in a row without a better score after which the learning rate is reduced; never
 * if not given
 * @see https://keras.io/api/callbacks/reduce_lr_on_plateau
 */
export function afterValidation(
  { sinceBest, sinceReduction, reductions }: Plateau,
  { isBetter, patience }: { readonly isBetter: boolean; readonly patience: number | undefined },
): Plateau {
  if (isBetter) return { sinceBest: 0, sinceReduction: 0, reductions };
  const waited = sinceReduction + 1;
  const isReduced = patience !== undefined && waited >= patience;
  return {
    sinceBest: sinceBest + 1,
    sinceReduction: isReduced ? 0 : waited,
    reductions: reductions + (isReduced ? 1 : 0),
  };
}
