import { expect, it } from 'vitest';
import { clipPlaneOf } from '../../../web/clip-plane.ts';
import { hounsfield, windowsOf } from '../../../web/windows.ts';

const range = (low: number, high: number) => ({ whole: { low, high }, robust: { low: low + 1, high: high - 1 } });
const dicom = (modality: string) => ({ dicom: { modality } }) as Parameters<typeof hounsfield>[0];

it('offers windows of CT for CT, as a guess where values look like it, and not for other images', () => {
  const ct = windowsOf(dicom('CT'), range(-1024, 3000));
  expect(ct.slice(0, 2)).toEqual([
    { name: 'without extremes', low: -1023, high: 2999 },
    { name: 'whole range', low: -1024, high: 3000 },
  ]);
  expect(ct.find(({ name }) => name.startsWith('lung'))).toEqual({
    name: 'lung (level -600, width 1500 HU)',
    low: -1350,
    high: 150,
  });
  expect(windowsOf({}, range(-1000, 2000)).at(-1)?.name).toBe('if CT: bone (level 400, width 1800 HU)');
  for (const scan of [dicom('MR'), {}]) expect(windowsOf(scan, range(-3, 900))).toHaveLength(2);
  expect(hounsfield(dicom('MR'), range(-1024, 3000))).toBe('no');
});

it('cuts nothing, half or all of the rendering away', () => {
  expect(clipPlaneOf('none', 0.5)[0]).toBe(2);
  expect(clipPlaneOf('left', 0.5)).toEqual([0, 270, 0]);
  expect([clipPlaneOf('superior', 0)[0], clipPlaneOf('superior', 1)[0]]).toEqual([0.5, -0.5]);
});
