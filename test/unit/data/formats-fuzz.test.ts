/** NRRD, MetaImage and DICOM files that are not what they say: each gives a volume or an InputError that names it. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InputError } from '../../../src/core/errors.ts';
import { isDicom, readDicomSlice, regularStack } from '../../../src/data/dicom-series.ts';
import { readTextHeader } from '../../../src/data/text-header.ts';
import { readVolume } from '../../../src/data/volume-file.ts';
import { createNodeSources } from '../../../src/platform/node/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const FOLDER = new URL('../../fixtures/formats/', import.meta.url);
const RUNS = 10_000;
/** Each of them starts ITK. */
const ITK_RUNS = 60;
const LONGEST_CALL_MS = 500;
const { images } = createNodeSources();

function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(name, FOLDER)));
}

/** Bytes replaced, then the end cut off. */
const damage = fc.record({
  changes: fc.array(fc.tuple(fc.nat(900), fc.oneof(fc.nat(255), fc.constantFrom(0, 32, 45, 48, 57, 255))), {
    maxLength: 8,
  }),
  cut: fc.oneof(
    { weight: 3, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
  ),
});

function damaged(
  bytes: Uint8Array,
  { changes, cut }: { changes: readonly (readonly [number, number])[]; cut: number },
) {
  const copy = bytes.slice(0, Math.ceil(cut * bytes.length));
  for (const [at, value] of changes) if (copy.length > 0) copy[at % copy.length] = value;
  return copy;
}

/** Anything but an InputError is a failure. */
function tolerate(error: unknown): void {
  if (!(error instanceof InputError)) throw error;
  expect(error.message).toContain('scans/');
}

test(`${RUNS} damaged headers are read or refused at once`, { timeout: 60_000 }, () => {
  const slices = [1, 2, 3, 4].map(number => fixture(`dicom-oblique/IM0${number}.dcm`));
  const texts = [
    { bytes: fixture('detached.nhdr'), format: 'nrrd' as const },
    { bytes: fixture('separate.mhd'), format: 'meta' as const },
    { bytes: fixture('three-channels.nrrd'), format: 'nrrd' as const },
  ];
  fc.assert(
    fc.property(fc.nat(3), fc.boolean(), damage, (pick, isText, how) => {
      const startMs = performance.now();
      try {
        if (isText) {
          const { bytes, format } = texts[pick % texts.length]!;
          expect(readTextHeader(damaged(bytes, how), format, 'scans/a').detachedName ?? 'x').not.toMatch(/[/\\]/);
        } else {
          const read = slices.flatMap((bytes, index) => {
            const changed = index === pick ? damaged(bytes, how) : bytes;
            return isDicom(changed) ? (readDicomSlice(changed, `scans/${index}`) ?? []) : [];
          });
          regularStack(read, 'scans/');
        }
      } catch (error) {
        tolerate(error);
      }
      expect(performance.now() - startMs).toBeLessThan(LONGEST_CALL_MS);
    }),
    { numRuns: RUNS, seed: 20261124 },
  );
});

test(`ITK reads or refuses ${ITK_RUNS} damaged files, and goes on`, { timeout: 120_000 }, async () => {
  const sources = ['int16.nrrd', 'uint16.nrrd', 'float32.mha', 'uint8.mha', 'dicom-one/IM00.dcm'];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...sources), damage, async (name, how) => {
      const files = memoryFiles();
      const path = `scans/a.${name.split('.').at(-1)}`;
      files.contents.set(path, damaged(fixture(name), how));
      await readVolume({ files, images }, path).then(({ volume }) => {
        const [x, y, z] = volume.sizeVoxels;
        expect(volume.data.length).toBe(x * y * z * volume.channels);
      }, tolerate);
    }),
    { numRuns: ITK_RUNS, seed: 20261124 },
  );
  const { volume } = await readVolume(createNodeSources(), new URL('int16.nrrd', FOLDER).pathname);
  expect(volume.sizeVoxels).toEqual([4, 3, 2]);
});
