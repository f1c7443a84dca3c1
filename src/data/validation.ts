/**
 * Every problem of a data set at once: of its list of cases, of each case (see case-check.ts), and of cases beside each
 * other - images that are there twice, voxels of another size than all the others. Voxels are read one case at a time.
 */

import { mapAxes } from '../core/axes.ts';
import { listSome, plural } from '../core/format.ts';
import { medianOf } from '../core/percentile.ts';
import type { Progress } from '../runtime/progress.ts';
import { type CheckedCase, checkCase } from './case-check.ts';
import type { CaseFiles } from './case-list.ts';
import { type DatasetOptions, isLabelled, type SurveyedDataset, surveyDataset } from './dataset.ts';
import { LITTER } from './dicom/series.ts';
import { type Finding, isProblem } from './finding.ts';
import { isMapAlone } from './synthesis/painted-cases.ts';
import { filesOfVolume, type VolumeSources } from './volume-file.ts';
import { volumeEnding } from './volume-name.ts';

export interface ValidationReport {
  readonly dataset: string;
  readonly folder: string;
  /** Number of checked cases, complete or not. */
  readonly cases: number;
  readonly labelledCases: number;
  /** Number of cases that are a label map alone. */
  readonly labelMaps: number;
  readonly channels: readonly string[];
  readonly labels: readonly string[];
  /** What makes the data set unfit as it is. */
  readonly problems: readonly Finding[];
  /** What a person should know. */
  readonly warnings: readonly Finding[];
}

