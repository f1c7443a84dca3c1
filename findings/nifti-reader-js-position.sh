#!/usr/bin/env bash
# nifti-reader-js 0.8.0 knows the rotation of a NIfTI-1 file and forgets it when the same image is a NIfTI-2 file.
#
# A NIfTI header has two positions of the voxels, qform (a rotation as a quaternion) and sform (a matrix). With the
# code of the sform at 0 only the qform holds. From NIfTI-1 the library makes the affine of the qform; from NIfTI-2
# with the very same fields it returns the sform that is not set, here all zeros, and says nothing.
# With both codes set it takes the qform of a NIfTI-1 file if the code of the qform is the larger one, where nibabel
# takes the sform; from NIfTI-2 it takes the sform then.
#
# voxstill takes the fields from the library and makes the affine itself (src/volume/nifti-header.ts;
# test/unit/volume/nifti.test.ts; test/unit/data/nifti-peers.test.ts compares with nibabel).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --ignore-scripts --silent --no-audit --no-fund nifti-reader-js@0.8.0
cat > check.mjs <<'NODE'
import { readFileSync } from 'node:fs';
import * as nifti from 'nifti-reader-js';

console.log('nifti-reader-js', JSON.parse(readFileSync('node_modules/nifti-reader-js/package.json', 'utf8')).version);

/**
 * A file of 1 x 1 x 1 voxel of 2 x 3 x 4 mm: the qform turns by a quarter about z and starts at 10, 20, 30; the sform,
 * if its code is set, is diagonal and starts at -1, -2, -3. Offsets are those of nifti1.h and nifti2.h.
 */
function file(version, qformCode, sformCode) {
  const two = version === 2;
  const view = new DataView(new ArrayBuffer(two ? 546 : 354));
  const real = (place, values) =>
    values.forEach((value, k) =>
      two ? view.setFloat64(place + 8 * k, value, true) : view.setFloat32(place + 4 * k, value, true),
    );
  const count = (place, values) =>
    values.forEach((value, k) =>
      two ? view.setBigInt64(place + 8 * k, BigInt(value), true) : view.setInt16(place + 2 * k, value, true),
    );
  const code = (place, value) => (two ? view.setInt32(place, value, true) : view.setInt16(place, value, true));
  const magic = two ? [0x6e, 0x2b, 0x32, 0, 13, 10, 26, 10] : [0x6e, 0x2b, 0x31, 0];
  magic.forEach((byte, k) => view.setUint8((two ? 4 : 344) + k, byte));
  view.setInt32(0, two ? 540 : 348, true);
  view.setInt16(two ? 12 : 70, 4, true); // int16
  view.setInt16(two ? 14 : 72, 16, true);
  count(two ? 16 : 40, [3, 1, 1, 1, 1, 1, 1, 1]);
  real(two ? 104 : 76, [1, 2, 3, 4, 0, 0, 0, 0]);
  if (two) view.setBigInt64(168, 544n, true);
  else view.setFloat32(108, 352, true);
  code(two ? 344 : 252, qformCode);
  code(two ? 348 : 254, sformCode);
  real(two ? 352 : 256, [0, 0, Math.SQRT1_2, 10, 20, 30]);
  if (sformCode > 0) real(two ? 400 : 280, [2, 0, 0, -1, 0, 3, 0, -2, 0, 0, 4, -3]);
  return view.buffer;
}

const QFORM = '[[0,-3,0,10],[2,0,0,20],[0,0,4,30],[0,0,0,1]]';
const SFORM = '[[2,0,0,-1],[0,3,0,-2],[0,0,4,-3],[0,0,0,1]]';
const UNSET = '[[0,0,0,0],[0,0,0,0],[0,0,0,0],[0,0,0,1]]';
const expected = [
  [1, 1, 0, QFORM],
  [2, 1, 0, UNSET],
  [1, 1, 1, SFORM],
  [2, 1, 1, SFORM],
  [1, 2, 1, QFORM],
  [2, 2, 1, SFORM],
];
let same = true;
for (const [version, qformCode, sformCode, stated] of expected) {
  const { affine } = nifti.readHeader(file(version, qformCode, sformCode));
  const seen = JSON.stringify(affine.map(row => row.map(value => Math.round(value * 1e4) / 1e4 + 0)));
  const name = { [QFORM]: 'qform', [SFORM]: 'sform', [UNSET]: 'neither' }[seen] ?? 'another';
  console.log(`NIfTI-${version}, qform code ${qformCode}, sform code ${sformCode}: ${name} ${seen}`);
  same &&= seen === stated;
}
console.log(same ? 'as stated' : 'changed: the affines are no longer those that this finding states');
process.exitCode = same ? 0 : 1;
NODE
node check.mjs
