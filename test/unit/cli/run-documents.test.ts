/** What leaves a run besides its report: every number from its records, and no folder of the machine. */
import { describe, expect, it } from 'vitest';
import { writeRunDocuments } from '../../../src/cli/run-documents.ts';
import { compareArms } from '../../../src/study/comparison/compare.ts';
import { readRun } from '../../../src/study/read-run.ts';
import { sha256 } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';
import { evaluation } from '../report/fixtures.ts';

const RECIPE = `data: { dataset: /home/ann/Task04 }
patch: { size: [16, 16, 16] }
teacher: { unet: { features: [4, 8] }, train: { steps: 10, batch: 1 } }
student: { unet: { features: [2, 4] }, train: { steps: 10, batch: 1 } }
compare: { margin: 0.02 }
`;

const RECORD = {
  status: 'done',
  startedAt: '2026-11-27T20:14:48.056Z',
  dataset: '/home/ann/Task04',
  seeds: [1],
  splits: { train: ['a', 'b'], val: ['c'], test: ['case 1', 'case 2', 'case 3', 'case 4', 'case 5'] },
  versions: { voxstill: '0.1.0', node: '20.19.0' },
  host: { system: 's', cpu: 'c', cores: 2, memoryBytes: 1 },
  dataHashes: { 'imagesTr/a.nii.gz': 'a'.repeat(64), 'labelsTr/a.nii.gz': 'b'.repeat(64) },
  margin: 0.02,
};

const dice = [0.8, 0.82, 0.79, 0.81, 0.83];

async function written() {
  const scores = (by: number) =>
    Object.fromEntries(dice.map((value, at) => [`case ${at + 1}`, { 'left | right': value + by }]));
  const one = evaluation(scores(0));
  const evaluations = {
    teacher: evaluation(scores(0.01)),
    student: { ...one, model: { ...one.model, sha256: 'c'.repeat(64), parameters: 1234 } },
  };
  const files = memoryFiles({
    'run/run.json': JSON.stringify(RECORD),
    'run/recipe.yaml': RECIPE,
    'run/student/evaluation.json': JSON.stringify(evaluations.student),
    'run/teacher/evaluation.json': JSON.stringify(evaluations.teacher),
  });
  const run = await readRun(files, 'run');
  const comparison = compareArms(run.arms, 0.02);
  const paths = await writeRunDocuments({ files, machine: { sha256 } }, run, { comparison, evaluations });
  const text = async (name: string): Promise<string> => new TextDecoder().decode(await files.read(`run/${name}`));
  return { paths, text, comparison };
}

describe('the documents of a run', () => {
  it('are five, and name no folder of the machine', async () => {
    const { paths, text } = await written();
    const names = ['cases.csv', 'model-card.md', 'model-card.json', 'bom.cdx.json', 'CLAIM.md'];
    expect(paths).toEqual(names.map(name => `run/${name}`));
    for (const name of names) expect(await text(name)).not.toContain('/home');
  });

  it('have a model card with the scores and findings of the comparison', async () => {
    const { text, comparison } = await written();
    const card = JSON.parse(await text('model-card.json'));
    expect(card).toMatchObject({
      name: 'Task04 student',
      model: { sha256: 'c'.repeat(64), parameters: 1234 },
      meanDice: comparison.arms['student']!.meanDice,
      classes: ['left | right'],
      data: { splits: { train: 2, val: 1, test: 5 } },
    });
    const verdict = comparison.notWorse![0]!.sentence;
    expect(card.findings).toContain(verdict);
    const markdown = await text('model-card.md');
    expect(markdown).toContain(verdict);
    expect(markdown).toContain('Mean Dice 0.810 (95 % CI ');
    expect(markdown).toContain(
      '| left | right | Dice | 0.800 | 0.790 to 0.810 | 5 |'.replace('left | right', 'left \\| right'),
    );
  });

  it('have a bill of materials with every hash', async () => {
    const { text } = await written();
    const bill = JSON.parse(await text('bom.cdx.json'));
    expect(bill).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1 });
    expect(bill.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    const all = JSON.stringify(bill);
    for (const hash of ['a', 'b', 'c']) expect(all).toContain(hash.repeat(64));
    expect(bill.components.map(({ type, name }: { type: string; name: string }) => `${type} ${name}`)).toEqual([
      'machine-learning-model teacher',
      'machine-learning-model student',
      'data Task04',
      'library node',
    ]);
    expect(await text('bom.cdx.json')).toBe(await (await written()).text('bom.cdx.json'));
  });

  it('have a checklist of 44 items that says what is still to be written', async () => {
    const { text } = await written();
    const rows = (await text('CLAIM.md')).split('\n').filter(line => /^\| \d+ \|/.test(line));
    expect(rows).toHaveLength(44);
    expect(rows.map(row => Number(row.split('|')[1]))).toEqual(rows.map((_, index) => index + 1));
    expect(rows[3]).toContain('loses less than 0.02 mean Dice');
    expect(rows[18]).toContain('2 trained, 1 chose the best step and the post-processing, 5 tested.');
    expect(rows[19]).toContain('every case counts as a patient of its own');
    expect(rows[43]).toContain('**to be written**');
    expect(rows[38]).toContain('structures missed or made up: left \\| right 1');
  });
});
