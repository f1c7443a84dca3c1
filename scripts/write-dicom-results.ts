/**
 * `tsx scripts/write-dicom-results.ts OUT SERIES...`: writes every format of results for series of DICOM images whose
 * voxels are x + 20 y + 400 z, with labels that follow from these numbers, for scripts that judge the files with other
 * programs. Label 1 is a ball with a hole, 2 a chain of voxels that touch at corners, 4 is nowhere.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { readVolume } from '../src/data/volume-file.ts';
import { nodeFiles } from '../src/platform/node/files.ts';
import { uidsOf } from '../src/results/dicom-result.ts';
import { encodeMeasurementReport } from '../src/results/measurement-report.ts';
import { segmentFields } from '../src/results/segment-fields.ts';
import { encodeSegmentation } from '../src/results/segmentation-object.ts';
import { encodeStructureSet } from '../src/results/structure-set.ts';
import { surfaceOf } from '../src/results/surface.ts';
import { encodeObj, encodeStl } from '../src/results/surface-file.ts';
import { encodeNiftiLabels } from '../src/volume/nifti.ts';
import { encodeNrrd } from '../src/volume/nrrd.ts';

function labelOf(code: number): number {
  const [x, y, z] = [code % 20, Math.floor(code / 20) % 20, Math.floor(code / 400)];
  if (z >= 1 && z <= 5) {
    const distance = (x - 5) ** 2 + (y - 6) ** 2;
    if (distance <= 13) return distance <= 1 ? 0 : 1;
  }
  return z <= 2 && x === y - 1 && x < 3 ? 2 : 0;
}

const [out = '', ...folders] = process.argv.slice(2);
for (const folder of folders) {
  const read = await readVolume(
    { files: nodeFiles, images: { decode: () => Promise.reject(new Error('none')) } } as never,
    folder,
  );
  const { volume, header, dicom } = read;
  if (dicom === undefined) throw new Error(`${folder} holds no series`);
  const { sizeVoxels, spacingMm, affine } = volume;
  const labels = { data: Uint8Array.from(volume.data, labelOf), sizeVoxels, spacingMm, affine };
  const structures = [
    { value: 1, name: 'Liver' },
    { value: 2, name: 'Left-Hippocampus' },
    { value: 4, name: 'something unheard of' },
  ];
  const maker = {
    version: '0.1.0',
    model: 'student/model.onnx',
    modelHash: 'ab'.repeat(32),
    time: '2026-11-28T06:00:00Z',
  };
  const series = { source: dicom, labels, structures, maker };
  const uidOf = uidsOf(series, bytes => createHash('sha256').update(bytes).digest('hex'));
  const place = `${out}/${basename(folder)}`;
  mkdirSync(place, { recursive: true });
  const surfaces = structures.flatMap(structure => surfaceOf(labels, structure) ?? []);
  const files = {
    'seg.dcm': encodeSegmentation(series, { type: 'binary', uidOf }),
    'labelmap.dcm': encodeSegmentation(series, { type: 'labelmap', uidOf }),
    'rtstruct.dcm': encodeStructureSet(series, uidOf),
    'sr.dcm': encodeMeasurementReport(series, { type: 'binary', uidOf }),
    'labels.seg.nrrd': encodeNrrd(labels, segmentFields(structures, sizeVoxels)),
    'labels.nii.gz': encodeNiftiLabels(labels, header),
    'surfaces.obj': encodeObj(surfaces),
    'surface.stl': encodeStl(surfaces[0]!),
  };
  for (const [name, bytes] of Object.entries(files)) writeFileSync(`${place}/${name}`, bytes);
}
