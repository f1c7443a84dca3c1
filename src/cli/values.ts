/** Parses the values of flags. Commander reports errors and adds the name of the flag. */
import { InvalidArgumentError } from 'commander';

/** A whole number of at least `least`. */
export function wholeNumber(least: number): (text: string) => number {
  return text => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`);
    }
    return value;
  };
}

/** A number above 0. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

/** A distance in millimetres, at least 0. */
export function distance(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && Number.isFinite(value))) {
    throw new InvalidArgumentError('It must be a number of at least 0.');
  }
  return value;
}

/** Three numbers above 0, `x,y,z`. */
export function triple(text: string): readonly [number, number, number] {
  const [x, y, z, ...more] = text.split(',').map(Number);
  if (x === undefined || y === undefined || z === undefined || more.length > 0 || !(x > 0 && y > 0 && z > 0)) {
    throw new InvalidArgumentError('It must be three numbers above 0: x,y,z.');
  }
  return [x, y, z];
}

/** Words, `a,b,c`. */
export function words(text: string): readonly string[] {
  const list = text.split(',').map(word => word.trim());
  if (list.includes('')) throw new InvalidArgumentError('It must be words separated by commas: a,b,c.');
  return list;
}

/** Axes, `x,z`, or `none`. */
export function axes(text: string): readonly ('x' | 'y' | 'z')[] {
  if (text === 'none') return [];
  return text.split(',').map(word => {
    const axis = (['x', 'y', 'z'] as const).find(known => known === word.trim());
    if (axis === undefined) {
      throw new InvalidArgumentError('It must be axes separated by commas, x,y,z, or none.');
    }
    return axis;
  });
}

/** A number above 0 and below 1. */
export function openShare(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('It must be a number above 0 and below 1.');
  return value;
}

/** A number of at least 0 and below 1. */
export function share(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value < 1)) {
    throw new InvalidArgumentError('It must be a number of at least 0 and below 1.');
  }
  return value;
}

/** Collects the values of a flag that may be given several times. */
export function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}
