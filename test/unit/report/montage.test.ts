import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { renderMontage } from '../../../src/report/montage.ts';
import { type LabelVolume, type Volume, voxelCount, type Xyz } from '../../../src/volume/volume.ts';

const UPRIGHT = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

function makeVolume(
  sizeVoxels: Xyz,
  value: (x: number, y: number, z: number) => number,
  spacingMm: Xyz = [1, 1, 1],
): Volume {
  const [nx, ny] = sizeVoxels;
  const data = Float32Array.from({ length: voxelCount(sizeVoxels) }, (_, index) =>
    value(index % nx, Math.floor(index / nx) % ny, Math.floor(index / (nx * ny))),
  );
  return { data, sizeVoxels, channels: 1, spacingMm, affine: UPRIGHT };
}

function makeLabels(volume: Volume, value: (x: number, y: number, z: number) => number): LabelVolume {
  const { sizeVoxels, spacingMm, affine } = volume;
  return { data: Uint8Array.from(makeVolume(sizeVoxels, value).data), sizeVoxels, spacingMm, affine };
}

/** Colour of a pixel of a PNG. */
function pixel(png: Uint8Array, x: number, y: number): number[] {
  const { data, width, channels } = decode(png);
  return [...data.slice((y * width + x) * channels, (y * width + x) * channels + 3)];
}

const names = ['background', 'Anterior', 'Posterior'];

