/**
 * The images that are painted of validation and test maps. Each is a case of its own, with the id of the map and a
 * number, and follows from the two alone: in every run, arm and seed it is the same.
 */
import type { CaseFiles } from '../case-list.ts';
import type { Dataset } from '../dataset.ts';

/** Whether a case is a label map of which no certain image is painted. */
export function isMapAlone({ images, painting }: CaseFiles): boolean {
  return images.length === 0 && painting === undefined;
}

/** The images that are painted of a label map: `head_04-p01` to `head_04-p20`. */
export function paintedCases(map: CaseFiles, count: number): readonly CaseFiles[] {
  const digits = Math.max(2, String(count).length);
  return Array.from({ length: count }, (_, index) => ({
    ...map,
    id: `${map.id}-p${String(index + 1).padStart(digits, '0')}`,
    painting: index + 1,
  }));
}

/** The data set with all images that are painted of its label maps, beside the maps. */
export function withPaintedCases<D extends Pick<Dataset, 'cases' | 'synthesis'>>(dataset: D): D {
  const { cases, synthesis } = dataset;
  if (synthesis === undefined) return dataset;
  const painted = cases.flatMap(one => (isMapAlone(one) ? paintedCases(one, synthesis.paintings) : []));
  return { ...dataset, cases: [...cases, ...painted].sort((left, right) => (left.id < right.id ? -1 : 1)) };
}

/** The random numbers of an image of a case, by the id of the case with its number. */
export function paintingKey(id: string): readonly [string, string] {
  return ['painting', id];
}
