#!/usr/bin/env bash
# A part of a file is passed off as the whole: fflate 0.8.3, and nifti-reader-js 0.8.0 through it, on a gzip file of
# several members.
#
# A gzip file may be made of several members, one behind the other, as bgzip and `cat a.gz b.gz` write it (RFC 1952,
# section 2.2). gunzipSync and decompressSync read only the first member, and cut that to the length of the last one.
# If the last member is empty, as in every file of bgzip, they return nothing at all. If it is longer than the first,
# nifti-reader-js fills up with zeros, which are voxels like any others. None of this is an error to them.
# fflate's own streaming class Gunzip, and Node's zlib, return all of it.
#
# voxstill reads gzip through the streaming class, and checks the checksum and the length of every member
# (src/volume/inflate.ts); it does not use the decompression of nifti-reader-js.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --ignore-scripts --silent --no-audit --no-fund fflate@0.8.3 nifti-reader-js@0.8.0
cat > check.mjs <<'NODE'
import { readFileSync } from 'node:fs';
import { gunzipSync as whole, gzipSync } from 'node:zlib';
import { decompressSync, Gunzip, gunzipSync } from 'fflate';
import * as nifti from 'nifti-reader-js';

for (const name of ['fflate', 'nifti-reader-js']) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')).version);
}
function streamed(bytes) {
  const pieces = [];
  const stream = new Gunzip(piece => pieces.push(Buffer.from(piece)));
  stream.push(bytes, true);
  return Buffer.concat(pieces);
}
const readers = {
  "Node's zlib": whole,
  'fflate, Gunzip': streamed,
  'fflate, gunzipSync': gunzipSync,
  'fflate, decompressSync': decompressSync,
  'nifti-reader-js, decompress': bytes => nifti.decompress(bytes.slice().buffer),
};
const expected = [
  [['abc', 'defghi'], ['abc', 'abc', 'abc\0\0\0']],
  [['abcdef', 'ghi'], ['abc', 'abc', 'abc']],
  [['abcdef', 'ghi', ''], ['', '', '']],
];
let same = true;
for (const [parts, shortened] of expected) {
  const file = new Uint8Array(Buffer.concat(parts.map(part => gzipSync(part))));
  console.log(`members ${JSON.stringify(parts)}`);
  Object.entries(readers).forEach(([name, read], index) => {
    const seen = Buffer.from(read(file)).toString();
    console.log(`  ${name}: ${JSON.stringify(seen)}`);
    same &&= seen === (index < 2 ? parts.join('') : shortened[index - 2]);
  });
}
console.log(same ? 'as stated' : 'changed: the texts are no longer those that this finding states');
process.exitCode = same ? 0 : 1;
NODE
node check.mjs
