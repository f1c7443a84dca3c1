#!/usr/bin/env bash
# dcmjs 0.52.2 turns small numbers into large ones when it writes DICOM: 3.3e-11 becomes 3.3.
#
# A number in a DICOM file is text of at most 16 characters (VR DS). dcmjs cuts a longer text at its end, and the end
# of a number in exponent notation is its exponent: 3.3333333333333335e-11 is written as 3.33333333333333, and
# 1.23456789012e-10 as 1.23456789012e-1. A warning is logged that a value is truncated, not that it is another number.
# Very small numbers are usual as direction cosines that ought to be 0, and there they become directions.
#
# voxstill writes the nearest number that has 16 characters (src/results/dicom-elements.ts, decimalString;
# test/unit/results/dicom-elements.test.ts, "is the nearest number that 16 characters can be").
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --ignore-scripts --silent --no-audit --no-fund dcmjs@0.52.2
cat > check.mjs <<'NODE'
import { readFileSync } from 'node:fs';
import dcmjs from 'dcmjs';

console.log('dcmjs', JSON.parse(readFileSync('node_modules/dcmjs/package.json', 'utf8')).version);
dcmjs.log.setLevel?.('silent');
const { DicomDict, DicomMessage, DicomMetaDictionary } = dcmjs.data;

/** The value of RescaleSlope after it was written and read back. */
function writtenAndRead(RescaleSlope) {
  const file = new DicomDict({ '00020010': { vr: 'UI', Value: ['1.2.840.10008.1.2.1'] } });
  file.dict = DicomMetaDictionary.denaturalizeDataset({ RescaleSlope, _vrMap: {} });
  return DicomMessage.readFile(file.write()).dict['00281053'].Value[0];
}
const expected = [
  [0.5, 0.5],
  [0.1 + 0.2, 0.3],
  [3.3333333333333335e-11, 3.33333333333333],
  [-1.23456789012345e-7, -1.2345678901234],
  [1.23456789012e-10, 0.123456789012],
];
let same = true;
for (const [value, stated] of expected) {
  const seen = writtenAndRead(value);
  console.log(`${value} is read back as ${seen}`);
  same &&= seen === stated;
}
console.log(same ? 'as stated' : 'changed: the numbers are no longer those that this finding states');
process.exitCode = same ? 0 : 1;
NODE
node check.mjs
