import { describe, expect, it } from 'vitest';
import { type Postprocessing, postprocess } from '../../../src/inference/postprocess.ts';
import type { LabelVolume } from '../../../src/volume/volume.ts';

const CLASSES = [
  { value: 0, name: 'background' },
  { value: 1, name: 'organ' },
  { value: 2, name: 'lesion' },
];

/** A volume of one slice from rows of digits. */
function slice(...rows: readonly string[]): LabelVolume {
  return {
    data: Uint8Array.from(rows.join(''), Number),
    sizeVoxels: [rows[0]!.length, rows.length, 1],
    spacingMm: [1, 2, 3],
    affine: [],
  };
}

function processed(labels: LabelVolume, steps: Postprocessing): string[] {
  const { data, sizeVoxels } = postprocess(labels, CLASSES, steps);
  const text = Array.from(data).join('');
  return Array.from({ length: sizeVoxels[1] }, (_, y) => text.slice(y * sizeVoxels[0], (y + 1) * sizeVoxels[0]));
}

// organ of 9 voxels with a hole and a lesion, touching one voxel by a corner; two voxels apart; a lesion apart
const labels = slice('1111000', '1021011', '1111000', '0000100', '2200000');

describe('post-processing', () => {
  it('keeps the largest component, connected by corners too', () => {
    expect(processed(labels, { organ: { largestComponent: true } })).toEqual([
      '1111000',
      '1021000',
      '1111000',
      '0000100',
      '2200000',
    ]);
  });

  it('drops components below a volume in mm^3 and keeps those of just that volume', () => {
    // a voxel has 6 mm^3
    const components = slice('1011011100');
    expect(processed(components, { organ: { minimumVolumeMm3: 12 } })).toEqual(['0011011100']);
    expect(processed(components, { organ: { minimumVolumeMm3: 12.1 } })).toEqual(['0000011100']);
    expect(processed(components, { organ: { minimumVolumeMm3: 1000 } })).toEqual(['0000000000']);
  });

  it('fills the background that a class encloses, but no other class', () => {
    expect(processed(labels, { organ: { fillHoles: true } })[1]).toBe('1121011');
  });

  it('fills before it drops, and treats every class by itself', () => {
    const ring = slice('11111', '10001', '10201', '10001', '11111');
    // the ring alone has 96 mm^3, filled 144
    const steps = { organ: { fillHoles: true, minimumVolumeMm3: 140 }, lesion: { minimumVolumeMm3: 7 } };
    expect(processed(ring, steps)).toEqual(['11111', '11111', '11011', '11111', '11111']);
  });

  it('leaves labels without steps as they are, and its input in any case', () => {
    const before = labels.data.slice();
    expect(postprocess(labels, CLASSES, {})).toBe(labels);
    expect(postprocess(labels, CLASSES, { elsewhere: { largestComponent: true } })).toBe(labels);
    postprocess(labels, CLASSES, { organ: { largestComponent: true, fillHoles: true } });
    expect(labels.data).toEqual(before);
  });
});
