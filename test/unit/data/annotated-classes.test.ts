/** Which classes were looked for in which case. */
import { describe, expect, it } from 'vitest';
import { annotatedOnly, partlyAnnotated, withAnnotations } from '../../../src/data/annotated-classes.ts';
import type { Dataset } from '../../../src/data/dataset.ts';
import type { LabelVolume } from '../../../src/volume/volume.ts';

const dataset: Dataset = {
  name: 'd',
  folder: 'd',
  channels: ['CT'],
  labels: ['background', 'liver', 'kidney'].map((name, value) => ({ name, value })),
  ignore: 3,
  cases: ['a_1', 'a_2', 'b_1', 'c'].map(id => ({ id, images: [`${id}.nii`], label: `l/${id}.nii` })),
};
const known = (asked: Record<string, string[]>) => Object.fromEntries(partlyAnnotated(withAnnotations(dataset, asked)));

describe('annotations', () => {
  it('name cases by id or by a part of it, and leave all others complete', () => {
    expect(known({ 'a_*': ['liver'], c: ['kidney', 'background'] })).toEqual({ a_1: [1], a_2: [1], c: [2] });
    expect(known({ '*_1': ['kidney'] })).toEqual({ a_1: [2], b_1: [2] });
    expect(known({ 'a*_*2': ['kidney'] })).toEqual({ a_2: [2] });
    expect(known({ '*': ['liver', 'kidney'] })).toEqual({});
    expect(known({ 'a_*': ['liver'], '*_2': ['liver'] })).toEqual({ a_1: [1], a_2: [1] });
  });

  it.each([
    [{ c: ['spleen'] }, /names spleen for "c", but the classes of d are background, liver, kidney/],
    [{ 'd*': ['liver'] }, /cases that d does not have: d\*/],
    [{ 'a_1*1': ['liver'] }, /cases that d does not have/],
    [{ c: ['background'] }, /no class besides the background for "c"/],
    [{ 'a_*': ['liver'], a_1: ['kidney'] }, /says two things of case "a_1": "a_\*" and "a_1" differ/],
  ])('are refused where they do not fit: %o', (asked, message) => {
    expect(() => withAnnotations(dataset, asked as Record<string, string[]>)).toThrow(message);
  });

  it('make background of every other class in a label, but not of what is ignored', () => {
    const label = {
      data: Uint8Array.of(0, 1, 2, 3),
      sizeVoxels: [4, 1, 1],
      spacingMm: [1, 1, 1],
    } as unknown as LabelVolume;
    const [first] = withAnnotations(dataset, { a_1: ['kidney'] }).cases;
    expect([...annotatedOnly(label, first!, dataset).data]).toEqual([0, 0, 2, 3]);
    expect(annotatedOnly(label, dataset.cases[0]!, dataset)).toBe(label);
    const regions = { ...dataset, labels: dataset.labels.map(one => ({ ...one, region: [1, 2] })) };
    expect(annotatedOnly(label, first!, regions)).toBe(label);
  });
});
