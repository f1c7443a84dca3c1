/**
 * Post-processing of a segmentation, class by class: fill holes, drop components below a volume, keep the largest
 * component, in this order. Components are connected by faces, edges and corners (26 neighbours), holes by faces (6),
 * so that the two are complementary. Removed voxels become background; only background inside a class is filled.
 */
import { type Components, connectedComponents, findHoles, paintComponents } from '../volume/components.ts';
import { type LabelArray, type LabelVolume, voxelCount, type Xyz } from '../volume/volume.ts';

/** Steps for one class; a step that is not given is skipped. */
export interface ClassSteps {
  /** Whether background that the class encloses becomes the class. */
  readonly fillHoles?: boolean | undefined;
  /** Smallest volume of a component; smaller ones become background. */
  readonly minimumVolumeMm3?: number | undefined;
  /** Whether all components but the largest (the first of equals) become background. */
  readonly largestComponent?: boolean | undefined;
}

/** Steps by class name. */
export type Postprocessing = Readonly<Record<string, ClassSteps>>;

const BACKGROUND = 0;

/** Connected components of a class with 26 neighbours. */
export function componentsOfClass(data: LabelArray, sizeVoxels: Xyz, value: number): Components {
  return connectedComponents(data, sizeVoxels, { value, connectivity: 26 });
}

/** Volume of a voxel in mm^3. */
export function voxelVolumeMm3([x, y, z]: Xyz): number {
  return x * y * z;
}

/**
 * Decides which components stay.
 * @param sizes voxels of each component
 * @returns for each component whether it stays
 */
export function keptComponents(
  sizes: ArrayLike<number>,
  { minimumVolumeMm3 = 0, largestComponent = false }: ClassSteps,
  voxelMm3: number,
): readonly boolean[] {
  let largest = 0;
  for (let index = 1; index < sizes.length; index++) if (sizes[index]! > sizes[largest]!) largest = index;
  return Array.from(
    sizes,
    (voxels, index) => voxels * voxelMm3 >= minimumVolumeMm3 && (!largestComponent || index === largest),
  );
}

/**
 * Fills the holes of a class.
 * @param data changed
 */
export function fillHoles(data: LabelArray, sizeVoxels: Xyz, value: number): void {
  const { outside, isHole } = findHoles(data, sizeVoxels, value);
  const { start, length, component } = outside;
  start.forEach((first, run) => {
    if (!isHole[component[run]!]) return;
    for (let i = first; i < first + length[run]!; i++) if (data[i] === BACKGROUND) data[i] = value;
  });
}

/**
 * Applies the steps of all classes; holes are filled first, classes in the order of `classes`.
 * @param classes names by label value; a name without steps is left alone
 * @returns new labels, or the same if there is nothing to do
 */
export function postprocess(
  labels: LabelVolume,
  classes: readonly { readonly value: number; readonly name: string }[],
  steps: Postprocessing,
): LabelVolume {
  const asked = classes.flatMap(({ value, name }) => {
    const ofClass = steps[name];
    return ofClass === undefined || value === BACKGROUND ? [] : [{ value, ofClass }];
  });
  if (asked.length === 0) return labels;
  const { sizeVoxels } = labels;
  const voxelMm3 = voxelVolumeMm3(labels.spacingMm);
  const data = labels.data.slice(0, voxelCount(sizeVoxels));
  for (const { value, ofClass } of asked) if (ofClass.fillHoles === true) fillHoles(data, sizeVoxels, value);
  for (const { value, ofClass } of asked) {
    if (ofClass.minimumVolumeMm3 === undefined && ofClass.largestComponent !== true) continue;
    const components = componentsOfClass(data, sizeVoxels, value);
    const kept = keptComponents(components.sizes, ofClass, voxelMm3);
    paintComponents(data, components, { value: BACKGROUND, chosen: index => !kept[index] });
  }
  return { ...labels, data };
}
