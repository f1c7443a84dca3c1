/** Arms with missing units, for tables that are written while units still run or after some have failed. */

/** Number of evaluated units by arm. Complete arms are not listed. */
export type IncompleteArms = Readonly<Record<string, { readonly evaluated: number; readonly units: number }>>;

/** Keeps the arms with missing units. */
export function incompleteArms(
  arms: readonly { readonly name: string; readonly evaluated: number; readonly units: number }[],
): IncompleteArms {
  const lacking = arms.filter(({ evaluated, units }) => evaluated < units);
  return Object.fromEntries(lacking.map(({ name, evaluated, units }) => [name, { evaluated, units }]));
}

/** One sentence for each incomplete arm. */
export function incompleteNotes(arms: IncompleteArms): readonly string[] {
  return Object.entries(arms).map(([name, { evaluated, units }]) =>
    evaluated === 0
      ? `${name} is missing: none of its ${units} units is evaluated.`
      : `${name} is incomplete: its numbers come from ${evaluated} of its ${units} units.`,
  );
}
