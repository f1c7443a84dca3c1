/** Volumes for the mutations: NIfTI, NRRD, MetaImage, MGH, and DICOM plain, enhanced and compressed. */
import { gunzipSync, gzipSync } from 'fflate';
import { createNodeSources } from '../../../../src/platform/node/laboratory.ts';
import { inspectPath } from '../../../../src/study/inspect.ts';
import {
  type DicomElements,
  dicomFile,
  encodeElements,
  pictureSlice,
  pixelsOf,
  SYNTAX,
  sliceElements,
  sliceFile,
} from '../../dicom-files.ts';
import type { MemoryFiles } from '../../memory-files.ts';
import { type Example, fixture, fixturesIn, type InputKind, within } from './kind.ts';
import { mutateBytes, mutateText } from './mutate.ts';

const { images } = createNodeSources();
const read = (path: string) => (files: MemoryFiles) => inspectPath({ files, images }, path);

const inGzip = within(gunzipSync, bytes => gzipSync(bytes, { level: 1 }), mutateBytes);

/** A header in front of voxels: as text up to the voxels, or all as bytes. */
const withTextHeader = within(
  bytes => bytes,
  bytes => bytes,
  (bytes, stream) => {
    if (stream.uniform() < 0.3) return mutateBytes(bytes, stream);
    const end = headerEnd(bytes);
    const header = mutateText(bytes.subarray(0, end), stream);
    return new Uint8Array([...header, ...bytes.subarray(end)]);
  },
);

/** Where the text of an NRRD or MetaImage file ends. */
function headerEnd(bytes: Uint8Array): number {
  const text = new TextDecoder('latin1').decode(bytes);
  const end = /\n\r?\n|ElementDataFile = \S+\n/.exec(text);
  return end === null ? bytes.length : end.index + end[0].length;
}

function alone(path: string, mutate: Example['targets'][number]['mutate']): Example {
  const name = `in/${path.split('/').at(-1)}`;
  return { files: { [name]: fixture(path) }, targets: [{ path: name, mutate }], read: read(name) };
}

/** A header with its voxels in a file beside it, either of them damaged. */
function beside(header: string, voxels: string): Example {
  const [path, other] = [header, voxels].map(name => `in/${name}`) as [string, string];
  return {
    files: { [path]: fixture(`formats/${header}`), [other]: fixture(`formats/${voxels}`) },
    targets: [
      { path, mutate: mutateText },
      { path, mutate: mutateText },
      { path: other, mutate: mutateBytes },
    ],
    read: read(path),
  };
}

/** A folder of DICOM files, one of them damaged. */
function series(files: readonly Uint8Array[]): Example {
  const named = Object.fromEntries(files.map((bytes, index) => [`in/s/${index}.dcm`, bytes]));
  return { files: named, targets: Object.keys(named).map(path => ({ path, mutate: mutateBytes })), read: read('in/s') };
}

/** Enhanced CT: frames in one file, each with its place and rescale. */
function enhanced(frames: number): Uint8Array {
  const perFrame = Array.from(
    { length: frames },
    (_, k): DicomElements => ({
      '00209113 SQ': [{ '00200032 DS': `-50\\-60\\${2.5 * k}` }],
      '00289145 SQ': [{ '00281052 DS': String(-1000 - k), '00281053 DS': '1', '00281054 LO': 'HU' }],
    }),
  );
  const shared: DicomElements = {
    '00209116 SQ': [{ '00200037 DS': '1\\0\\0\\0\\1\\0' }],
    '00289110 SQ': [{ '00280030 DS': '0.8\\1.1', '00180050 DS': '2.5' }],
  };
  const pixels = new Uint8Array(Array.from({ length: frames }, (_, k) => [...pixelsOf(k)]).flat());
  return sliceFile(0, {
    pixels,
    elements: {
      '00080016 UI': '1.2.840.10008.5.1.4.1.1.2.1',
      '00280008 IS': String(frames),
      '52009229 SQ': [shared],
      '52009230 SQ': perFrame,
      '00200032 DS': '',
      '00200037 DS': '',
      '00280030 DS': '',
      '00281052 DS': '',
      '00281053 DS': '',
    },
  });
}

/** Slices whose pictures are packed by a codec. */
function packed(name: string, syntax: string): Example {
  const { elements = {}, ...options } = pictureSlice(name, { bytes: fixture(`pictures/${name}`), syntax });
  return series([0, 1].map(k => sliceFile(k, { ...options, elements })));
}

/** Deflated behind the meta header. */
function deflated(): Uint8Array {
  const content = encodeElements(sliceElements(0));
  return dicomFile(SYNTAX.deflated, gzipSync(content).slice(10, -8));
}

export const VOLUME_KINDS: readonly InputKind[] = [
  {
    name: 'NIfTI',
    examples: async () =>
      fixturesIn('nifti', /\.nii(\.gz)?$/).map(path => {
        const one = alone(path, mutateBytes);
        const packed = one.targets.map(target => ({ ...target, mutate: inGzip }));
        return path.endsWith('.gz') ? { ...one, targets: [...one.targets, ...packed, ...packed] } : one;
      }),
  },
  {
    name: 'NRRD',
    examples: async () => [
      ...fixturesIn('formats', /\.nrrd$/).map(path => alone(path, withTextHeader)),
      beside('detached.nhdr', 'detached.raw'),
      beside('detached-gzip.nhdr', 'detached-gzip.raw.gz'),
    ],
  },
  {
    name: 'MetaImage',
    examples: async () => [
      ...fixturesIn('formats', /\.mha$/).map(path => alone(path, withTextHeader)),
      beside('separate.mhd', 'separate.raw'),
      beside('separate-zlib.mhd', 'separate-zlib.zraw'),
    ],
  },
  {
    name: 'MGH',
    examples: async () => [
      ...fixturesIn('pictures', /\.mgh$/).map(path => alone(path, mutateBytes)),
      ...fixturesIn('pictures', /\.mgz$/).flatMap(path => [alone(path, mutateBytes), alone(path, inGzip)]),
    ],
  },
  {
    name: 'DICOM',
    examples: async () => [
      ...['oblique', 'coronal', 'rescaled', 'one'].map(name =>
        series(fixturesIn(`formats/dicom-${name}`, /\.dcm$/).map(fixture)),
      ),
      series([enhanced(3)]),
      series([enhanced(4)]),
      series([deflated()]),
      packed('rle-16', SYNTAX.rle),
      packed('baseline-8.jpg', SYNTAX.jpeg),
      packed('lossless-16.jpg', SYNTAX.lossless),
      packed('ls-16.jls', SYNTAX.jpegLs),
      packed('2000-16.j2k', SYNTAX.jpeg2000),
    ],
  },
];