export interface ValidateOptions extends DatasetOptions {
  readonly sha256: (data: Uint8Array) => string;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

/** A spacing this many times smaller or larger than the median of all cases is worth a look. */
const OUTLIER_FACTOR = 2;

/**
 * Cases without a label are unlabelled ones, in either layout; a data set in which no case has one is a fault.
 */
function unlabelledFindings(unlabelled: readonly CaseFiles[], { cases, listsFiles, folder }: SurveyedDataset) {
  const findings = unlabelled.map(({ id }): Finding => {
    const place = listsFiles
      ? ''
      : ` Add ${folder}/labelsTr/${id} with the ending of its images if it should have one.`;
    const advice = `It is used as an unlabelled case.${place}`;
    return { code: 'W_CASE_UNLABELLED', caseId: id, message: `case "${id}" has images but no label`, advice };
  });
  if (cases.length === 0 || unlabelled.length < cases.length) return findings;
  const advice = `Add labels in ${folder}/labelsTr${listsFiles ? ' and list them in dataset.json' : ''}; without any, nothing can be trained or scored.`;
  const none: Finding = { code: 'E_LABEL_MISSING', message: `no case of ${folder} has a label`, advice };
  return [none, ...findings];
}

/** The second files of pairs, and the voxels that headers name. */
async function partsOf(sources: VolumeSources, used: Iterable<string>): Promise<ReadonlySet<string>> {
  const parts = new Set<string>();
  for (const path of used) {
    if (!/\.(mhd|nhdr|hdr|img)(\.gz)?$/i.test(path)) continue;
    // a volume that cannot be read is reported with its case
    for (const part of await filesOfVolume(sources, path).catch(() => [])) parts.add(part);
  }
  return parts;
}

/** Files and folders beside those of the cases that no case has. */
async function unusedFindings(sources: VolumeSources, dataset: SurveyedDataset): Promise<Finding[]> {
  const { files } = sources;
  const all = [...dataset.cases, ...dataset.broken];
  const used = new Set(all.flatMap(({ images, label }) => (label === undefined ? images : [...images, label])));
  const reported = new Set(dataset.problems.map(({ file }) => file));
  const parents = new Set([...used].map(path => path.split('/').slice(0, -1).join('/')));
  const parts = await partsOf(sources, used);
  const findings: Finding[] = [];
  for (const parent of parents) {
    const names = (await files.list(parent)).filter(name => !LITTER.test(name));
    const left = names.filter(name => ![used, reported, parts].some(known => known.has(`${parent}/${name}`)));
    for (const name of left.filter(one => volumeEnding(one) !== '')) {
      const file = `${parent}/${name}`;
      const advice = 'List it in dataset.json if it should be used.';
      findings.push({ code: 'W_FILE_UNUSED', file, message: `no case has the file ${file}`, advice });
    }
    const others = left.filter(one => volumeEnding(one) === '');
    // beside dataset.json lies all that belongs to a data set
    if (others.length === 0 || parent === dataset.folder) continue;
    const message = `no case has ${listSome(others)} in ${parent}`;
    const advice = 'Folders are not looked into, and other files are no volumes; move what should be used.';
    findings.push({ code: 'W_FILE_UNUSED', file: parent, message, advice });
  }
  return findings;
}

function duplicateFindings(cases: readonly CheckedCase[]): Finding[] {
  const seen = new Map<string, { readonly id: string; readonly file: string }>();
  return cases.flatMap(({ id, images }) =>
    images.flatMap(({ file, hash }): Finding[] => {
      const other = seen.get(hash);
      if (other === undefined) {
        seen.set(hash, { id, file });
        return [];
      }
      const message = `${file} has the same voxels as ${other.file} of case "${other.id}"`;
      const advice = 'Remove one of them, otherwise a test case may not be unseen.';
      return [{ code: 'E_IMAGE_DUPLICATE', caseId: id, file, message, advice }];
    }),
  );
}

function spacingFindings(cases: readonly CheckedCase[]): Finding[] {
  const known = cases.flatMap(({ id, grid }) => (grid === undefined ? [] : [{ id, spacingMm: grid.spacingMm }]));
  if (known.length === 0) return [];
  const medians = mapAxes(axis => medianOf(known.map(({ spacingMm }) => spacingMm[axis])));
  return known
    .filter(({ spacingMm }) =>
      spacingMm.some((spacing, axis) => {
        const ratio = spacing / medians[axis]!;
        return ratio > OUTLIER_FACTOR || ratio < 1 / OUTLIER_FACTOR;
      }),
    )
    .map(({ id, spacingMm }) => ({
      code: 'W_SPACING_OUTLIER' as const,
      caseId: id,
      message: `case "${id}" has voxels of ${spacingMm.join(' x ')} mm; the median is ${medians.join(' x ')} mm`,
      advice: 'Check its header, and set preprocess.spacingMm so that all cases get the same spacing.',
    }));
}

/** Classes that no readable label has; a data set without labels says nothing of classes. */
function absentClassFindings(cases: readonly CheckedCase[], { labels }: SurveyedDataset): Finding[] {
  const known = cases.flatMap(({ labelValues }) => labelValues ?? []);
  if (known.length === 0) return [];
  const absent = labels.filter(
    ({ value, region = [value] }) => value !== 0 && !known.some(values => region.some(label => values.has(label))),
  );
  return absent.map(({ value, name, region = [value] }) => ({
    code: 'W_CLASS_ABSENT' as const,
    message: `none of the ${plural(known.length, 'labelled case')} has the class "${name}" (${region.join('+')}), so no model can learn it`,
    advice: 'Check the labels, or remove the class from dataset.json.',
  }));
}

/**
 * Reads all of a data set and reports what is wrong with it.
 * @throws {InputError} E_DATASET_MISSING, E_DATASET_FORMAT, E_DATASET_LABELS: there is nothing to look at then
 */
export async function validateDataset(
  sources: VolumeSources,
  folder: string,
  { sha256, synthesize, progress, signal }: ValidateOptions,
): Promise<ValidationReport> {
  const dataset = await surveyDataset(sources.files, folder, { synthesize });
  const { cases, broken, problems } = dataset;
  const all = [...cases, ...broken];
  const checked: CheckedCase[] = [];
  const task = progress.task('validating', all.length, 'case');
  for (const [index, item] of all.entries()) {
    signal?.throwIfAborted();
    checked.push(await checkCase(sources, item, { dataset, sha256, isBroken: index >= cases.length }));
    task.update(checked.length);
  }
  task.finish();
  const unlabelled = cases.filter(item => !isLabelled(item));
  const findings = [
    ...problems,
    ...unlabelledFindings(unlabelled, dataset),
    ...checked.flatMap(one => one.findings),
    ...duplicateFindings(checked),
    ...spacingFindings(checked),
    ...absentClassFindings(checked, dataset),
    ...(await unusedFindings(sources, dataset)),
  ];
  return {
    dataset: dataset.name,
    folder: dataset.folder,
    cases: all.length,
    labelledCases: cases.length - unlabelled.length,
    labelMaps: cases.filter(isMapAlone).length,
    channels: dataset.channels,
    labels: dataset.labels.map(({ name }) => name),
    problems: findings.filter(isProblem),
    warnings: findings.filter(finding => !isProblem(finding)),
  };
}
