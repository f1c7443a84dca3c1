/**
 * Real hippocampus scans against a model trained on others of them: none of 200 cases warns, and wrong inputs do.
 * Skipped where the data are absent.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import { channelFacts } from '../../../src/data/image-facts.ts';
import { type CaseFacts, summarizeTraining, type TrainingFacts } from '../../../src/data/training-facts.ts';
import type { ModelInfo } from '../../../src/inference/model-info.ts';
import { placeWarnings } from '../../../src/inference/plausibility/class-places.ts';
import { volumeWarnings } from '../../../src/inference/plausibility/class-volumes.ts';
import { imageWarnings } from '../../../src/inference/plausibility/image.ts';
import { classPlacesMm } from '../../../src/metrics/class-places.ts';
import { classVolumesMl } from '../../../src/metrics/overlap.ts';
import { decodeLabels, decodeNifti } from '../../../src/volume/nifti.ts';
import type { Volume, Xyz } from '../../../src/volume/volume.ts';
import { realDataFolder } from '../../support/real-data.ts';

const data = realDataFolder();
const INFO: ModelInfo = {
  labels: [
    { value: 0, name: 'background' },
    { value: 1, name: 'Anterior' },
    { value: 2, name: 'Posterior' },
  ],
  channels: 1,
  spacingMm: [1, 1, 1],
  // the files are stored so
  orientation: 'RAS',
  normalize: 'min-max',
  patch: [40, 56, 40],
  activation: 'softmax',
  inputName: 'image',
  outputName: 'logits',
};

interface Case extends CaseFacts {
  readonly id: string;
  readonly image: Volume;
  readonly placesMm: Readonly<Record<string, Xyz>>;
}

function readCase(id: string): Case {
  const read = (folder: string): Buffer => readFileSync(`${data}/${folder}/${id}`);
  const image = decodeNifti(read('imagesTr'), { path: id }).volume;
  const labels = decodeLabels(read('labelsTr'), { path: id });
  const { labels: classes } = INFO;
  const placesMm = classPlacesMm(labels, classes, 'world');
  const volumesMl = classVolumesMl(labels, classes);
  return { id, image, grid: image, channels: channelFacts(image), volumesMl, placesMm };
}

function alarms(one: Case, training: TrainingFacts, normalize: ModelInfo['normalize']): readonly string[] {
  const models = [{ info: { ...INFO, normalize }, training }];
  const all = [
    ...imageWarnings(one.image, models, one.id),
    ...volumeWarnings(one.volumesMl, models, one.id),
    ...placeWarnings(() => one.placesMm, models, one.id),
  ];
  return all.map(({ message }) => message);
}

describe.skipIf(data === undefined)('200 hippocampus scans', () => {
  let cases: readonly Case[];
  const facts = (of: readonly Case[]): TrainingFacts => summarizeTraining(of as [Case, ...Case[]]);

  beforeAll(() => {
    const names = readdirSync(`${data}/imagesTr`).filter(name => /^hippocampus.*\.nii\.gz$/.test(name));
    cases = names.sort().map(readCase);
  }, 120_000);

  it('warn of none against all others, with intensities as they are and from 0 to 1', () => {
    expect(cases).toHaveLength(200);
    const found = cases.flatMap(one => {
      const others = facts(cases.filter(other => other !== one));
      return (['min-max', 'none'] as const).flatMap(normalize => alarms(one, others, normalize));
    });
    expect(found).toEqual([]);
  }, 120_000);

  it.each([1, 3, 20])('warn of none of 40 against %i others', count => {
    const draw = random(count, 'few training cases');
    const order = cases.map(one => ({ one, key: draw.uniform() })).sort((left, right) => left.key - right.key);
    const training = facts(order.slice(0, count).map(({ one }) => one));
    const found = order.slice(count, count + 40).flatMap(({ one }) => alarms(one, training, 'min-max'));
    expect(found).toEqual([]);
  });

  describe('and an input that is wrong', () => {
    const codesOf = (image: Volume, training = facts(cases)): readonly string[] =>
      imageWarnings(image, [{ info: INFO, training }], 'a').map(({ code }) => code);
    const first = (): Volume => cases[0]!.image;
    const filled = (sizeVoxels: Xyz, spacingMm: Xyz, value: (index: number) => number): Volume => {
      const length = sizeVoxels[0] * sizeVoxels[1] * sizeVoxels[2];
      return { ...first(), sizeVoxels, spacingMm, data: Float32Array.from({ length }, (_, index) => value(index)) };
    };
    const noise = random(1, 'wrong');

    it('a whole head', () => {
      const head = filled([160, 212, 143], [1, 1, 1], () => 900 * noise.uniform());
      expect(codesOf(head)).toEqual(['W_IMAGE_EXTENT']);
    });

    it('slices of 5 mm', () => {
      const thick = filled([35, 50, 8], [1, 1, 5], () => 900 * noise.uniform());
      expect(codesOf(thick)).toEqual(['W_IMAGE_SPACING']);
    });

    it('metres for millimetres, and micrometres', () => {
      const units = ['W_IMAGE_EXTENT', 'W_IMAGE_SPACING'];
      expect(codesOf({ ...first(), spacingMm: [0.001, 0.001, 0.001] })).toEqual(units);
      expect(codesOf({ ...first(), spacingMm: [1000, 1000, 1000] })).toEqual(units);
    });

    it('axes that are exchanged in the header', () => {
      const models = [{ info: INFO, training: facts(cases) }];
      const told = cases.slice(0, 20).map(({ placesMm }) => {
        const exchanged = Object.entries(placesMm).map(([name, [x, y, z]]) => [name, [y, x, z]]);
        return placeWarnings(() => Object.fromEntries(exchanged), models, 'a').map(({ code }) => code);
      });
      expect(told.flat()).toEqual(Array.from({ length: 20 }, () => 'W_CLASS_PLACE'));
    });

    it('CT for MR', () => {
      const ct = filled([35, 50, 35], [1, 1, 1], index => (index % 3 === 0 ? -1000 : 80 * noise.normal()));
      expect(codesOf(ct)).toEqual(['W_IMAGE_INTENSITY']);
    });

    it('the labels of a case, a constant image, a plane', () => {
      const { data: labels, ...grid } = decodeLabels(readFileSync(`${data}/labelsTr/${cases[0]!.id}`), { path: 'a' });
      expect(codesOf({ ...grid, channels: 1, data: Float32Array.from(labels) })).toEqual(['W_IMAGE_LABELS']);
      expect(codesOf(filled([35, 50, 35], [1, 1, 1], () => 0))).toEqual(['W_IMAGE_CONSTANT']);
      expect(codesOf(filled([35, 50, 1], [1, 1, 1], () => 900 * noise.uniform()))).toEqual(['W_IMAGE_PLANE']);
    });
  });
});
