/** Arms of which units are missing: what tables put together while others still run, or after some have failed, have to say. */

/** By arm: how many of its units are evaluated. Complete arms are not in it. */
export type IncompleteArms = Readonly<Record<string, { readonly evaluated: number; readonly units: number }>>;

/** Keeps the arms that lack something. */
export function incompleteArms(
  arms: readonly { readonly name: string; readonly evaluated: number; readonly units: number }[],
): IncompleteArms {
  const lacking = arms.filter(({ evaluated, units }) => evaluated < units);
  return Object.fromEntries(lacking.map(({ name, evaluated, units }) => [name, { evaluated, units }]));
}

/** The same for people, a sentence for each arm. */
export function incompleteNotes(arms: IncompleteArms): readonly string[] {
  return Object.entries(arms).map(([name, { evaluated, units }]) =>
    evaluated === 0
      ? `${name} is missing: none of its ${units} units is evaluated.`
      : `${name} is incomplete: its numbers come from ${evaluated} of its ${units} units.`,
  );
}
