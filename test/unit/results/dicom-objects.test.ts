/**
 * DICOM results of a series, read back with an independent parser: voxels, places, references and volumes. Other
 * programs judge the same files in scripts/judge-dicom-results.py.
 */
import dicomParser, { type DataSet } from 'dicom-parser';
import { describe, expect, it } from 'vitest';
import { readVolume } from '../../../src/data/volume-file.ts';
import { createNodeSources } from '../../../src/platform/node/laboratory.ts';
import { type SegmentedSeries, uidsOf } from '../../../src/results/dicom-result.ts';
import { encodeMeasurementReport } from '../../../src/results/measurement-report.ts';
import { encodeSegmentation, type SegmentationType } from '../../../src/results/segmentation-object.ts';
import { encodeStructureSet } from '../../../src/results/structure-set.ts';
import { COLUMNS, type DicomElements, ROWS, sliceFile } from '../../support/dicom-files.ts';
import { createLaboratory, functionEngine, thresholdModel } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const DEPTH = 5;
const PLANE = ROWS * COLUMNS;
const { machine } = createLaboratory(functionEngine(thresholdModel), memoryFiles());

/** A series whose files lie against the order of their slices. */
async function readSeries(elements: DicomElements = {}) {
  const files = memoryFiles();
  for (let k = 0; k < DEPTH; k++) files.contents.set(`in/${9 - k}.dcm`, sliceFile(k, { elements }));
  return readVolume({ files, images: createNodeSources().images }, 'in');
}

async function segmented(data: ArrayLike<number>, elements: DicomElements = {}): Promise<SegmentedSeries> {
  const { volume, dicom } = await readSeries(elements);
  const { sizeVoxels, spacingMm, affine } = volume;
  const wide = Math.max(...Array.from(data)) > 255;
  return {
    source: dicom!,
    labels: { data: wide ? Uint16Array.from(data) : Uint8Array.from(data), sizeVoxels, spacingMm, affine },
    structures: [
      { value: 2, name: 'kidney_left' },
      { value: 1, name: 'Liver' },
      { value: 3, name: 'of no name', code: { value: '1', scheme: '99TEST', meaning: 'test' } },
      { value: 300, name: 'large' },
    ],
    maker: { version: '1.2.3', model: 'm.onnx', modelHash: 'a'.repeat(64), time: '2026-02-03T04:05:06.000Z' },
  };
}

const uids = (series: SegmentedSeries) => uidsOf(series, bytes => machine.sha256(bytes));
const items = (set: DataSet | undefined, tag: string): DataSet[] =>
  (set?.elements[tag]?.items ?? []).map(({ dataSet }) => dataSet!);

/** Labels 1 and 2 in some slices, in a pattern that no turn or mirror gives back. */
const LABELS = Array.from({ length: DEPTH * PLANE }, (_, i) => {
  const [z, pixel] = [Math.floor(i / PLANE), i % PLANE];
  if (z >= 1 && z <= 3 && pixel < 2 * z) return 2;
  return z === 3 && pixel === PLANE - 1 ? 1 : 0;
});

/** The labels of a Segmentation by the instances that its frames refer to. */
function labelsByInstance(bytes: Uint8Array, type: SegmentationType, values: readonly number[]) {
  const set = dicomParser.parseDicom(bytes);
  const pixels = bytes.subarray(set.elements['x7fe00010']!.dataOffset);
  const found = new Map<string, number[]>();
  const wide = set.uint16('x00280100') === 16;
  items(set, 'x52009230').forEach((frame, index) => {
    const [source] = items(items(frame, 'x00089124')[0], 'x00082112');
    const uid = source!.string('x00081155')!;
    const labels = found.get(uid) ?? new Array<number>(PLANE).fill(0);
    const segment = items(frame, 'x0062000a')[0]?.uint16('x0062000b');
    for (let pixel = 0; pixel < PLANE; pixel++) {
      const at = index * PLANE + pixel;
      if (type === 'labelmap') labels[pixel] = wide ? pixels[2 * at]! + 256 * pixels[2 * at + 1]! : pixels[at]!;
      else if ((pixels[at >> 3]! >> (at & 7)) & 1) labels[pixel] = values[segment! - 1]!;
    }
    found.set(uid, labels);
  });
  return found;
}

