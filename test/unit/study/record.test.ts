/** A study goes on with the data that it was begun with, or not at all. */
import { describe, expect, it } from 'vitest';
import { assertSameData } from '../../../src/study/record.ts';

describe('data of a study that goes on', () => {
  const before = { 'imagesTr/a.nii.gz': '1', 'labelsTr/a.nii.gz': '2' };

  it('may be the same, and more than were used before', () => {
    expect(() => assertSameData(before, before, 'RUN')).not.toThrow();
    expect(() => assertSameData(before, { ...before, 'imagesTr/b.nii.gz': '3' }, 'RUN')).not.toThrow();
  });

  it('are refused by name where a file has changed', () => {
    expect(() => assertSameData(before, { ...before, 'labelsTr/a.nii.gz': 'other' }, 'RUN')).toThrow(
      expect.objectContaining({ code: 'E_RESUME_DATA', message: expect.stringContaining('labelsTr/a.nii.gz') }),
    );
  });
});
