/** The writer of DICOM files against an independent parser, and its texts of numbers. */
import dicomParser from 'dicom-parser';
import { describe, expect, it } from 'vitest';
import {
  type DicomDataSet,
  decimalString,
  encodeDicomFile,
  shortened,
  uidOfHash,
} from '../../../src/results/dicom-elements.ts';

const DATA_SET: DicomDataSet = {
  SOPClassUID: '1.2.840.10008.5.1.4.1.1.66.4',
  SOPInstanceUID: '1.2.3',
  PatientName: 'Müller^Jürg',
  Rows: 3,
  ImagePositionPatient: [-31.5, 6.123233995736766e-17, 1 / 3],
  DimensionIndexValues: [1, 70_000],
  DimensionIndexPointer: '00200032',
  ReferencedSeriesSequence: [
    { SeriesInstanceUID: '1.2' },
    { SeriesInstanceUID: '1.2.4', ReferencedInstanceSequence: [] },
  ],
  BitsAllocated: 8,
  PixelData: Uint8Array.of(1, 2, 3),
};

describe('encodeDicomFile', () => {
  it.each(['explicit', 'implicit'] as const)('writes what a parser reads (%s)', syntax => {
    const bytes = encodeDicomFile(DATA_SET, { syntax });
    const set = dicomParser.parseDicom(bytes);
    expect(set.string('x00020010')).toBe({ explicit: '1.2.840.10008.1.2.1', implicit: '1.2.840.10008.1.2' }[syntax]);
    expect(set.string('x00020003')).toBe('1.2.3');
    expect(set.string('x00080005')).toBe('ISO_IR 192');
    const name = set.elements['x00100010']!;
    const text = new TextDecoder().decode(bytes.subarray(name.dataOffset, name.dataOffset + name.length));
    expect(text.trim()).toBe('Müller^Jürg');
    expect(set.uint16('x00280010')).toBe(3);
    expect(set.uint32('x00209157', 1)).toBe(70_000);
    expect(set.attributeTag('x00209165')).toBe('x00200032');
    expect(set.string('x00200032')).toBe('-31.5\\6.1232339957e-17\\0.33333333333333');
    const items = set.elements['x00081115']!.items ?? [];
    expect(items.map(({ dataSet }) => dataSet?.string('x0020000e'))).toEqual(['1.2', '1.2.4']);
    const pixels = set.elements['x7fe00010']!;
    expect([...bytes.subarray(pixels.dataOffset)]).toEqual([1, 2, 3, 0]);
    const tags = Object.keys(set.elements).filter(tag => !tag.startsWith('x0002'));
    expect(tags).toEqual(tags.toSorted());
  });

  it('refuses values that their representation does not hold', () => {
    const long = { ...DATA_SET, ContentLabel: 'longer than sixteen' };
    expect(() => encodeDicomFile(long, { syntax: 'explicit' })).toThrow(/ContentLabel/);
    const wide = { ...DATA_SET, ContourData: Array.from({ length: 20_000 }, (_, index) => index) };
    expect(() => encodeDicomFile(wide, { syntax: 'explicit' })).toThrow(/30060050 takes \d+ bytes/);
    expect(dicomParser.parseDicom(encodeDicomFile(wide, { syntax: 'implicit' })).string('x30060050')).toMatch(
      /\\19999$/,
    );
  });
});

describe('decimalString', () => {
  it('is the nearest number that 16 characters can be', () => {
    const values = [0.1 + 0.2, -6.123233995736766e-17, 1e21 / 3, -1.7976931348623157e308, 12.5, -0.1234567890123456];
    for (const value of values) {
      const text = decimalString(value);
      expect(text.length).toBeLessThanOrEqual(16);
      expect(Math.abs(Number(text) - value)).toBeLessThanOrEqual(Math.abs(value) * 1e-8);
    }
    expect(decimalString(0.7)).toBe('0.7');
    expect(() => decimalString(Number.NaN)).toThrow(/NaN/);
  });
});

describe('shortened', () => {
  it('cuts by characters, and takes out what would be a second value or a second line', () => {
    expect(shortened('a\\b\nc', 'LO')).toBe('a b c');
    expect([...shortened('é'.repeat(80), 'LO')].length).toBe(64);
  });
});

describe('uidOfHash', () => {
  it('is a UUID as DICOM writes one', () => {
    const uid = uidOfHash('f'.repeat(64));
    expect(uid).toMatch(/^2\.25\.[1-9]\d{0,38}$/);
    const hex = BigInt(uid.slice(5)).toString(16);
    expect(hex).toMatch(/^[0-9a-f]{12}8[0-9a-f]{3}[89ab][0-9a-f]{15}$/);
  });
});