describe('encodeSegmentation', () => {
  it.each(['binary', 'labelmap'] as const)('%s: has the labels on the images that they were made on', async type => {
    const series = await segmented(LABELS);
    const bytes = encodeSegmentation(series, { type, uidOf: uids(series) });
    const found = labelsByInstance(bytes, type, [2, 1]);
    for (let z = 0; z < DEPTH; z++) {
      const expected = LABELS.slice(z * PLANE, (z + 1) * PLANE);
      const labels = found.get(`1.2.3.1.${z + 1}`);
      if (type === 'binary' && z % 4 === 0) expect(labels).toBeUndefined();
      else expect(labels, `slice ${z}`).toEqual(expected);
    }
  });

  it('names the segments that were found, with codes, and where each frame lies', async () => {
    const series = await segmented(LABELS);
    const set = dicomParser.parseDicom(encodeSegmentation(series, { type: 'binary', uidOf: uids(series) }));
    const segments = items(set, 'x00620002');
    expect(segments.map(segment => segment.string('x00620005'))).toEqual(['kidney_left', 'Liver']);
    const [kind] = items(segments[0], 'x0062000f');
    expect(kind!.string('x00080100')).toBe('64033007');
    expect(items(kind, 'x00620011')[0]!.string('x00080100')).toBe('7771000');
    const frames = items(set, 'x52009230').map(frame => [
      items(frame, 'x0062000a')[0]!.uint16('x0062000b'),
      items(frame, 'x00209113')[0]!.string('x00200032'),
      items(frame, 'x00209111')[0]!.uint32('x00209157', 1),
    ]);
    expect(frames).toEqual([
      [1, '-50\\-60\\2.5', 2],
      [1, '-50\\-60\\5', 3],
      [1, '-50\\-60\\7.5', 4],
      [2, '-50\\-60\\7.5', 4],
    ]);
    expect(set.string('x00200052')).toMatch(/^2\.25\./);
    expect(
      items(set, 'x52009229')
        .flatMap(shared => items(shared, 'x00289110'))[0]!
        .string('x00280030'),
    ).toBe('0.8\\1.1');
  });

  it('writes empty frames where nothing was found, and two bytes for labels above 255', async () => {
    const none = await segmented(new Uint8Array(DEPTH * PLANE));
    const empty = labelsByInstance(encodeSegmentation(none, { type: 'binary', uidOf: uids(none) }), 'binary', []);
    expect([...empty.values()]).toEqual(Array.from({ length: DEPTH }, () => new Array<number>(PLANE).fill(0)));
    const large = await segmented(LABELS.map(value => (value === 1 ? 300 : value)));
    const bytes = encodeSegmentation(large, { type: 'labelmap', uidOf: uids(large) });
    expect(labelsByInstance(bytes, 'labelmap', []).get('1.2.3.1.4')!.at(-1)).toBe(300);
  });

  it('has the same identifiers for the same result, and others for another', async () => {
    const series = await segmented(LABELS);
    const uidOf = uids(series);
    expect(uids(await segmented(LABELS))('segmentation')).toBe(uidOf('segmentation'));
    expect(uids(await segmented(LABELS.with(0, 1)))('segmentation')).not.toBe(uidOf('segmentation'));
    expect(uidOf('report')).not.toBe(uidOf('segmentation'));
  });

  it('takes patient and study over, with the characters of their character set', async () => {
    const latin = Uint8Array.of(0x4d, 0xfc, 0x6c, 0x6c, 0x65, 0x72);
    const japanese = new TextEncoder().encode('Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B');
    const names: readonly (readonly [string, Uint8Array, string])[] = [
      ['ISO_IR 100', latin, 'Müller'],
      ['', latin, 'Müller'],
      ['\\ISO 2022 IR 87', japanese, 'Yamada^Tarou=山田^太郎'],
      ['ISO_IR 144', Uint8Array.of(0xbb, 0xee), 'Лю'],
      ['\\ISO 2022 IR 149', Uint8Array.of(0x1b, 0x24, 0x29, 0x43, 0xb1, 0xe8), '김'],
      ['ISO_IR 192', new TextEncoder().encode('Łucja'), 'Łucja'],
    ];
    for (const [set, name, expected] of names) {
      const series = await segmented(LABELS, { '00080005 CS': set, '00100010 PN': name, '00080201 SH': '+0530' });
      expect(series.source.attributes.PatientName).toBe(expected);
      const bytes = encodeSegmentation(series, { type: 'binary', uidOf: uids(series) });
      const parsed = dicomParser.parseDicom(bytes);
      const { dataOffset, length } = parsed.elements['x00100010']!;
      expect(new TextDecoder().decode(bytes.subarray(dataOffset, dataOffset + length)).trim()).toBe(expected);
      // the time of the result in the time zone of the series
      expect([parsed.string('x00080023'), parsed.string('x00080033')]).toEqual(['20260203', '093506']);
    }
  });
});

