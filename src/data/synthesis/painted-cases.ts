/**
 * The images that are painted of validation and test maps. Each is a case of its own, with the id of the map and a
 * number, and follows from the two alone: in every run, arm and seed it is the same.
 */
import type { CaseFiles } from '../case-list.ts';
import type { Dataset } from '../dataset.ts';
import type { Splits } from '../splits.ts';
import type { SynthesisSettings } from './settings.ts';

/** Digits of the number in an id, at least. */
const DIGITS = 2;

/** Whether a case is a label map of which no certain image is painted. */
export function isMapAlone({ images, painting }: CaseFiles): boolean {
  return images.length === 0 && painting === undefined;
}

/** Number of images that are painted of a map, by how it is used; the larger one if nothing says how. */
export function paintingsOf({ paintings }: Pick<SynthesisSettings, 'paintings'>, use?: 'val' | 'test'): number {
  if (typeof paintings === 'number') return paintings;
  return use === undefined ? Math.max(paintings.val, paintings.test) : paintings[use];
}

/** The images that are painted of a label map: `head_04-p01` to `head_04-p20`. */
export function paintedCases(map: CaseFiles, count: number): readonly CaseFiles[] {
  return Array.from({ length: count }, (_, index) => ({
    ...map,
    id: `${map.id}-p${String(index + 1).padStart(DIGITS, '0')}`,
    painting: index + 1,
  }));
}

/** Splits in which every validation and test map is replaced by the images that are painted of it. */
export function paintedSplits(
  splits: Splits,
  { cases, synthesis }: Pick<Dataset, 'cases' | 'synthesis'>,
): { readonly splits: Splits; readonly painted: readonly CaseFiles[] } {
  if (synthesis === undefined) return { splits, painted: [] };
  const maps = new Map(cases.filter(isMapAlone).map(one => [one.id, one]));
  const painted: CaseFiles[] = [];
  const replaced = (use: 'val' | 'test'): readonly string[] =>
    splits[use].flatMap(id => {
      const map = maps.get(id);
      if (map === undefined) return [id];
      const images = paintedCases(map, paintingsOf(synthesis, use));
      painted.push(...images);
      return images.map(one => one.id);
    });
  return { splits: { ...splits, val: replaced('val'), test: replaced('test') }, painted };
}

/** The data set with all images that are painted of its label maps, beside the maps. */
export function withPaintedCases<D extends Pick<Dataset, 'cases' | 'synthesis'>>(dataset: D): D {
  const { cases, synthesis } = dataset;
  if (synthesis === undefined) return dataset;
  const painted = cases.flatMap(one => (isMapAlone(one) ? paintedCases(one, paintingsOf(synthesis)) : []));
  return { ...dataset, cases: [...cases, ...painted].sort((left, right) => (left.id < right.id ? -1 : 1)) };
}

/** The random numbers of an image of a case, by the id of the case with its number. */
export function paintingKey(id: string): readonly [string, string] {
  return ['painting', id];
}
