/** Painted images as a data set, and label maps without a recipe: what is wrong with them, and how they are painted. */
import { describe, expect, it } from 'vitest';
import { parseCaseGroups } from '../../../src/data/case-groups.ts';
import { openDataset } from '../../../src/data/dataset.ts';
import { fingerprintDataset } from '../../../src/data/fingerprint.ts';
import { loadCase } from '../../../src/data/loaded-case.ts';
import { withPaintedCases } from '../../../src/data/synthesis/painted-cases.ts';
import type { SynthesisSettings } from '../../../src/data/synthesis/settings.ts';
import { validateDataset } from '../../../src/data/validation.ts';
import { rulesToCheck, synthesisOfMaps } from '../../../src/experiment/found-maps.ts';
import { paintDataset } from '../../../src/experiment/paint.ts';
import { planExperiment } from '../../../src/experiment/plan.ts';
import { formatPlan } from '../../../src/experiment/plan-recipe.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import { silent } from '../../../src/runtime/progress.ts';
import { createNiftiHeader, encodeNiftiImage } from '../../../src/volume/nifti.ts';
import type { Volume } from '../../../src/volume/volume.ts';
import { createLaboratory, functionEngine, sha256, thresholdModel } from '../../support/laboratory.ts';
import { type MemoryFiles, memoryFiles } from '../../support/memory-files.ts';
import { synthesisOf } from '../../support/synthesis.ts';