describe('encodeStructureSet', () => {
  it('has the outlines in the planes of the images, on the edges of voxels', async () => {
    const series = await segmented(LABELS);
    const set = dicomParser.parseDicom(encodeStructureSet(series, uids(series)));
    expect(items(set, 'x30060020').map(roi => roi.string('x30060026'))).toEqual(['kidney_left', 'Liver']);
    const contours = items(set, 'x30060039').map(roi => items(roi, 'x30060040'));
    expect(contours.map(({ length }) => length)).toEqual([3, 1]);
    const [liver] = contours[1]!;
    expect(items(liver, 'x30060016')[0]!.string('x00081155')).toBe('1.2.3.1.4');
    // the last pixel: columns 1.1 mm apart, rows 0.8 mm
    const [x, y] = [-50 + 1.1 * (COLUMNS - 1), -60 + 0.8 * (ROWS - 1)];
    const corners = [
      [x - 0.55, y - 0.4],
      [x + 0.55, y - 0.4],
      [x + 0.55, y + 0.4],
      [x - 0.55, y + 0.4],
    ];
    const numbers = liver!.string('x30060050')!.split('\\').map(Number);
    expect(numbers).toEqual(corners.flatMap(corner => [...corner.map(mm => Number(mm.toFixed(4))), 7.5]));
  });
});

describe('encodeMeasurementReport', () => {
  it('has the volumes, and refers to the segments and the series', async () => {
    const series = await segmented(LABELS);
    const uidOf = uids(series);
    const set = dicomParser.parseDicom(encodeMeasurementReport(series, { type: 'binary', uidOf }));
    const [measurements] = items(set, 'x0040a730').filter(
      item => items(item, 'x0040a043')[0]!.string('x00080100') === '126010',
    );
    const groups = items(measurements, 'x0040a730').map(group => {
      const parts = items(group, 'x0040a730');
      const of = (code: string) => parts.find(part => items(part, 'x0040a043')[0]!.string('x00080100') === code);
      const segment = items(of('121191'), 'x00081199')[0]!;
      return [
        of('112039')!.string('x0040a160'),
        segment.string('x00081155') === uidOf('segmentation') && segment.uint16('x0062000b'),
        Number(items(of('118565006'), 'x0040a300')[0]!.string('x0040a30a')),
      ];
    });
    const voxel = 0.8 * 1.1 * 2.5;
    expect(groups).toEqual([
      ['kidney_left', 1, expect.closeTo(12 * voxel, 6)],
      ['Liver', 2, expect.closeTo(voxel, 6)],
    ]);
    const evidence = items(items(set, 'x0040a375')[0], 'x00081115');
    expect(evidence.map(one => items(one, 'x00081199').length)).toEqual([DEPTH, 1]);
  });
});
