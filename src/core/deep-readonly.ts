/** Deeply read-only types. */
import type { Xyz } from './shape.ts';

/**
 * A type with every property of it, and of what is in it, read-only. It is meant for what people write, so a triple of
 * numbers in it is in x, y, z order.
 */
export type DeepReadonly<T> = T extends Xyz
  ? Xyz
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;
