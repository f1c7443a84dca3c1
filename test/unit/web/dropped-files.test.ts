/** Files that a person dropped: the same one twice, two of one name, and one that changes under way. */
import { describe, expect, it } from 'vitest';
import { droppedFiles, withoutTwins } from '../../../web/dropped-files.ts';

const file = (text: string, lastModified = 1): File => new File([text], 'scan.nii', { lastModified });

describe('dropped files', () => {
  it('are one where the same was dropped twice', () => {
    const [first, other] = [file('one'), file('other')];
    const dropped = [
      { path: 'scan.nii', file: first },
      { path: './scan.nii', file: file('one') },
      { path: 'b/scan.nii', file: other },
    ];
    expect(withoutTwins(dropped)).toEqual([dropped[0], dropped[2]]);
  });

  it.each([
    ['another size', file('longer')],
    ['another date', file('one', 2)],
  ])('are refused where two have one name and %s, since one of them would be left out', (_, other) => {
    const dropped = [file('one'), other].map(one => ({ path: 'scan.nii', file: one }));
    expect(() => withoutTwins(dropped)).toThrow(
      'two different files are called scan.nii. Open one after the other, or give them other names.',
    );
  });

  it.each([
    ['NotReadableError', /changed, moved or removed since it was chosen\. Choose it again/],
    ['NotFoundError', /changed, moved or removed since it was chosen\. Choose it again/],
    ['SecurityError', /the browser cannot read series\/IM1: SecurityError: no\. Choose it again/],
  ])('say what to do where the browser ends in %s', async (name, text) => {
    const slice = () => ({ arrayBuffer: () => Promise.reject(new DOMException('no', name)) });
    const files = droppedFiles([{ path: 'series/IM1', file: { slice } as unknown as File }]);
    const reading = files.read('series/IM1');
    await expect(reading).rejects.toMatchObject({ code: 'E_FILE_UNREADABLE' });
    await expect(reading).rejects.toThrow(text);
  });
});
