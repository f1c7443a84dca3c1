/** What several files that are opened together are taken for, and when a person is asked instead. */
import { expect, it } from 'vitest';
import { guessRoles, wantedByRoles, wantedWithoutDoubt } from '../../../web/file-roles.ts';

const image = (title: string, series?: string) => ({ path: title, title, facts: '', ...(series && { series }) });
const named = (...titles: readonly string[]) => titles.map(title => image(title));
const namesOf = (titles: readonly string[]) => {
  const wanted = wantedWithoutDoubt(named(...titles));
  return wanted && [wanted.channels.map(({ title }) => title), wanted.reference?.title];
};

it.each([
  [
    ['hip.nii.gz', 'hip_label.nii.gz'],
    [['hip.nii.gz'], 'hip_label.nii.gz'],
  ],
  [
    ['case_gt.nrrd', 'case.nrrd'],
    [['case.nrrd'], 'case_gt.nrrd'],
  ],
  [
    ['a_0000.nii.gz', 'a_0001.nii.gz'],
    [['a_0000.nii.gz', 'a_0001.nii.gz'], undefined],
  ],
  [
    ['a_0000.nii.gz', 'a_0001.nii.gz', 'a_seg.nii.gz'],
    [['a_0000.nii.gz', 'a_0001.nii.gz'], 'a_seg.nii.gz'],
  ],
])('takes %j for %j', (titles, expected) => {
  expect(namesOf(titles)).toEqual(expected);
});

it.each([
  [['t1.nii.gz', 't2.nii.gz']],
  [['a_0000.nii.gz', 'b_0000.nii.gz']],
  [['a_0001.nii.gz', 'a_0002.nii.gz']],
  [['a_label.nii.gz', 'b_label.nii.gz']],
  // "masked" and "segment" are no labels
  [['brain_masked.nii.gz', 'brain.nii.gz']],
])('asks about %j', titles => {
  expect(namesOf(titles)).toBeUndefined();
});

it('asks about series of a study, whose names are free text', () => {
  expect(wantedWithoutDoubt([image('.', '1.2'), image('seg', '1.3')])).toBeUndefined();
});

it('guesses at most one reference, and opens what the roles say', () => {
  const images = named('a.nii.gz', 'b.nii.gz', 'mask.nii.gz');
  expect(guessRoles(images)).toEqual(['image', 'image', 'reference']);
  expect(guessRoles(named('a_seg.nii', 'b_seg.nii'))).toEqual(['image', 'image']);
  expect(wantedByRoles(images, ['none', 'image', 'reference'])).toEqual({
    channels: [images[1]],
    reference: images[2],
  });
  expect(wantedByRoles(images, ['none', 'none', 'reference'])).toBeUndefined();
});
