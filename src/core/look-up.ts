/** Tables by names that come from files: `constructor` and the like are names of nothing. */

/**
 * The entry of a table; undefined if it has none of that name.
 * @param name from a file, so it may also be the name of a property that every object has
 */
export function lookUp<Entry>(table: Readonly<Record<string, Entry>>, name: string): Entry | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