function mapOf(values: readonly number[], spacing = 1): Volume {
  const affine = [spacing, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
  const data = Float32Array.from({ length: 16 ** 3 }, (_, index) => values[Math.floor((index % 16) / 4)] ?? 0);
  return { data, sizeVoxels: [16, 16, 16], channels: 1, spacingMm: [spacing, 1, 1], affine };
}

function mapFiles(maps: Readonly<Record<string, Volume>>, description?: object): MemoryFiles {
  const files = memoryFiles(description ? { 'maps/dataset.json': JSON.stringify(description) } : {});
  for (const [id, map] of Object.entries(maps)) {
    files.contents.set(`maps/${id}.nii.gz`, encodeNiftiImage(map, createNiftiHeader(map)));
  }
  return files;
}

const laboratoryOf = (files: MemoryFiles) => createLaboratory(functionEngine(thresholdModel), files);
const TWO = { a: mapOf([0, 1, 2, 7]), b: mapOf([0, 1, 2, 9]) };

describe('the images of a data set of label maps', () => {
  const paint = async (files: MemoryFiles, count = 2) => {
    const dataset = await openDataset(files, 'maps', { synthesize: synthesisOf() });
    return paintDataset(laboratoryOf(files), dataset, { count, out: 'painted' });
  };

  it('are a data set that can be opened, with the classes as labels', async () => {
    const files = mapFiles(TWO);
    expect(await paint(files)).toEqual({ folder: 'painted', cases: ['a-p01', 'a-p02', 'b-p01', 'b-p02'], maps: 2 });
    const opened = await openDataset(files, 'painted');
    expect(opened.labels.map(({ name }) => name)).toEqual(['background', 'one', 'two']);
    const report = await validateDataset(laboratoryOf(files), 'painted', { sha256, progress: silent });
    expect(report.problems).toEqual([]);
  });

  it('are those that a run validates and tests on, to the last bit', async () => {
    const files = mapFiles(TWO);
    await paint(files);
    const dataset = withPaintedCases(await openDataset(files, 'maps', { synthesize: synthesisOf() }));
    const written = await openDataset(files, 'painted');
    for (const id of ['a-p02', 'b-p01']) {
      const [own, other] = await Promise.all(
        [dataset, written].map(one => loadCase(laboratoryOf(files), one, one.cases.find(item => item.id === id)!)),
      );
      expect(other!.image.data).toEqual(own!.image.data);
      expect(other!.label?.data).toEqual(own!.label?.data);
    }
  });

  const withGroups = async (more: Partial<SynthesisSettings>) => {
    const files = mapFiles(TWO);
    const settings = synthesisOf({ strips: [{ values: '7-9', probability: 0.5 }], ...more });
    const dataset = await openDataset(files, 'maps', { synthesize: settings });
    const { cases } = await paintDataset(laboratoryOf(files), dataset, { count: 20, out: 'painted' });
    const groups = parseCaseGroups(files.text('painted/groups.csv'), { ids: cases, path: 'groups' });
    return { files, groups, cases };
  };

  it('come with groups to score them apart: the map, the scan and the size of its voxels', async () => {
    const { groups } = await withGroups({});
    expect(groups.map(({ by }) => by)).toEqual(['map', 'scan', 'voxels', 'strips']);
    const [map, scan, voxels] = groups;
    expect(map?.groupOf.get('b-p07')).toBe('b');
    expect(new Set(scan?.groupOf.values())).toContain('thick slices');
    expect([...voxels!.groupOf.values()].every(text => /^[1-7] to [2-8] mm$/.test(text))).toBe(true);
  });

  it('differ by what is stripped: it is 0 then, as the air is', async () => {
    const { files, groups, cases } = await withGroups({ fineProbability: 1, darkAir: 0, blackAir: 0 });
    const opened = await openDataset(files, 'painted');
    const found = new Set<string | undefined>();
    for (const id of cases.slice(0, 10)) {
      const { image } = await loadCase(laboratoryOf(files), opened, opened.cases.find(one => one.id === id)!);
      // the last slab is of the value 7, the first is air
      const isBlack = [1, 14].every(x => image.data.every((value, index) => index % 16 !== x || value < 1e-6));
      expect(groups[3]?.groupOf.get(id)).toBe(isBlack ? 'stripped' : 'whole');
      found.add(groups[3]?.groupOf.get(id));
    }
    expect(found.size).toBe(2);
  });

  it('are not written over what is there, nor of a data set without maps', async () => {
    const files = mapFiles(TWO);
    await paint(files);
    await expect(paint(files)).rejects.toThrow(expect.objectContaining({ code: 'E_OUT_EXISTS' }));
    const painted = await openDataset(files, 'painted');
    await expect(paintDataset(laboratoryOf(files), painted, { count: 1, out: 'other' })).rejects.toThrow(
      expect.objectContaining({ code: 'E_NO_CASES' }),
    );
    expect([...files.contents.keys()].some(path => path.startsWith('other'))).toBe(false);
  });
});

describe('the check of label maps', () => {
  const check = async (files: MemoryFiles, synthesize = rulesToCheck(files, 'maps')) =>
    validateDataset(laboratoryOf(files), 'maps', { sha256, progress: silent, synthesize: await synthesize });

  it('finds nothing wrong with maps of any values where nobody has named classes', async () => {
    const report = await check(mapFiles(TWO));
    expect([report.problems, report.warnings]).toEqual([[], []]);
    expect([report.cases, report.labelMaps]).toEqual([2, 2]);
  });

  it('names all values without a rule, maps that are none, and classes that no map has', async () => {
    const fractions = mapOf([0, 0.5, 2, 7]);
    const files = mapFiles({ ...TWO, c: mapOf([0, 4, 4, 5]), d: fractions, e: mapOf([0, 1, 1, 1], 3) });
    const settings = synthesisOf({ classes: { one: 1, two: [2, 3], six: 6 } });
    const { problems, warnings } = await check(files, Promise.resolve(settings));
    expect(problems.map(({ code, caseId }) => [code, caseId])).toEqual([
      ['E_LABEL_RULE', 'c'],
      ['E_LABEL_VALUE', 'd'],
    ]);
    expect(problems[0]?.message).toMatch(/4 \(2048 voxels\), 5 \(1024 voxels\)/);
    expect(warnings.map(({ code }) => code)).toEqual(['W_SPACING_OUTLIER', 'W_CLASS_ABSENT']);
    expect(warnings[1]?.message).toMatch(/"six"/);
  });

  it('goes by the classes of a dataset.json that lists maps alone, and leaves other data sets as they were', async () => {
    const description = {
      modality: { 0: 'MRI' },
      labels: { 0: 'background', 1: 'left one', 2: 'right one' },
      training: [{ label: 'a.nii.gz' }, { label: 'b.nii.gz' }],
    };
    const files = mapFiles({ a: mapOf([0, 1, 2, 2]), b: mapOf([0, 1, 2, 9]) }, description);
    const rules = await rulesToCheck(files, 'maps');
    // nothing says that these two are a pair
    expect(rules).toMatchObject({ classes: { 'left one': 1, 'right one': 2 }, flip: false });
    expect((await check(files)).problems.map(({ code }) => code)).toEqual(['E_LABEL_RULE']);
    const imaged = { ...description, training: [{ image: 'b.nii.gz', label: 'a.nii.gz' }] };
    expect(await rulesToCheck(mapFiles(TWO, imaged), 'maps')).toBeNull();
    // images of several channels are no maps either
    expect(await rulesToCheck(mapFiles(TWO, { ...imaged, modality: { 0: 'T1', 1: 'T2' } }), 'maps')).toBeNull();
  });
});

describe('the plan of label maps', () => {
  it('is a recipe that paints them, with every value as a class', async () => {
    const files = mapFiles(TWO);
    const options = { progress: silent };
    const synthesize = await synthesisOfMaps(laboratoryOf(files), 'maps', options);
    expect(synthesize?.classes).toEqual({ 'label 1': 1, 'label 2': 2, 'label 7': 7, 'label 9': 9 });
    const fingerprint = await fingerprintDataset(laboratoryOf(files), 'maps', { ...options, synthesize });
    const plan = planExperiment(fingerprint, { memoryBytes: 2e9, cores: 2, block: 0 });
    const recipe = parseRecipe(formatPlan(fingerprint, plan, { dataset: 'maps' }), { path: 'planned.yaml' });
    expect(recipe.data.synthesize).toEqual(synthesize);
    expect([recipe.preprocess.normalize, recipe.preprocess.crop]).toEqual(['percentile', 'none']);
  });
});
