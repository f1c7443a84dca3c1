/**
 * A small teacher on real scans: learns within a minute what no untrained model knows. Skipped where the data are
 * absent.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readJson, temporaryFolder, voxstill } from '../support/program.ts';
import { realDataFolder } from '../support/real-data.ts';

const data = realDataFolder();
const folder = temporaryFolder();
afterAll(() => rmSync(folder, { recursive: true }));

it.skipIf(data === undefined)('a teacher of two levels finds the hippocampus after 60 steps on 24 scans', async () => {
  const { training } = readJson(join(data!, 'dataset.json')) as {
    readonly training: readonly { readonly image: string }[];
  };
  const ids = training.map(({ image }) => image.replace(/^.*\/|\.nii\.gz$/g, '')).sort();
  const splits = { train: ids.slice(0, 24), val: ids.slice(24, 28), test: ids.slice(28, 30) };
  writeFileSync(join(folder, 'splits.json'), JSON.stringify(splits));
  const arm = '{ unet: { features: [8, 16] }, train: { steps: 60, batch: 2, validateEvery: 20 } }';
  writeFileSync(
    join(folder, 'recipe.yaml'),
    `data: { dataset: ${JSON.stringify(data)}, splits: { file: splits.json } }
patch: { size: [32, 48, 32], foreground: 0.5 }
teacher: ${arm}
student: ${arm}
optimizer: { adam: { learningRate: 0.01 } }
`,
  );
  const call = await voxstill(['train', 'recipe.yaml', '--arm', 'teacher', '--out', 'run'], { cwd: folder });
  expect(call, call.stderr).toMatchObject({ code: 0 });
  const [header = '', ...lines] = readFileSync(join(folder, 'run/teacher/history.csv'), 'utf8').trim().split('\n');
  const column = (name: string): readonly string[] =>
    lines.map(line => line.split(',')[header.split(',').indexOf(name)]!);
  const total = column('total').map(Number);
  const scores = column('validationDice').filter(cell => cell !== '');
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  // measured: loss 1.89 over the first five steps, 0.71 over the last ten; Dice 0.54, 0.80, 0.80
  expect(mean(total.slice(-10))).toBeLessThan(0.6 * mean(total.slice(0, 5)));
  expect(scores.length).toBe(3);
  expect(Number(scores.at(-1))).toBeGreaterThan(0.5);
  expect(Number(scores.at(-1))).toBeGreaterThan(Number(scores[0]));
});
