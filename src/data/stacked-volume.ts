/** The channels of one volume from several files. */
import { assertSameGrid, type PlacedGrid } from '../volume/same-grid.ts';
import { voxelCount } from '../volume/volume.ts';
import type { ReadVolume } from './read-volume.ts';
import { type ReadVolumeOptions, readVolume, type VolumeSources } from './volume-file.ts';

/**
 * Reads files as the channels of one volume, in their order; a file may hold several.
 * @param paths at least one
 * @returns grid and header of the first
 * @throws {InputError} as readVolume and assertSameGrid
 */
export async function readStacked(
  sources: VolumeSources,
  paths: readonly string[],
  options: ReadVolumeOptions = {},
): Promise<ReadVolume> {
  const [path, ...otherPaths] = paths as readonly [string, ...string[]];
  const first = await readVolume(sources, path, options);
  if (otherPaths.length === 0) return first;
  const read = [first];
  const warnings = [...first.warnings];
  const place: PlacedGrid = { ...first.volume, path };
  for (const otherPath of otherPaths) {
    const other = await readVolume(sources, otherPath, options);
    warnings.push(...other.warnings, ...assertSameGrid(place, { ...other.volume, path: otherPath }));
    read.push(other);
  }
  const channels = read.reduce((sum, { volume }) => sum + volume.channels, 0);
  const data = new Float32Array(voxelCount(first.volume.sizeVoxels) * channels);
  let offset = 0;
  for (const { volume } of read) {
    data.set(volume.data, offset);
    offset += volume.data.length;
  }
  return { ...first, volume: { ...first.volume, data, channels }, warnings };
}
