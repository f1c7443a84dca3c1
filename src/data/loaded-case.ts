/** A case's voxels: its files decoded, channels stacked, label values checked against the data set. */
import { InputError } from '../core/errors.ts';
import type { VolumeWarning } from '../volume/geometry.ts';
import { labelsOfVolume } from '../volume/label-volume.ts';
import type { NiftiHeader } from '../volume/nifti.ts';
import { assertSameGrid } from '../volume/same-grid.ts';
import { LABEL_VALUES, type LabelVolume, type Volume } from '../volume/volume.ts';
import { annotatedOnly } from './annotated-classes.ts';
import type { CaseFiles } from './case-list.ts';
import type { Dataset } from './dataset.ts';
import { labelValues } from './dataset-json.ts';
import type { ReadVolume } from './read-volume.ts';
import { readStacked } from './stacked-volume.ts';
import { assertRulesFor, classesOfMap, labelRules } from './synthesis/label-rules.ts';
import { paintCase } from './synthesis/painted-case.ts';
import { isMapAlone } from './synthesis/painted-cases.ts';
import type { SynthesisSettings } from './synthesis/settings.ts';
import { readVolume, type VolumeSources } from './volume-file.ts';

/** A case in memory. */
export interface LoadedCase {
  readonly id: string;
  /** Channels stacked in the order of the data set. */
  readonly image: Volume;
  readonly label?: LabelVolume;
  /** The map with its own values, of which patches are painted anew; only where the case is a map alone. */
  readonly map?: LabelVolume;
  /** Header of the first image, for writing results on its grid. */
  readonly header: NiftiHeader;
  readonly warnings: readonly VolumeWarning[];
}

/** The channels of a case, as many as the data set names. */
async function loadImage(sources: VolumeSources, dataset: Dataset, { id, images }: CaseFiles): Promise<ReadVolume> {
  if (images.length === 0) throw new InputError('E_DATASET_CASES', `case "${id}" has no image.`);
  const read = await readStacked(sources, images);
  const { channels } = read.volume;
  if (channels === dataset.channels.length) return read;
  throw new InputError(
    'E_SHAPE_MISMATCH',
    `case "${id}" has ${channels} channel(s) in ${images.join(', ')}, but ${dataset.folder}/dataset.json names ` +
      `${dataset.channels.length} (${dataset.channels.join(', ')}).`,
  );
}

function checkLabelValues({ data }: LabelVolume, { labels, ignore }: Dataset, path: string): void {
  const counts = new Uint32Array(LABEL_VALUES);
  for (let i = 0; i < data.length; i++) counts[data[i]!]!++;
  const allowed = new Set(labelValues(labels, ignore));
  const unknown = counts.findIndex((count, value) => count > 0 && !allowed.has(value));
  if (unknown < 0) return;
  throw new InputError(
    'E_LABEL_UNKNOWN',
    `${path} has the label value ${unknown} in ${counts[unknown]} voxel(s), which dataset.json does not name. ` +
      `Known are ${labels.map(({ value, name, region }) => `${region?.join('+') ?? value} (${name})`).join(', ')}. ` +
      'Correct the file or dataset.json.',
  );
}

/** A case that is a label map alone, with an image that is painted of it. */
async function paintedCase(
  sources: VolumeSources,
  dataset: Dataset,
  item: CaseFiles & { readonly label: string },
): Promise<LoadedCase> {
  const read = await readVolume(sources, item.label);
  const settings = dataset.synthesis as SynthesisSettings;
  const rules = labelRules(settings);
  const map = labelsOfVolume(read.volume, item.label);
  assertRulesFor(map, rules, item.label);
  return {
    id: item.id,
    image: paintCase(map, item, { settings, rules }),
    label: annotatedOnly(classesOfMap(map, rules), item, dataset),
    ...(isMapAlone(item) && { map }),
    header: read.header,
    warnings: read.warnings,
  };
}

/**
 * Reads the voxels of a case. Values that are not finite are kept; normalising deals with them.
 * @throws {InputError} E_SHAPE_MISMATCH, E_GEOMETRY_MISMATCH, E_LABEL_UNKNOWN, E_LABEL_RULE, and as readVolume and
 * labelsOfVolume
 */
export async function loadCase(sources: VolumeSources, dataset: Dataset, caseFiles: CaseFiles): Promise<LoadedCase> {
  const { id, label: labelPath } = caseFiles;
  if (caseFiles.images.length === 0 && dataset.synthesis !== undefined && labelPath !== undefined) {
    return paintedCase(sources, dataset, { ...caseFiles, label: labelPath });
  }
  const { volume: image, header, warnings } = await loadImage(sources, dataset, caseFiles);
  if (labelPath === undefined) return { id, image, header, warnings };
  const read = await readVolume(sources, labelPath);
  const { ignore } = dataset;
  const label = { ...labelsOfVolume(read.volume, labelPath), ...(ignore !== undefined && { ignore }) };
  const place = { ...image, path: caseFiles.images[0] ?? id };
  const apart = assertSameGrid(place, { ...label, path: labelPath });
  const { synthesis } = dataset;
  const rules = synthesis && labelRules(synthesis);
  if (rules === undefined) checkLabelValues(label, dataset, labelPath);
  else assertRulesFor(label, rules, labelPath);
  const known = rules === undefined ? label : classesOfMap(label, rules);
  return {
    id,
    image,
    label: annotatedOnly(known, caseFiles, dataset),
    header,
    warnings: [...warnings, ...read.warnings, ...apart],
  };
}
