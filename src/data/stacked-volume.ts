/** The channels of one volume from several files. */
import { assertSameGrid, type PlacedGrid } from '../volume/same-grid.ts';
import { voxelCount } from '../volume/volume.ts';
import type { ReadVolume } from './read-volume.ts';
import { type ReadVolumeOptions, readVolume, type VolumeSources } from './volume-file.ts';

/** A volume with the name of its file, for messages. */
export interface NamedVolume {
  readonly path: string;
  readonly read: ReadVolume;
}

/**
 * Stacks volumes as the channels of one, in their order; each may have several.
 * @param parts at least one
 * @returns grid and header of the first
 * @throws {InputError} as assertSameGrid
 */
export function stackVolumes(parts: readonly NamedVolume[]): ReadVolume {
  const [{ path, read: first }, ...others] = parts as readonly [NamedVolume, ...NamedVolume[]];
  if (others.length === 0) return first;
  const warnings = [...first.warnings];
  const place: PlacedGrid = { ...first.volume, path };
  for (const { path: otherPath, read: other } of others) {
    warnings.push(...other.warnings, ...assertSameGrid(place, { ...other.volume, path: otherPath }));
  }
  const channels = parts.reduce((sum, { read }) => sum + read.volume.channels, 0);
  const data = new Float32Array(voxelCount(first.volume.sizeVoxels) * channels);
  let offset = 0;
  for (const { read } of parts) {
    data.set(read.volume.data, offset);
    offset += read.volume.data.length;
  }
  return { ...first, volume: { ...first.volume, data, channels }, warnings };
}

/**
 * Reads files as the channels of one volume, in their order; a file may hold several.
 * @param paths at least one
 * @returns grid and header of the first
 * @throws {InputError} as readVolume and stackVolumes
 */
export async function readStacked(
  sources: VolumeSources,
  paths: readonly string[],
  options: ReadVolumeOptions = {},
): Promise<ReadVolume> {
  const parts: NamedVolume[] = [];
  for (const path of paths) parts.push({ path, read: await readVolume(sources, path, options) });
  return stackVolumes(parts);
}
