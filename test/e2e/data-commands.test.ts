/** Commands that look at a data set before any training: `validate` and `plan`. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { writePhantomDataset } from '../../src/data/phantom.ts';
import { nodeFiles } from '../../src/platform/node/files.ts';
import { temporaryFolder, voxstill } from '../support/program.ts';

const folder = temporaryFolder();
const dataset = join(folder, 'phantoms');
beforeAll(() => writePhantomDataset(nodeFiles, dataset, { seed: 2, cases: 6 }));

/** The phantoms as an nnU-Net raw data set of two channels, of which the second is the label map. */
function twoChannels(): string {
  const folder = join(dataset, '../two-channels');
  for (const part of ['imagesTr', 'labelsTr']) mkdirSync(join(folder, part), { recursive: true });
  for (const name of readdirSync(join(dataset, 'imagesTr')).filter(file => !file.startsWith('.'))) {
    const channel = (number: number): string => join(folder, 'imagesTr', name.replace('.nii', `_000${number}.nii`));
    copyFileSync(join(dataset, 'imagesTr', name), channel(0));
    copyFileSync(join(dataset, 'labelsTr', name), channel(1));
    copyFileSync(join(dataset, 'labelsTr', name), join(folder, 'labelsTr', name));
  }
  const { labels } = JSON.parse(readFileSync(join(dataset, 'dataset.json'), 'utf8'));
  const named = Object.fromEntries(Object.entries(labels).map(([value, name]) => [name, Number(value)]));
  const description = { channel_names: { 0: 'T1', 1: 'T2' }, labels: named, file_ending: '.nii.gz' };
  writeFileSync(join(folder, 'dataset.json'), JSON.stringify(description));
  return folder;
}

describe('validate', () => {
  it('exits with 0 and an empty list for a clean data set', async () => {
    const { code, stdout, stderr } = await voxstill(['validate', dataset, '--json'], { cwd: folder });
    expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ cases: 6, problems: [], warnings: [] })]);
    expect(stderr).toContain('validating: 6 cases');
  });

  it('exits with 1, every problem, and what to do about each', async () => {
    const damaged = join(folder, 'damaged');
    await writePhantomDataset(nodeFiles, damaged, { seed: 2, cases: 3 });
    rmSync(join(damaged, 'labelsTr/phantom_001.nii.gz'));
    writeFileSync(join(damaged, 'imagesTr/phantom_002.nii.gz'), 'not an image');
    const { code, stdout, stderr } = await voxstill(['validate', damaged, '--json'], { cwd: folder });
    expect(code).toBe(1);
    const { problems } = JSON.parse(stdout);
    expect(problems.map(({ caseId }: { caseId: string }) => caseId)).toEqual(['phantom_001', 'phantom_002']);
    expect(stderr).toMatch(/E_CASE_MISSING: .*phantom_001\.nii\.gz is missing\.\n {2}Add it/);
    expect(stderr).toContain('2 problems, 0 warnings');
  });

  it('takes a data set of several channels, and plan does', async () => {
    const folder = twoChannels();
    const { code, stdout } = await voxstill(['validate', folder, '--json'], { cwd: folder });
    expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ cases: 6, problems: [], warnings: [] })]);
    const planned = await voxstill(['plan', folder, '--json'], { cwd: folder });
    expect([planned.code, JSON.parse(planned.stdout).fingerprint]).toEqual([
      0,
      expect.objectContaining({ labelledCases: 6 }),
    ]);
  });

  it('exits with 2 where there is no data set', async () => {
    const { code, stderr } = await voxstill(['validate', 'nowhere'], { cwd: folder });
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^E_DATASET_MISSING: /)]);
  });
});

describe('plan', () => {
  it('writes a recipe that trains, and never over another file', async () => {
    const recipe = join(folder, 'planned.yaml');
    const planned = await voxstill(['plan', dataset, '--out', recipe, '--json'], { cwd: folder });
    expect(planned.code).toBe(0);
    const { fingerprint, recipe: text } = JSON.parse(planned.stdout);
    expect(fingerprint).toMatchObject({ labelledCases: 6, unlabelledCases: 0 });
    expect(text).toBe(readFileSync(recipe, 'utf8'));
    const again = await voxstill(['plan', dataset, '--out', recipe], { cwd: folder });
    expect([again.code, again.stderr]).toEqual([2, expect.stringMatching(/^E_OUT_EXISTS: /)]);

    const two = ['--set', 'teacher.train.steps=2', '--set', 'student.train.steps=2', '--set', 'baseline=false'];
    const run = await voxstill(['run', recipe, '--out', 'run', ...two], { cwd: folder });
    expect([run.code, run.stderr]).toEqual([0, expect.stringContaining('student')]);
    expect(readFileSync(join(folder, 'run/student/history.csv'), 'utf8').trim().split('\n')).toHaveLength(3);
  });
});
