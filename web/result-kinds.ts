/** The kinds of files that a segmentation can be saved as. */
import { make } from './elements.ts';

/** Each kind with its name for people, and what it needs: labels, a model that made them, or a DICOM series too. */
const KINDS = {
  nifti: ['NIfTI (.nii.gz)', 'labels'],
  nrrd: ['3D Slicer segmentation (.seg.nrrd)', 'model'],
  binary: ['DICOM Segmentation', 'series'],
  labelmap: ['DICOM Segmentation, LABELMAP', 'series'],
  rtstruct: ['DICOM RT Structure Set', 'series'],
  report: ['DICOM Segmentation and report of volumes', 'series'],
  obj: ['surfaces (.obj)', 'model'],
  stl: ['surfaces (.stl)', 'model'],
  png: ['picture of the view (.png)', 'labels'],
} as const;

/** What the one that is shown is saved as. */
export type SavedKind = keyof typeof KINDS;
/** The kinds that hold the labels themselves. */
export type ResultKind = Exclude<SavedKind, 'png'>;

/** Offers the kinds that are possible; the one that was chosen stays where it still is. */
export function offerKinds(
  select: HTMLSelectElement,
  { hasModel, hasSeries }: { readonly hasModel: boolean; readonly hasSeries: boolean },
): void {
  const before = select.value;
  const options = Object.entries(KINDS).map(([kind, [name, needs]]) => {
    const option = make('option', { value: kind }, name) as HTMLOptionElement;
    option.disabled = (needs !== 'labels' && !hasModel) || (needs === 'series' && !hasSeries);
    return option;
  });
  select.replaceChildren(...options);
  select.value = options.some(({ value, disabled }) => value === before && !disabled) ? before : 'nifti';
}
