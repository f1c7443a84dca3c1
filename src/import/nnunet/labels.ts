/**
 * `dataset.json` of nnU-Net v2: channels and classes. The ignore label has no channel. Labels that are lists of several
 * values are regions, which have a channel each and are written over each other in the order of `regions_class_order`.
 * Source: nnunetv2/utilities/label_handling/label_handling.py, version 2.8.1.
 */
import { z } from 'zod';
import { nnunetLabels, orderedNames } from '../../data/dataset-json.ts';
import type { ModelLabel } from '../../inference/model-info.ts';
import { parseAs } from '../json.ts';

const names = z.record(z.string(), z.string());

const dataset = z.looseObject({
  channel_names: names.optional(),
  modality: names.optional(),
  labels: z.record(z.string(), z.union([z.number(), z.array(z.number()).min(1)])),
  regions_class_order: z.array(z.number()).optional(),
});

/** What a data set says that a model must know. */
export interface NnunetDataset {
  readonly channels: readonly string[];
  /** Background first, then in the order of the network's channels. */
  readonly labels: readonly ModelLabel[];
  readonly areRegions: boolean;
}

/**
 * Reads `dataset.json`.
 * @param path for messages
 * @throws {InputError} E_IMPORT_DESCRIPTION, E_DATASET_FORMAT, E_DATASET_LABELS
 */
export function parseNnunetDataset(content: unknown, path: string): NnunetDataset {
  const { channel_names: named, modality, labels, ...rest } = parseAs(dataset, content, path);
  // a network has no channel for the voxels that its training left out
  const { ignore: _ignore, ...learnt } = labels;
  const areRegions = Object.values(learnt).some(value => Array.isArray(value) && value.length > 1);
  const plain = Object.fromEntries(Object.entries(learnt).map(([name, value]) => [name, [value].flat()[0] as number]));
  const order = rest.regions_class_order;
  return {
    channels: orderedNames(named ?? modality ?? {}, path),
    labels: nnunetLabels({ labels: areRegions ? learnt : plain, ...(order && { regions_class_order: order }) }, path),
    areRegions,
  };
}
