/**
 * The pen's drawing and labels in the order of a file. NiiVue itself, which draws in axes that run right, anterior,
 * superior, says where it puts each voxel.
 */
import { NVImage } from '@niivue/niivue';
import { describe, expect, it, vi } from 'vitest';
import { createNiftiHeader, encodeNiftiImage } from '../../../src/volume/nifti.ts';
import type { Affine, Volume } from '../../../src/volume/volume.ts';
import { changesOf, codedValues, type DrawingGrid, drawingOf } from '../../../web/drawing-grid.ts';
import { drawingGridOf } from '../../../web/viewer-drawing.ts';
import { STORAGES, storedAs } from '../../support/orientations.ts';

const SIZE = [3, 4, 5] as const;
const VOXELS = 60;
const IDENTITY: Affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

/** Each voxel has a value of its own, in the order of axes that run right, anterior, superior. */
function canonical(affine: Affine = IDENTITY): Volume {
  const data = Float32Array.from({ length: VOXELS }, (_, index) => index);
  return { data, sizeVoxels: SIZE, channels: 1, spacingMm: [1, 1, 1], affine };
}

/** The image as NiiVue opens it, from the bytes that the page gives it. */
async function opened(volume: Volume): Promise<NVImage> {
  const bytes = encodeNiftiImage(volume, createNiftiHeader(volume), { compress: false });
  const wanted = [bytes.slice().buffer, 'image.nii'];
  // it has defaults for all others, which its types do not say
  return NVImage.new(...(wanted as unknown as Parameters<typeof NVImage.new>));
}

const VALUES = Array.from({ length: VOXELS }, (_, index) => index);

describe.each(STORAGES.map(storage => [JSON.stringify(storage), storage] as const))('stored as %s', (_, storage) => {
  it('draws every voxel where it is, and writes it back to where it came from', async () => {
    const stored = storedAs(canonical(), storage);
    const grid = drawingGridOf(await opened(stored));
    const labels = Uint8Array.from(stored.data);
    const drawing = drawingOf(labels, grid, VALUES);
    expect(grid.sizeVoxels).toEqual(SIZE);
    expect(grid.affine.map(value => value + 0)).toEqual(IDENTITY);
    expect([...drawing]).toEqual(VALUES);

    // right 2, anterior 1, superior 3
    const at = 2 + 3 * (1 + 4 * 3);
    drawing[at] = 7;
    const changes = changesOf(drawing, Uint8Array.from(VALUES), { grid, values: VALUES });
    expect([...changes.drawn]).toEqual([at]);
    expect([...changes.before, ...changes.after]).toEqual([at, 7]);
    labels[changes.stored[0]!] = 7;
    const expected = storedAs({ ...canonical(), data: Float32Array.from(drawing) }, storage);
    expect([...labels]).toEqual([...expected.data]);
  });
});

it('follows the viewer in an oblique image of long voxels too', async () => {
  // NiiVue warns of every oblique image
  const warn = vi.spyOn(console, 'warn').mockReturnValue();
  const [sine, cosine] = [Math.sin(0.9), Math.cos(0.9)];
  const oblique: Affine = [cosine, -3 * sine, 0, 4, sine, 3 * cosine, 0, -2, 0, 0, 1, 9, 0, 0, 0, 1];
  const image = await opened({ ...canonical(oblique), spacingMm: [1, 3, 1] });
  warn.mockRestore();
  const grid = drawingGridOf(image);
  const data = Uint8Array.from(canonical().data);
  expect([...drawingOf(data, grid, VALUES)]).toEqual([...image.img2RAS()]);
});

const PLAIN: DrawingGrid = { sizeVoxels: [3, 1, 1], start: 0, steps: [1, 3, 3], affine: IDENTITY };

it('keeps values above 255 and values without a name by codes', () => {
  const data = Uint16Array.of(0, 2035, 1002);
  const values = codedValues([0, 17], data);
  expect(values).toEqual([0, 17, 1002, 2035]);
  const drawing = drawingOf(data, PLAIN, values);
  expect([...drawing]).toEqual([0, 3, 2]);
  const painted = Uint8Array.of(1, 3, 0);
  expect(changesOf(painted, drawing, { grid: PLAIN, values })).toEqual({
    drawn: Uint32Array.of(0, 2),
    stored: Uint32Array.of(0, 2),
    before: Uint16Array.of(0, 1002),
    after: Uint16Array.of(17, 0),
  });
});

it('refuses more structures than a byte can number', () => {
  const data = Uint16Array.from({ length: 300 }, (_, index) => index);
  expect(() => codedValues([], data)).toThrow(/E_PEN_LABELS|up to 255 structures, and this one has 299/);
});
