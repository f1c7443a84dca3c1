/** A session of the view of images as one file: what was saved is read again, and nothing else is. */
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { readSession } from '../../../web/distil/session-archive.ts';
import type { DroppedFile } from '../../../web/protocol.ts';
import { areAllSame, areAllThere, findFiles, foundText, wantedOf } from '../../../web/session/image-files.ts';
import {
  decodeSession,
  encodeSession,
  type ImageSession,
  SESSION_FORM,
  type SessionRecord,
} from '../../../web/session/session-file.ts';

const SUM = 'ab'.repeat(32);
const RECORD: SessionRecord = {
  ...SESSION_FORM,
  voxstill: '0.1.0',
  savedAt: '2026-11-28T16:00:00.000Z',
  image: {
    name: 'hip.nii.gz',
    channels: [{ title: 'hip.nii.gz', files: [{ name: 'hip.nii.gz', bytes: 5, sha256: SUM }] }],
    sizeVoxels: [2, 2, 1],
    spacingMm: [1, 1, 1],
    affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
  },
  model: { name: 'student', sha256: SUM },
  segmentations: [
    {
      name: 'student, corrected',
      classes: [
        { value: 0, name: 'background' },
        { value: 2, name: 'hip', region: [2, 3], code: { value: '1', scheme: 'SCT', meaning: 'hip' } },
      ],
      model: { name: 'student/model.onnx', sha256: SUM },
      madeAt: '2026-11-28T15:00:00.000Z',
      correctedAt: '2026-11-28T15:30:00.000Z',
      cost: '2.0 s',
      warnings: [{ code: 'W_IMAGE_EXTENT', message: 'small' }],
      hasEntropy: true,
    },
    { name: 'reference', classes: [], madeAt: '2026-11-28T15:00:00.000Z', cost: '', warnings: [], hasEntropy: false },
  ],
  shown: 0,
  comparedWith: 1,
  measurements: [
    {
      kind: 'length',
      plane: 'axial',
      points: [
        [0, 0.25, 0],
        [1, 1, 0],
      ],
    },
  ],
  view: {
    layout: 'axial',
    side: 'right',
    opacity: 0.35,
    labelsOnly: false,
    surfaces: true,
    uncertainty: false,
    cut: 'left',
    cutShare: 0.25,
    window: { low: -20.5, high: 100 },
    place: { crossHair: [1, 0, 0], plane: 'axial', panMm: [0, 0, 0], zoom: 1, azimuth: 110, elevation: 10 },
  },
};
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const SESSION: ImageSession = {
  record: RECORD,
  files: [{ labels: bytes('labels 1'), entropy: bytes('entropy 1') }, { labels: bytes('labels 2') }],
};
const FILES = {
  'labels/1.nii.gz': 'one',
  'entropy/1.nii.gz': 'map',
  'labels/2.nii.gz': 'two',
  'session.json': JSON.stringify(RECORD),
};

function zip(files: Readonly<Record<string, string>>, level: 0 | 9 = 0): Blob {
  const contents = Object.fromEntries(Object.entries(files).map(([path, text]) => [path, bytes(text)]));
  return new Blob([zipSync(contents, { level }) as Uint8Array<ArrayBuffer>]);
}

function changed(change: object): Blob {
  return zip({ ...FILES, 'session.json': JSON.stringify({ ...RECORD, ...change }) });
}

describe('a session of the view of images', () => {
  it('comes back as it was saved', async () => {
    expect(await decodeSession(await encodeSession(SESSION))).toEqual(SESSION);
  });

  it.each([
    ['another file', new Blob(['no archive']), 'no whole zip archive'],
    ['one that was cut off', zip(FILES).slice(0, 300), 'no whole zip archive'],
    ['a path that leads out', zip({ ...FILES, 'labels/../../x': '' }), 'it has a file "labels/../../x"'],
    ['files of something else', zip({ ...FILES, 'notes.txt': '' }), 'it has a file "notes.txt"'],
    ['files that grow', zip({ ...FILES, 'labels/3.nii.gz': '0'.repeat(1e5) }, 9), 'its files are compressed'],
    ['one without labels', zip({ 'session.json': FILES['session.json'] }), 'it has no labels/1.nii.gz'],
    ['one without session.json', zip({ 'labels/1.nii.gz': '' }), 'it has no session.json'],
    ['one of a later version', changed({ form: 2 }), 'session.json form: must be 1; a later version'],
    [
      'an angle of two points',
      changed({ measurements: [{ ...RECORD.measurements[0], kind: 'angle' }] }),
      'number of points',
    ],
    [
      'one of a session of Distil',
      zip({ 'recipe.yaml': '', 'session.json': '{}' }),
      'Open that view, and press "Import a session"',
    ],
  ])('is refused where it is %s', async (_, archive, message) => {
    await expect(decodeSession(archive)).rejects.toMatchObject({
      code: 'E_SESSION_FILE',
      message: expect.stringContaining(message),
    });
  });

  it('is not taken by the view Distil, which says where it belongs', async () => {
    await expect(readSession(await encodeSession(SESSION))).rejects.toMatchObject({
      code: 'E_SESSION_FILE',
      message: expect.stringContaining('Open that view, and press "Open session"'),
    });
  });
});

describe('the images of a session', () => {
  const file = (path: string, content: string): DroppedFile => ({ path, file: new File([content], path) });
  const hashed: string[] = [];
  // a sum that says the content
  const hash = async (files: readonly DroppedFile[]): Promise<readonly string[]> => {
    hashed.push(...files.map(({ path }) => path));
    return Promise.all(files.map(async one => one.file.text()));
  };
  const saved = (name: string, content: string) => ({ name, bytes: content.length, sha256: content });
  const channels = [
    { title: 't1', files: [saved('a/t1.hdr', 'head'), saved('a/t1.img', 'voxels')] },
    { title: 'series', series: '1.2', files: [saved('s/IM1', 'first'), saved('s/IM2', 'second')] },
  ];

  it('are found by their content whatever they are called, and those of other names and sizes are not read', async () => {
    hashed.length = 0;
    const given = [file('b/t1.img', 'voxels'), file('x', 'first'), file('IM2', 'second'), file('t1.hdr', 'head')];
    const found = await findFiles(channels, [...given, file('notes.txt', 'something else')], hash);
    expect(hashed).toEqual(['b/t1.img', 'x', 'IM2', 't1.hdr']);
    expect([areAllSame(found), areAllThere(found)]).toEqual([true, true]);
    expect(foundText(found[1]!)).toBe('series (2 files): the same as when the session was saved');
    const { files, wanted } = wantedOf(found);
    expect(files.map(({ path }) => path)).toEqual(['1/t1.hdr', '1/b/t1.img', '2/x', '2/IM2']);
    expect(wanted.channels).toEqual([
      { path: '1/t1.hdr', title: 't1', facts: '' },
      { path: '.', title: 'series', series: '1.2', facts: '' },
    ]);
  });

  it('are told apart where they have other content, or are not there', async () => {
    const found = await findFiles(channels, [file('t1.hdr', 'HEAD'), file('t1.img', 'voxels'), file('IM2', '2')], hash);
    expect([areAllSame(found), areAllThere(found)]).toEqual([false, false]);
    expect(found.map(foundText)).toEqual([
      't1 (2 files): other content (SHA-256) than when the session was saved: t1.hdr',
      'series (2 files): not among the files: IM1; other content (SHA-256) than when the session was saved: IM2',
    ]);
    expect(areAllThere(found.slice(0, 1))).toBe(true);
  });
});
