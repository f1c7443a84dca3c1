/**
 * Writes a copy of the hippocampus data set in which one class alone is segmented, as a site has it that never looked
 * at the other: node studies/two-teachers/one-class.mjs DATASET VALUE OUT. Voxels of other classes become background.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

const [from, value, to] = process.argv.slice(2);
const kept = Number(value);
const description = JSON.parse(readFileSync(join(from, 'dataset.json'), 'utf8'));
for (const folder of ['imagesTr', 'labelsTr']) mkdirSync(join(to, folder), { recursive: true });
for (const { image, label } of description.training) {
  copyFileSync(join(from, image), join(to, image));
  const file = gunzipSync(readFileSync(join(from, label)));
  const [type, start] = [file.readInt16LE(70), file.readFloatLE(108)];
  const voxels = { 2: () => file.subarray(start), 16: () => new Float32Array(file.buffer.slice(file.byteOffset + start)) }[type]?.();
  if (voxels === undefined) throw new Error(`${label} is of NIfTI type ${type}, where uint8 or float32 is needed`);
  voxels.forEach((voxel, index) => {
    voxels[index] = voxel === kept ? 1 : 0;
  });
  file.set(new Uint8Array(voxels.buffer, voxels.byteOffset, voxels.byteLength), start);
  writeFileSync(join(to, label), gzipSync(file));
}
const labels = { 0: 'background', 1: description.labels[value] };
writeFileSync(join(to, 'dataset.json'), JSON.stringify({ ...description, labels }, undefined, 1));
