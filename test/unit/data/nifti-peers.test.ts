/**
 * Every volume that nibabel's package brings, and pairs of files that it writes, against what nibabel reads of them.
 * Needs a Python with nibabel (VOXSTILL_PYTHON, else python3) and downloads nothing; without it the test is skipped
 * with its reason.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { InputError } from '../../../src/core/errors.ts';
import { readVolume } from '../../../src/data/volume-file.ts';
import { createNodeSources } from '../../../src/platform/node/laboratory.ts';

interface Entry {
  readonly path: string;
  /** Why nibabel cannot read it. */
  readonly error?: string;
  readonly size: readonly number[];
  readonly affine: readonly number[];
  /** File of float32 values, x fastest, channels last. */
  readonly values: string;
}

const folder = mkdtempSync(join(tmpdir(), 'voxstill-nibabel-'));
afterAll(() => rmSync(folder, { recursive: true }));

function makeReference(): readonly Entry[] | undefined {
  const script = fileURLToPath(new URL('../../support/nifti-reference.py', import.meta.url));
  const python = process.env['VOXSTILL_PYTHON'] ?? 'python3';
  const { status, stdout, stderr, error } = spawnSync(python, [script, folder], { encoding: 'utf8' });
  if (status === 0) return JSON.parse(readFileSync(join(folder, 'reference.json'), 'utf8')) as readonly Entry[];
  const reason = error?.message ?? (stdout.trim() || `${python} ended with ${status}: ${stderr}`);
  // only what is not installed is a reason to skip
  expect(status === 3 || error !== undefined, reason).toBe(true);
  process.stderr.write(`skipped: volumes of nibabel (${reason})\n`);
  return undefined;
}

/** What is refused by what it is: left and right unknown, halves of pairs, surfaces. */
const REFUSED = {
  'analyze.img': /Analyze 7\.5/,
  'spm.img': /Analyze 7\.5/,
  'analyze.hdr': /there is no .*analyze\.img/,
  'nifti1.hdr': /there is no .*nifti1\.img/,
  'nifti2.hdr': /there is no .*nifti2\.img/,
  'row_major.dconn.nii': /CIFTI/,
} as const;

test('volumes of nibabel', { timeout: 120_000 }, async context => {
  const reference = makeReference();
  if (reference === undefined) return context.skip();
  const sources = createNodeSources();
  const equal: string[] = [];
  for (const { path, error, size = [], affine, values } of reference) {
    const name = basename(path);
    const read = await readVolume(sources, path).catch((reason: unknown) => reason);
    if (read instanceof InputError) {
      expect(Object.keys(REFUSED), read.message).toContain(name);
      expect(read.message).toMatch(REFUSED[name as keyof typeof REFUSED]);
      continue;
    }
    expect(error, name).toBeUndefined();
    const { volume } = read as Awaited<ReturnType<typeof readVolume>>;
    expect(volume.sizeVoxels, name).toEqual([...size, 1, 1].slice(0, 3));
    const bytes = new Uint8Array(readFileSync(join(folder, values)));
    const wanted = new Float32Array(bytes.buffer);
    expect(volume.data.length, name).toBe(wanted.length);
    // nibabel scales in double precision
    const isOff = (value: number, index: number): boolean =>
      !Object.is(value, wanted[index]) && !(Math.abs(value - wanted[index]!) <= 1e-6 * Math.max(1, Math.abs(value)));
    expect(volume.data.findIndex(isOff), name).toBe(-1);
    affine.forEach((entry, index) => {
      expect(volume.affine[index], name).toBeCloseTo(entry, 4);
    });
    equal.push(name);
  }
  expect(equal).toEqual(expect.arrayContaining(['one.img', 'two.hdr', 'packed.img.gz']));
  expect(equal.length).toBeGreaterThanOrEqual(10);
});
