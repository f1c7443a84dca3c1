/**
 * Every DICOM file that pydicom's and nibabel's packages bring, against what pydicom and SimpleITK read of it. Needs a
 * Python with the three packages (VOXSTILL_PYTHON, else python3) and downloads nothing; without them the test is
 * skipped with its reason.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { InputError } from '../../../src/core/errors.ts';
import { parseDicom } from '../../../src/data/dicom/file.ts';
import { openFrames } from '../../../src/data/dicom/pixels.ts';
import { slicesOf } from '../../../src/data/dicom/slice.ts';
import { readVolume } from '../../../src/data/volume-file.ts';
import { createNodeSources } from '../../../src/platform/node/laboratory.ts';
import { affineOfLps } from '../../../src/volume/lps.ts';

interface Geometry {
  readonly size: readonly [number, number, number];
  readonly spacing: readonly [number, number, number];
  readonly origin: readonly [number, number, number];
  readonly direction: readonly number[];
}

interface Reference {
  readonly files: readonly {
    readonly path: string;
    /** File of float32 values; null where pydicom itself cannot read the pixels. */
    readonly values: string | null;
    /** Null where SimpleITK cannot read the file. */
    readonly geometry: Geometry | null;
  }[];
  readonly series: readonly { readonly folder: string; readonly uid: string; readonly geometry: Geometry }[];
}

const folder = mkdtempSync(join(tmpdir(), 'voxstill-peers-'));
afterAll(() => rmSync(folder, { recursive: true }));
const sources = createNodeSources();

function makeReference(): Reference | undefined {
  const script = fileURLToPath(new URL('../../support/dicom-reference.py', import.meta.url));
  const python = process.env['VOXSTILL_PYTHON'] ?? 'python3';
  const { status, stdout, error } = spawnSync(python, [script, folder], { encoding: 'utf8' });
  if (status === 0) return JSON.parse(readFileSync(join(folder, 'reference.json'), 'utf8')) as Reference;
  const reason = error?.message ?? (stdout.trim() || `${python} ended with ${status}`);
  // only what is not installed is a reason to skip
  expect(status === 3 || error !== undefined, reason).toBe(true);
  process.stderr.write(`skipped: DICOM files of pydicom and nibabel (${reason})\n`);
  return undefined;
}

/** Pictures that are no grey volume, and compressed ones that no codec here decodes. */
const REFUSED = {
  colour: /has colour/,
  bits: /has 1 bit per pixel/,
  segmentation: /is a DICOM segmentation/,
  // many slices side by side: nibabel takes them apart, pydicom gives the picture
  mosaic: /is a mosaic/,
  'JPEG-lossy.dcm': /transfer syntax JPEG Extended of 12 bits/,
  'JPGExtended.dcm': /transfer syntax JPEG Extended of 12 bits/,
  // its picture begins with another size than its tags have
  'JPEG2000-embedded-sequence-delimiter.dcm': /compressed picture has/,
  'MR_truncated.dcm': /voxels end after/,
} as const;

test('files of pydicom and nibabel', { timeout: 300_000 }, async context => {
  const reference = makeReference();
  if (reference === undefined) return context.skip();
  let equal = 0;
  for (const { path, values } of reference.files) {
    const name = basename(path);
    try {
      const file = parseDicom(await sources.files.read(path), path);
      const slices = slicesOf(file);
      const [first] = slices;
      if (first === undefined) continue;
      const frames = openFrames(file, first, sources.images);
      const plane = first.pixel.rows * first.pixel.columns;
      const read = new Float32Array(plane * slices.length);
      for (const slice of slices)
        await frames.read(slice, read.subarray(slice.frame * plane, (slice.frame + 1) * plane));
      if (values === null) continue;
      const bytes = new Uint8Array(readFileSync(join(folder, values)));
      const wanted = new Float32Array(bytes.buffer);
      expect(read.length, name).toBe(wanted.length);
      expect(
        read.findIndex((value, index) => value !== wanted[index]),
        name,
      ).toBe(-1);
      equal++;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      const allowed =
        name in REFUSED
          ? [REFUSED[name as keyof typeof REFUSED]]
          : [REFUSED.colour, REFUSED.bits, REFUSED.segmentation, REFUSED.mosaic];
      expect(
        allowed.some(pattern => pattern.test(error.message)),
        error.message,
      ).toBe(true);
    }
  }
  // of 61 that were read as single pictures, four are mosaics
  expect(equal).toBeGreaterThanOrEqual(57);
  for (const { folder: place, uid, geometry } of reference.series) {
    const { size, spacing, origin, direction } = geometry;
    const read = await readVolume(sources, place, { series: uid }).catch((error: unknown) => error);
    // what SimpleITK evens out, or takes for one picture, is refused here
    if (read instanceof InputError) {
      expect(read.code === 'E_DICOM_GEOMETRY' || REFUSED.mosaic.test(read.message), read.message).toBe(true);
      continue;
    }
    const { volume } = read as Awaited<ReturnType<typeof readVolume>>;
    expect(volume.sizeVoxels, place).toEqual(size);
    affineOfLps({ spacing, origin, direction }).forEach((value, index) => {
      expect(volume.affine[index], place).toBeCloseTo(value, 4);
    });
  }
});
