/** Classes that are named after a side of the body, in trainings that mirror this side onto the other. */
import { listSome } from '../../core/format.ts';
import type { AugmentSettings } from './augmentation.ts';

/** The two ends of each axis of the body (RAS), as names of classes have them. */
const ENDS = {
  x: ['left', 'right'],
  y: ['anterior', 'posterior'],
  z: ['superior', 'inferior'],
} as const;

/** The words of a name: `LeftLung`, `left_lung` and `Left lung` have the same. */
function wordsOf(name: string): readonly string[] {
  return name
    .replaceAll(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}]+/u);
}

/**
 * Says which classes are named after an end of an axis along which patches are mirrored. Along y and z both ends must
 * be among the classes, since single vessels and muscles have such names too.
 * @returns undefined where there are none
 */
export function mirroredSides({ flip }: Pick<AugmentSettings, 'flip'>, classes: readonly string[]): string | undefined {
  const words = classes.map(name => new Set(wordsOf(name)));
  const mirrored = flip.flatMap(axis => {
    const named = ENDS[axis].map(end => classes.filter((_, index) => words[index]?.has(end)));
    const isSided = axis === 'x' ? named.some(list => list.length > 0) : named.every(list => list.length > 0);
    return isSided ? [{ axis, named: named.flat() }] : [];
  });
  if (mirrored.length === 0) return undefined;
  const names = [...new Set(mirrored.flatMap(({ named }) => named))].map(name => `"${name}"`);
  const axes = mirrored.map(({ axis }) => axis).join(' and ');
  return (
    `augment.flip mirrors along ${axes}, but ${listSome(names)} ${names.length === 1 ? 'is' : 'are'} named after a side there, ` +
    'so networks cannot distinguish them by their place. If the sides look alike otherwise, leave this axis out of augment.flip'
  );
}
