/**
 * Distances to near voxels: the neighbours of a voxel are visited from the nearest outwards, so the first that belongs
 * to the set is the nearest one of all. Cheaper than a distance transform where surfaces lie close together or masks
 * are noisy.
 */
import type { Xyz } from '../volume/volume.ts';
import type { BitBox } from './distance-transform.ts';

/**
 * Neighbours that are looked at, about: balls of 7 and, for the few voxels that are left, of 14 and 28 voxels across.
 */
const NEIGHBOURS = [180, 1440, 11520] as const;
/** Looks per voxel of the box after which the rest is left to the transform, which costs more than that many looks. */
const LOOKS_PER_VOXEL = 4;

/** Neighbours within a radius, nearest first. */
interface Neighbourhood {
  /** Steps along x, y, z, three numbers each. */
  readonly steps: Int32Array;
  /** Steps through the box. */
  readonly stride: Int32Array;
  readonly distanceMm: Float64Array;
  /** Largest number of steps along each axis. */
  readonly reach: Xyz;
}

function neighbourhood({ size }: BitBox, spacingMm: Xyz, neighbours: number): Neighbourhood {
  const [sx, sy, sz] = spacingMm;
  const radiusMm = Math.cbrt((neighbours * sx * sy * sz * 3) / (4 * Math.PI));
  const reach = spacingMm.map((spacing, axis) => Math.min(Math.floor(radiusMm / spacing), size[axis]! - 1)) as [
    number,
    number,
    number,
  ];
  const found: { readonly step: Xyz; readonly distance: number }[] = [];
  for (let z = -reach[2]; z <= reach[2]; z++) {
    for (let y = -reach[1]; y <= reach[1]; y++) {
      for (let x = -reach[0]; x <= reach[0]; x++) {
        const distance = Math.sqrt((x * sx) ** 2 + (y * sy) ** 2 + (z * sz) ** 2);
        if (distance <= radiusMm) found.push({ step: [x, y, z], distance });
      }
    }
  }
  found.sort((left, right) => left.distance - right.distance);
  return {
    steps: Int32Array.from(found.flatMap(({ step }) => step)),
    stride: Int32Array.from(found, ({ step: [x, y, z] }) => (z * size[1] + y) * size[0] + x),
    distanceMm: Float64Array.from(found, ({ distance }) => distance),
    reach,
  };
}

interface SearchOptions {
  readonly from: number;
  readonly to: number;
  /** The bit of the voxels with `from` whose distance was not found. */
  readonly far: number;
  /** Receives the distances in no order; as long as the number of voxels with `from`. */
  readonly distances: Float64Array;
}

/**
 * Distances in mm from the voxels with bit `from` to the nearest voxel with bit `to`, where that is near.
 * @returns how many were found; the other voxels have the bit `far`
 */
export function searchNear(box: BitBox, spacingMm: Xyz, options: SearchOptions): number {
  const { far, distances } = options;
  const mostLooks = LOOKS_PER_VOXEL * box.bits.length;
  const [few, ...more] = NEIGHBOURS;
  let found = searchWithin(box, neighbourhood(box, spacingMm, few), { ...options, mostLooks });
  for (const neighbours of more) {
    const left = distances.length - found;
    if (left === 0 || left * neighbours > mostLooks) break;
    const again = { ...options, from: far, distances: distances.subarray(found), mostLooks };
    found += searchWithin(box, neighbourhood(box, spacingMm, neighbours), again);
  }
  return found;
}

function searchWithin(
  box: BitBox,
  near: Neighbourhood,
  { from, to, far, distances, mostLooks }: SearchOptions & { readonly mostLooks: number },
): number {
  const { bits } = box;
  const [nx, ny, nz] = box.size;
  const { distanceMm } = near;
  const count = distanceMm.length;
  let looksLeft = mostLooks;
  let found = 0;
  for (let z = 0, i = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      for (let x = 0; x < nx; x++, i++) {
        if ((bits[i]! & from) === 0) continue;
        const n = looksLeft > 0 ? nearestWith(box, [x, y, z], to, near) : count;
        looksLeft -= n;
        if (n < count) {
          distances[found++] = distanceMm[n]!;
          bits[i]! &= ~far;
        } else {
          bits[i]! |= far;
        }
      }
    }
  }
  return found;
}

/** Number of a voxel's nearest neighbour with the bit; how many neighbours there are where none has it. */
function nearestWith({ size, bits }: BitBox, [x, y, z]: Xyz, to: number, near: Neighbourhood): number {
  const { steps, stride, reach } = near;
  const [nx, ny, nz] = size;
  const i = (z * ny + y) * nx + x;
  let n = 0;
  if (isInner(x, reach[0], nx) && isInner(y, reach[1], ny) && isInner(z, reach[2], nz)) {
    while (n < stride.length && (bits[i + stride[n]!]! & to) === 0) n++;
    return n;
  }
  for (; n < stride.length; n++) {
    const [px, py, pz] = [x + steps[3 * n]!, y + steps[3 * n + 1]!, z + steps[3 * n + 2]!];
    const isInside = px >= 0 && px < nx && py >= 0 && py < ny && pz >= 0 && pz < nz;
    if (isInside && (bits[i + stride[n]!]! & to) !== 0) break;
  }
  return n;
}

/** Whether all neighbours along an axis are within the box. */
function isInner(position: number, reach: number, size: number): boolean {
  return position >= reach && position < size - reach;
}
