/**
 * Writes a dataset.json of nnU-Net's second version that lists its files, so that images and labels may lie anywhere
 * below its folder under any name. The counterpart of dataset-json.ts; text out, touches no files.
 * Source: nnU-Net's documentation/dataset_format.md, region_based_training.md
 */
import { formatJson } from '../runtime/json-file.ts';
import type { DatasetDescription, LabelClass, ListedCase } from './dataset-json.ts';
import { volumeEnding } from './volume-name.ts';

/** What a dataset.json says, with the files of its cases relative to its folder. */
export interface ListedDataset extends Pick<DatasetDescription, 'channels' | 'ignore'> {
  readonly labels: readonly Pick<LabelClass, 'name' | 'value' | 'region'>[];
  /** At least one. */
  readonly cases: readonly (ListedCase & { readonly id: string })[];
}

/** The text of a dataset.json, from which parseDatasetJson reads the same. */
export function formatDatasetJson({ channels, labels, ignore, cases }: ListedDataset): string {
  const regions = labels.filter(({ region }) => region !== undefined);
  return formatJson({
    channel_names: Object.fromEntries(channels.map((name, channel) => [String(channel), name])),
    labels: {
      ...Object.fromEntries(labels.map(({ name, value, region }) => [name, region ?? value])),
      ...(ignore !== undefined && { ignore }),
    },
    ...(regions.length > 0 && { regions_class_order: regions.map(({ value }) => value) }),
    numTraining: cases.length,
    file_ending: volumeEnding(cases[0]?.images[0] ?? ''),
    dataset: Object.fromEntries(cases.map(({ id, images, label }) => [id, { images, ...(label && { label }) }])),
  });
}
