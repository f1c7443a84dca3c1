/** What a model keeps of its training cases. */
import { describe, expect, it } from 'vitest';
import { imageHash } from '../../../src/data/image-hash.ts';
import { type CaseFacts, summarizeTraining } from '../../../src/data/training-facts.ts';
import { trainingFactsSchema } from '../../../src/experiment/training-facts-schema.ts';
import { sha256 } from '../../support/laboratory.ts';

const channel = { minimum: 0, maximum: 200, low: 10, high: 110, isConstant: false, isLabelMap: false };
const first: CaseFacts = {
  grid: { sizeVoxels: [10, 20, 30], spacingMm: [1, 1, 2] },
  channels: [channel],
  volumesMl: { head: 2, tail: 0 },
  placesMm: { head: [1, 2, 3] },
};
const second: CaseFacts = {
  grid: { sizeVoxels: [20, 20, 30], spacingMm: [0.5, 1, 4] },
  channels: [{ ...channel, minimum: -50, low: -40, high: 160 }],
  volumesMl: { head: 4, tail: 0 },
  placesMm: { head: [-1, 2, 5] },
};

describe('summarizeTraining', () => {
  it('gives the spread over the cases of grids, intensities and volumes', () => {
    const facts = summarizeTraining([first, second]);
    expect(facts).toEqual({
      cases: 2,
      sizeVoxels: [
        { min: 10, median: 15, max: 20 },
        { min: 20, median: 20, max: 20 },
        { min: 30, median: 30, max: 30 },
      ],
      extentMm: [
        { min: 10, median: 10, max: 10 },
        { min: 20, median: 20, max: 20 },
        { min: 60, median: 90, max: 120 },
      ],
      imageMl: { min: 12, median: 18, max: 24 },
      spacingMm: [
        { min: 0.5, median: 0.75, max: 1 },
        { min: 1, median: 1, max: 1 },
        { min: 2, median: 3, max: 4 },
      ],
      intensities: [
        {
          minimum: -50,
          maximum: 200,
          low: { min: -40, median: -15, max: 10 },
          high: { min: 110, median: 135, max: 160 },
          width: { min: 100, median: 150, max: 200 },
          offset: { min: -0.2, median: -0.05, max: 0.1 },
          reach: { min: 1.25, median: 1.625, max: 2 },
        },
      ],
      constantChannels: [],
      labelChannels: [],
      classes: [
        {
          name: 'head',
          cases: 2,
          volumeMl: { min: 2, median: 3, max: 4 },
          placeMm: [
            { min: -1, median: 0, max: 1 },
            { min: 2, median: 2, max: 2 },
            { min: 3, median: 4, max: 5 },
          ],
        },
        { name: 'tail', cases: 0 },
      ],
    });
    const whole = { ...facts, images: { training: ['a', 'b'], validation: [], teacher: [] } };
    expect(trainingFactsSchema.parse(JSON.parse(JSON.stringify(whole)))).toEqual(whole);
  });

  it('gives no place of a class that is the only one', () => {
    const alone = { ...first, volumesMl: { head: 2 }, placesMm: { head: [0, 0, 0] as const } };
    expect(summarizeTraining([alone]).classes?.[0]).not.toHaveProperty('placeMm');
  });

  it('leaves constant channels out of the intensities, and says where there were some', () => {
    const constant = { ...channel, minimum: 3, maximum: 3, low: 3, high: 3, isConstant: true };
    const [one, two] = [
      { ...first, channels: [constant, channel, constant] },
      { ...second, channels: [channel, { ...channel, isLabelMap: true }, constant] },
    ];
    const { intensities, constantChannels, labelChannels } = summarizeTraining([one, two]);
    expect(intensities?.[0]).toMatchObject({ minimum: 0, width: { min: 100, max: 100 } });
    expect(intensities?.[2]).toBeNull();
    expect([constantChannels, labelChannels]).toEqual([[0, 2], [1]]);
  });
});

describe('imageHash', () => {
  it('is the beginning of the SHA-256 of the voxels, whatever buffer they lie in', () => {
    const voxels = new Float32Array([1, 2, 3]);
    const inside = new Float32Array([0, 1, 2, 3]).subarray(1);
    expect(imageHash({ data: voxels }, sha256)).toBe(sha256(new Uint8Array(voxels.buffer)).slice(0, 12));
    expect(imageHash({ data: inside }, sha256)).toBe(imageHash({ data: voxels }, sha256));
    expect(imageHash({ data: new Float32Array([1, 2, 4]) }, sha256)).not.toBe(imageHash({ data: voxels }, sha256));
  });
});
