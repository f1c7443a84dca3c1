/**
 * Writes the images that are painted of label maps as a data set of its own, for the eye and for other programs: as a
 * Decathlon folder, with one case per image. The images are those that a run validates and tests on.
 */
import { InputError } from '../core/errors.ts';
import type { CaseFiles } from '../data/case-list.ts';
import type { Dataset } from '../data/dataset.ts';
import { loadCase } from '../data/loaded-case.ts';
import { labelRules } from '../data/synthesis/label-rules.ts';
import { isMapAlone, paintedCases, paintingKey } from '../data/synthesis/painted-cases.ts';
import { paintingFacts } from '../data/synthesis/painting-facts.ts';
import type { SynthesisSettings } from '../data/synthesis/settings.ts';
import type { VolumeSources } from '../data/volume-file.ts';
import type { SharedFiles } from '../runtime/files.ts';
import { writeJson } from '../runtime/json-file.ts';
import type { Progress } from '../runtime/progress.ts';
import { encodeNiftiImage, encodeNiftiLabels } from '../volume/nifti.ts';

export interface PaintedSet {
  readonly folder: string;
  /** Ids of the cases that were written. */
  readonly cases: readonly string[];
  readonly maps: number;
}

/** The id of the map of a painted case. */
function mapOf({ id }: CaseFiles): string {
  return id.replace(/-p\d+$/, '');
}

/** A field of a CSV file. */
function quoted(text: string): string {
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Paints label maps. What was drawn for each image is in groups.csv, by which `groups.file` of a recipe scores them
 * apart.
 * @param options.ids maps to paint; all of the data set if not given
 * @param options.count images of each map
 * @param options.out folder to write; must not exist
 * @throws {InputError} E_OUT_EXISTS; E_NO_CASES without a label map; as loadCase
 */
export async function paintDataset(
  { files, progress, ...sources }: VolumeSources & { readonly files: SharedFiles; readonly progress: Progress },
  dataset: Dataset,
  options: {
    readonly ids?: readonly string[] | undefined;
    readonly count: number;
    readonly out: string;
    readonly signal?: AbortSignal;
  },
): Promise<PaintedSet> {
  const { ids, count, out, signal } = options;
  const maps = dataset.cases.filter(one => isMapAlone(one) && ids?.includes(one.id) !== false);
  if (maps.length === 0) {
    const which = ids === undefined ? '' : ' among these cases';
    throw new InputError('E_NO_CASES', `${dataset.folder} has no label map without an image${which}.`);
  }
  if (await files.exists(out)) {
    throw new InputError('E_OUT_EXISTS', `${out} already exists. Remove it, or choose another folder with --out.`);
  }
  const cases = maps.flatMap((map: CaseFiles) => paintedCases(map, count));
  const task = progress.task('painting', cases.length, 'case');
  const settings = dataset.synthesis as SynthesisSettings;
  const rules = labelRules(settings);
  const groups = ['case,map,scan,voxels,strips'];
  for (const [index, item] of cases.entries()) {
    signal?.throwIfAborted();
    const { id, image, label, header } = await loadCase({ ...sources, files }, dataset, item);
    await files.write(`${out}/imagesTr/${id}.nii.gz`, encodeNiftiImage(image, header));
    if (label !== undefined) await files.write(`${out}/labelsTr/${id}.nii.gz`, encodeNiftiLabels(label, header));
    const facts = paintingFacts(image.spacingMm, { settings, rules, key: paintingKey(id) });
    groups.push([id, mapOf(item), facts.scan, facts.voxels, facts.strips].map(quoted).join(','));
    task.update(index + 1);
  }
  task.finish();
  await files.write(`${out}/groups.csv`, `${groups.join('\n')}\n`);
  // last, so that a folder that was left half-way is no data set
  await writeJson(files, `${out}/dataset.json`, {
    name: dataset.name,
    description: `Images painted of the label maps of ${dataset.name} by voxstill paint`,
    modality: Object.fromEntries(dataset.channels.map((name, channel) => [channel, name])),
    labels: Object.fromEntries(dataset.labels.map(({ value, name }) => [value, name])),
    training: cases.map(({ id }) => ({ image: `./imagesTr/${id}.nii.gz`, label: `./labelsTr/${id}.nii.gz` })),
  });
  return { folder: out, cases: cases.map(({ id }) => id), maps: maps.length };
}
