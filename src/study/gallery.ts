/**
 * The cases of a run that a report shows in pictures: worst, median and best by the student's Dice, with every arm's
 * segmentation.
 */
import { formatDice } from '../core/format.ts';
import { openDataset } from '../data/dataset.ts';
import { labelValues } from '../data/dataset-json.ts';
import { type LoadedCase, loadCase } from '../data/loaded-case.ts';
import type { VolumeSources } from '../data/volume-file.ts';
import { ARMS } from '../experiment/record.ts';
import type { CaseScore } from '../metrics/case-score.ts';
import { decodeLabels } from '../volume/nifti.ts';
import type { LabelVolume } from '../volume/volume.ts';
import { type Repeat, repeatsOf, runFolder } from './folder.ts';
import type { ReadRun } from './read-run.ts';

export interface GalleryCase {
  readonly label: 'worst' | 'median' | 'best';
  /** Whose score made it the worst, median or best, and which, for people. */
  readonly chosenBy: string;
  readonly loaded: LoadedCase;
  readonly segmentations: readonly { readonly title: string; readonly labels: LabelVolume }[];
  /** Class names by label value, background first. */
  readonly labelNames: readonly string[];
}

function choose(
  scores: readonly CaseScore[],
): readonly { readonly label: GalleryCase['label']; readonly id: string; readonly meanDice: number }[] {
  const ranked = scores
    .flatMap(({ id, meanDice }) => (meanDice === null ? [] : [{ id, meanDice }]))
    .sort((left, right) => left.meanDice - right.meanDice);
  const places = [
    ['worst', 0],
    ['median', Math.floor((ranked.length - 1) / 2)],
    ['best', ranked.length - 1],
  ] as const;
  const distinct = places.filter(([, place], index) => places.findIndex(([, other]) => other === place) === index);
  return distinct.flatMap(([label, place]) => {
    const item = ranked[place];
    return item === undefined ? [] : [{ label, ...item }];
  });
}

/**
 * Reads the gallery of a run's first fold and seed.
 * @returns undefined if the run has no segmentations or its data set is no longer there
 */
export async function readGallery(sources: VolumeSources, run: ReadRun): Promise<readonly GalleryCase[]> {
  const { files } = sources;
  const { record } = run;
  if (record === undefined || !(await files.exists(`${record.dataset}/dataset.json`))) return [];
  const judge = run.arms.find(({ name }) => name === 'student') ?? run.arms[0];
  const evaluation = judge?.repeats[0]?.evaluation;
  if (evaluation === undefined) return [];
  const dataset = await openDataset(files, record.dataset);
  const paths = runFolder(run.folder, run.repeats);
  const [first] = repeatsOf(run.repeats) as readonly [Repeat];
  const gallery: GalleryCase[] = [];
  for (const { label, id, meanDice } of choose(evaluation.cases)) {
    const item = dataset.cases.find(one => one.id === id);
    if (item === undefined) continue;
    const segmentations: { title: string; labels: LabelVolume }[] = [];
    for (const arm of ARMS) {
      const path = `${paths.arm(arm, first).predictions}/${id}.nii.gz`;
      if (await files.exists(path))
        segmentations.push({ title: arm, labels: decodeLabels(await files.read(path), { path }) });
    }
    if (segmentations.length === 0) continue;
    const nameOf = (value: number): string =>
      value === dataset.ignore
        ? 'ignored'
        : (dataset.labels.findLast(label => label.value === value)?.name ?? `label ${value}`);
    const labelNames = labelValues(dataset.labels, dataset.ignore).map(nameOf);
    const chosenBy = `mean Dice of ${judge!.name} ${formatDice(meanDice)}`;
    gallery.push({ label, chosenBy, loaded: await loadCase(sources, dataset, item), segmentations, labelNames });
  }
  return gallery;
}
