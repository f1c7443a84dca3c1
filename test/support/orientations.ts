/** The 48 ways to store a volume whose axes run right, anterior, superior, spelt out index by index. */
import type { Affine, Volume, Xyz } from '../../src/volume/volume.ts';

/** Stored axis a runs along canonical axis `along[a]`, backwards where `back[a]`. */
export interface Storage {
  readonly along: Xyz;
  readonly back: readonly [boolean, boolean, boolean];
}

const PERMUTATIONS: readonly Xyz[] = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];

export const STORAGES: readonly Storage[] = PERMUTATIONS.flatMap(along =>
  Array.from({ length: 8 }, (_, bits) => ({
    along,
    back: [bits % 2 > 0, (bits >> 1) % 2 > 0, bits >> 2 > 0] as const,
  })),
);

/** For each stored voxel, x fastest, the canonical index; and the stored size. */
function storedVoxels(size: Xyz, { along, back }: Storage): { readonly size: Xyz; readonly from: readonly number[] } {
  const stored: Xyz = [size[along[0]]!, size[along[1]]!, size[along[2]]!];
  const from: number[] = [];
  for (let k = 0; k < stored[2]; k++) {
    for (let j = 0; j < stored[1]; j++) {
      for (let i = 0; i < stored[0]; i++) {
        const canonical = [0, 0, 0];
        [i, j, k].forEach((index, axis) => {
          canonical[along[axis]!] = back[axis] ? stored[axis]! - 1 - index : index;
        });
        const [x, y, z] = canonical as [number, number, number];
        from.push(x + size[0] * (y + size[1] * z));
      }
    }
  }
  return { size: stored, from };
}

/** canonical affine times the matrix that takes a stored index to a canonical one */
function storedAffine(affine: Affine, size: Xyz, { along, back }: Storage): Affine {
  const matrix = new Array<number>(16).fill(0);
  matrix[15] = 1;
  along.forEach((canonical, stored) => {
    matrix[canonical * 4 + stored] = back[stored] ? -1 : 1;
    if (back[stored]) matrix[canonical * 4 + 3] = size[canonical]! - 1;
  });
  return Array.from({ length: 16 }, (_, at) =>
    [0, 1, 2, 3].reduce((sum, k) => sum + affine[Math.floor(at / 4) * 4 + k]! * matrix[k * 4 + (at % 4)]!, 0),
  );
}

/** The same volume as another scanner would have stored it. */
export function storedAs(volume: Volume, storage: Storage): Volume {
  const { size, from } = storedVoxels(volume.sizeVoxels, storage);
  const { along } = storage;
  const data = new Float32Array(volume.data.length);
  for (let channel = 0; channel < volume.channels; channel++) {
    for (const [index, canonical] of from.entries()) {
      data[channel * from.length + index] = volume.data[channel * from.length + canonical]!;
    }
  }
  const { spacingMm } = volume;
  return {
    data,
    sizeVoxels: size,
    channels: volume.channels,
    spacingMm: [spacingMm[along[0]]!, spacingMm[along[1]]!, spacingMm[along[2]]!],
    affine: storedAffine(volume.affine, volume.sizeVoxels, storage),
  };
}
