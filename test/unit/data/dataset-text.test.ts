/** A dataset.json that is written here is read as what it says. */
import { describe, expect, it } from 'vitest';
import { parseDatasetJson } from '../../../src/data/dataset-json.ts';
import { formatDatasetJson, type ListedDataset } from '../../../src/data/dataset-text.ts';

const plain: ListedDataset = {
  channels: ['T1', 'T2'],
  labels: ['background', 'a', 'b'].map((name, value) => ({ name, value })),
  cases: [
    { id: 'p1', images: ['mri/p1_0000.nii.gz', 'mri/p1_0001.nii.gz'], label: 'confirmed-labels/p1-1.nii.gz' },
    { id: 'p2', images: ['mri/p2_0000.nii.gz', 'mri/p2_0001.nii.gz'] },
  ],
};
const regions = [
  { name: 'background', value: 0 },
  { name: 'whole', value: 2, region: [1, 2, 3] },
  { name: 'core', value: 1, region: [1, 3] },
];

describe('formatDatasetJson', () => {
  it.each([
    ['plain classes', plain],
    ['an ignore label', { ...plain, ignore: 3 }],
    ['regions in their order', { ...plain, labels: regions }],
  ])('writes %s, which are read again', (_, dataset) => {
    const { channels, labels, ignore, files } = parseDatasetJson(formatDatasetJson(dataset), 'd/dataset.json');
    expect({ channels, labels, ...(ignore && { ignore }) }).toEqual({
      channels: dataset.channels,
      labels: dataset.labels,
      ...('ignore' in dataset && { ignore: dataset.ignore }),
    });
    expect(files).toEqual({ listed: dataset.cases });
  });
});
