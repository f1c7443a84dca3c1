/** A data set twice: bodies without surroundings, and the same ones in frames of zeros. */
import { writePhantomDataset } from '../../src/data/phantom.ts';
import { createNiftiHeader, decodeNifti, encodeNiftiImage } from '../../src/volume/nifti.ts';
import { type Frame, framedVolume } from './framed.ts';
import type { MemoryFiles } from './memory-files.ts';

/** Writes phantoms into the folder `tight`, and with a frame of zeros around each of them into `framed`. */
export async function writeFramedDataset(files: MemoryFiles, frame: Frame, cases: number): Promise<void> {
  await writePhantomDataset(files, 'tight', { seed: 5, cases });
  for (const path of [...files.contents.keys()].filter(name => name.startsWith('tight/'))) {
    const bytes = await files.read(path);
    const to = path.replace('tight/', 'framed/');
    if (path.endsWith('.json')) {
      files.contents.set(to, bytes);
      continue;
    }
    const { volume } = decodeNifti(bytes, { path });
    // no voxel of the body is 0
    const isImage = path.includes('imagesTr');
    const whole = isImage ? { ...volume, data: volume.data.map(value => 1 + Math.abs(value)) } : volume;
    for (const [name, one] of [
      [path, whole],
      [to, framedVolume(whole, frame)],
    ] as const) {
      files.contents.set(name, encodeNiftiImage(one, createNiftiHeader(one)));
    }
  }
}
