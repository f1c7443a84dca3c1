/**
 * NRRD, MetaImage, MGH and DICOM files that are not what they say: each gives a volume or an InputError that names it.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InputError } from '../../src/core/errors.ts';
import { isDicom, parseDicom } from '../../src/data/dicom/file.ts';
import { slicesOf } from '../../src/data/dicom/slice.ts';
import { regularStack } from '../../src/data/dicom/stack.ts';
import { readVolume } from '../../src/data/volume-file.ts';
import { createNodeSources } from '../../src/platform/node/laboratory.ts';
import { parseMetaImage } from '../../src/volume/metaimage.ts';
import { parseNrrd } from '../../src/volume/nrrd.ts';
import { memoryFiles } from '../support/memory-files.ts';

const FOLDER = new URL('../fixtures/formats/', import.meta.url);
const RUNS = 10_000;
const FILE_RUNS = 3000;
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

test(`${RUNS} damaged headers are read or refused`, { timeout: 60_000 }, () => {
  const slices = [1, 2, 3, 4].map(number => fixture(`dicom-oblique/IM0${number}.dcm`));
  const texts = [
    { bytes: fixture('detached.nhdr'), parse: parseNrrd },
    { bytes: fixture('separate.mhd'), parse: parseMetaImage },
    { bytes: fixture('three-channels.nrrd'), parse: parseNrrd },
  ];
  fc.assert(
    fc.property(fc.nat(3), fc.boolean(), damage, (pick, isText, how) => {
      try {
        if (isText) {
          const { bytes, parse } = texts[pick % texts.length]!;
          const { voxels } = parse(damaged(bytes, how), 'scans/a');
          if ('file' in voxels) expect(voxels.file).not.toMatch(/^\/|\\|(^|\/)\.\.(\/|$)/);
        } else {
          const read = slices.flatMap((bytes, index) => {
            const changed = index === pick ? damaged(bytes, how) : bytes;
            return isDicom(changed) ? slicesOf(parseDicom(changed, `scans/${index}`)) : [];
          });
          regularStack(read, 'scans/');
        }
      } catch (error) {
        tolerate(error);
      }
    }),
    { numRuns: RUNS, seed: 20261124 },
  );
});

test(`${FILE_RUNS} damaged files are read or refused`, { timeout: 120_000 }, async () => {
  const formats = ['int16.nrrd', 'uint16.nrrd', 'float32.mha', 'uint8.mha', 'dicom-one/IM00.dcm'].map(
    name => `formats/${name}`,
  );
  const pictures = ['i2.mgh', 'f4.mgz'].map(name => `pictures/${name}`);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...formats, ...pictures), damage, async (name, how) => {
      const files = memoryFiles();
      const path = `scans/a.${name.split('.').at(-1)}`;
      files.contents.set(path, damaged(fixture(`../${name}`), how));
      await readVolume({ files, images }, path).then(({ volume }) => {
        const [x, y, z] = volume.sizeVoxels;
        expect(volume.data.length).toBe(x * y * z * volume.channels);
      }, tolerate);
    }),
    { numRuns: FILE_RUNS, seed: 20261124 },
  );
});
