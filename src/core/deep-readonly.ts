/** Data that nobody changes, all the way down. */

/** A type with every property of it, and of what is in it, read-only. */
export type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T;