describe('the pictures of a case', () => {
  it('shows image, reference, every segmentation and the errors of each, in this order', () => {
    const volume = makeVolume([8, 8, 8], x => x);
    const labels = makeLabels(volume, x => (x === 3 ? 1 : 0));
    const { columns } = renderMontage({
      volume,
      reference: labels,
      segmentations: [
        { title: 'teacher', labels },
        { title: 'student', labels },
      ],
      labelNames: names,
    });
    expect(columns.map(column => column.title)).toEqual([
      'image',
      'reference',
      'teacher',
      'student',
      'errors of teacher',
      'errors of student',
    ]);
  });

  it('takes the slice with the most reference in square millimetres, across any axis', () => {
    const volume = makeVolume([6, 7, 9], () => 1);
    const plane = makeLabels(volume, (_, y) => (y === 5 ? 1 : 0));
    expect(renderMontage({ volume, reference: plane, segmentations: [], labelNames: names }).slice).toBe(
      'coronal slice 6 of 7',
    );
    // A bar of 4 x 4 x 3 voxels shows 16 voxels across z, but with voxels 5 mm high 12 voxels across x cover more.
    const bar = (x: number, y: number, z: number) => (x >= 1 && x < 5 && y >= 1 && y < 5 && z >= 2 && z < 5 ? 1 : 0);
    const tall = makeVolume([6, 7, 9], () => 1, [1, 1.1, 5]);
    expect(
      renderMontage({ volume, reference: makeLabels(volume, bar), segmentations: [], labelNames: names }).slice,
    ).toMatch(/^axial/);
    expect(
      renderMontage({ volume: tall, reference: makeLabels(tall, bar), segmentations: [], labelNames: names }).slice,
    ).toMatch(/^sagittal/);
  });

  it('falls back on the middle slice across z where nothing is labelled', () => {
    const volume = makeVolume([4, 4, 9], () => 1);
    expect(renderMontage({ volume, segmentations: [], labelNames: names }).slice).toBe('axial slice 5 of 9');
  });

  it('draws voxels four times enlarged and square in millimetres', () => {
    const volume = makeVolume([10, 12, 5], x => x, [1, 1, 3]);
    const across = (axis: 0 | 1 | 2) => makeLabels(volume, (...at) => (at[axis] === 2 ? 1 : 0));
    const size = (axis: 0 | 1 | 2) => {
      const { columns } = renderMontage({ volume, reference: across(axis), segmentations: [], labelNames: names });
      const { width, height } = decode(columns[0]!.png);
      return [width, height];
    };
    expect(size(2)).toEqual([40, 48]);
    expect(size(0)).toEqual([48, 60]);
  });

  it('turns the picture by the affine, so that up is up', () => {
    const upright = makeVolume([8, 8, 8], (_x, _y, z) => z);
    const labels = makeLabels(upright, x => (x === 4 ? 1 : 0));
    const flipped: Volume = { ...upright, affine: UPRIGHT.map((value, index) => (index === 10 ? -1 : value)) };
    const [up, down] = [upright, flipped].map(
      volume => renderMontage({ volume, reference: labels, segmentations: [], labelNames: names }).columns[0]!.png,
    );
    expect([pixel(up!, 0, 0)[0], pixel(up!, 0, 31)[0]]).toEqual([255, 0]);
    expect([pixel(down!, 0, 0)[0], pixel(down!, 0, 31)[0]]).toEqual([0, 255]);
  });

  it('windows at the 1st and 99th percentile, so that one bright voxel does not darken the rest', () => {
    const volume = makeVolume([10, 10, 10], (x, y, z) => (x + y + z === 0 ? 1e6 : x));
    const labels = makeLabels(volume, (_x, _y, z) => (z === 5 ? 1 : 0));
    const { columns } = renderMontage({ volume, reference: labels, segmentations: [], labelNames: names });
    expect(pixel(columns[0]!.png, 39, 0)).toEqual([255, 255, 255]);
    expect(pixel(columns[0]!.png, 0, 0)).toEqual([0, 0, 0]);
  });

  it('outlines a class in its full colour, fills it lightly, and leaves the rest grey', () => {
    const volume = makeVolume([12, 12, 3], () => 7);
    const labels = makeLabels(volume, (x, y, z) => (z === 1 && x >= 3 && x < 9 && y >= 3 && y < 9 ? 1 : 0));
    const { columns, legend } = renderMontage({ volume, reference: labels, segmentations: [], labelNames: names });
    const png = columns[1]!.png;
    const orange = [0xe6, 0x9f, 0x00];
    expect(legend[0]).toEqual({ name: 'Anterior', colour: '#e69f00', outline: 'solid' });
    expect(legend[1]!.outline).toBe('dashed');
    expect(pixel(png, 12, 24)).toEqual(orange);
    expect(pixel(png, 24, 24)).toEqual(orange.map(part => Math.round(part * 0.3)));
    expect(pixel(png, 2, 2)).toEqual([0, 0, 0]);
  });

  it('draws errors in colours of their own over a darker image, and none where the reference does not say', () => {
    const volume = makeVolume([12, 12, 3], x => (x === 11 ? 100 : x < 6 ? 100 : 0));
    const reference = {
      ...makeLabels(volume, (x, y, z) => (z !== 1 || y > 1 ? 0 : x < 6 ? 1 : x === 11 ? 9 : 0)),
      ignore: 9,
    };
    const student = makeLabels(volume, (x, y, z) => {
      if (z !== 1 || y > 1) return 0;
      return x < 2 ? 1 : x < 4 ? 2 : x < 6 ? 0 : x < 9 ? 1 : x === 11 ? 1 : 0;
    });
    const { columns } = renderMontage({
      volume,
      reference,
      segmentations: [{ title: 'student', labels: student }],
      labelNames: names,
    });
    const png = columns.at(-1)!.png;
    // rows of the picture run from anterior (y = 11) down, four pixels a voxel
    const colours = (x: number) =>
      new Set(Array.from({ length: 16 }, (_, at) => pixel(png, 4 * x + (at % 4), 44 + Math.floor(at / 4)).join()));
    const grey = (level: number) => [level, level, level].join();
    expect(colours(0)).toEqual(new Set([grey(153)]));
    expect(colours(5)).toEqual(new Set(['255,64,255']));
    expect(colours(7)).toEqual(new Set(['176,255,48', grey(0)]));
    expect(colours(2)).toEqual(new Set([grey(255), grey(153)]));
    expect(colours(11)).toEqual(new Set([grey(153)]));
  });

  it('goes through a given voxel, or where errors are most, instead of where the reference is', () => {
    const volume = makeVolume([10, 10, 10], () => 1);
    const reference = makeLabels(volume, (_x, _y, z) => (z === 2 ? 1 : 0));
    const island = makeLabels(volume, (x, y, z) => (z === 2 || (z === 8 && x < 3 && y < 3) ? 1 : 0));
    const asked = { volume, reference, segmentations: [{ title: 'student', labels: island }], labelNames: names };
    expect(renderMontage(asked).slice).toBe('axial slice 3 of 10');
    expect(renderMontage({ ...asked, focus: { errorsOf: island } }).slice).toBe('axial slice 9 of 10');
    expect(renderMontage({ ...asked, focus: { errorsOf: reference } }).slice).toBe('axial slice 3 of 10');
    // of the three slices through the voxel, the one that shows most
    expect(renderMontage({ ...asked, focus: { voxel: 1 + 10 * (1 + 10 * 8) } }).slice).toMatch(/ slice 2 of 10$/);
  });

  it.each([
    ['as RAS+', UPRIGHT, { left: 'L', right: 'R', top: 'A', bottom: 'P' }],
    [
      'with x to the left and y to the back',
      [-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0],
      { left: 'R', right: 'L', top: 'A', bottom: 'P' },
    ],
    [
      'with its first axis from front to back',
      [0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0],
      { left: 'A', right: 'P', top: 'R', bottom: 'L' },
    ],
    ['oblique', [0.8, 0.2, 0, 0, 0.1, 0.3, -0.9, 0, 0, 0.9, 0.3, 0], { left: 'L', right: 'R', top: 'S', bottom: 'I' }],
  ])('names the directions of the patient at its edges, for a volume stored %s', (_, affine, letters) => {
    const volume: Volume = { ...makeVolume([8, 8, 8], x => x), affine: [...affine.slice(0, 12), 0, 0, 0, 1] };
    const reference = makeLabels(volume, (_x, _y, z) => (z === 4 ? 1 : 0));
    expect(renderMontage({ volume, reference, segmentations: [], labelNames: names }).letters).toEqual(letters);
  });

  it('refuses a segmentation on another grid and names both', () => {
    const volume = makeVolume([4, 4, 4], () => 1);
    const other = makeLabels(
      makeVolume([4, 4, 5], () => 1),
      () => 1,
    );
    expect(() =>
      renderMontage({ volume, segmentations: [{ title: 'student', labels: other }], labelNames: names }),
    ).toThrow(/"student" has 4x4x5 voxels, its volume 4x4x4/);
  });
});
