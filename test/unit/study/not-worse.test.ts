/** Students judged against their teachers: verdicts, where the margin comes from, and how many cases it takes. */
import { describe, expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import { judgeNotWorse } from '../../../src/study/comparison/not-worse.ts';
import { planPower } from '../../../src/study/power.ts';
import { readArms } from '../../../src/study/read-run.ts';
import { collectRun } from '../../../src/study/run.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const CASES = 20;

/** Cases differ by 0.05, student and teacher on a case by 0.01 about their mean difference. */
function evaluation(arm: string, mean: number): string {
  const cases = Array.from({ length: CASES }, (_, index) => {
    const dice = mean + 0.05 * Math.sin(index) + 0.01 * random(1, arm, index).normal();
    const classes = {
      blob: { presence: 'both', dice, hd95Mm: 1, assdMm: 1, surfaceDice: 1, volumeMl: 1, referenceMl: 1 },
    };
    return { id: `case-${index}`, classes, meanDice: dice };
  });
  return JSON.stringify({
    model: { path: 'm', sha256: '', parameters: 1, multiplyAdds: 1, bytes: 1, secondsPerCase: 1, peakBytes: 1 },
    dataset: 'd',
    split: 'test',
    cases,
    summary: { meanDice: { mean, ci95: [mean, mean], n: CASES }, classes: {} },
  });
}

function runFiles(loss: number, margin: number | null) {
  const record = {
    status: 'done',
    startedAt: '2026-01-01T00:00:00.000Z',
    dataset: 'data',
    seeds: [1],
    versions: { voxstill: '0.1.0' },
    host: { system: 's', cpu: 'c', cores: 2, memoryBytes: 1 },
    margin,
  };
  return memoryFiles({
    'run/run.json': JSON.stringify(record),
    'run/recipe.yaml': '',
    'run/student/evaluation.json': evaluation('student', 0.8 - loss),
    'run/teacher/evaluation.json': evaluation('teacher', 0.8),
  });
}

describe('a student that is judged by a margin', () => {
  it.each([
    [
      0,
      'not worse',
      /^The student is not worse than the teacher: it loses less than 0\.02 mean Dice \(difference [+−]0\.00\d, at least −0\.0\d+ with 95 % confidence, p [<=] 0\.\d+, 20 cases, 1 trained model each\)\.$/,
    ],
    [
      0.02,
      'cannot tell',
      /^20 cases, 1 trained model each cannot tell whether the student loses less than 0\.02 mean Dice against the teacher \(difference −0\.0[12]\d, 90 % CI −/,
    ],
    [
      0.05,
      'worse',
      /^The student is worse than the teacher: it loses more than 0\.02 mean Dice \(difference −0\.0[45]\d, at most −0\.04/,
    ],
  ] as const)('and loses %f is %s', async (loss, verdict, sentence) => {
    const { notWorse } = await collectRun(runFiles(loss, 0.02), 'run');
    expect(notWorse).toHaveLength(1);
    expect(notWorse?.[0]).toMatchObject({ a: 'student', b: 'teacher', margin: 0.02, verdict, n: CASES });
    expect(notWorse?.[0]?.sentence).toMatch(sentence);
  });

  it('is so by the margin that the run began with, whatever its recipe says now', async () => {
    const files = runFiles(0, 0.02);
    await files.write('run/recipe.yaml', 'compare: { margin: 0.5 }\n');
    expect((await collectRun(files, 'run')).notWorse?.[0]?.margin).toBe(0.02);
    expect((await readArms(files, ['run'])).taught[0]?.margin).toBe(0.02);
    expect(await collectRun(runFiles(0, null), 'run')).not.toHaveProperty('notWorse');
  });

  it('says where the margin came when the results were known', async () => {
    const { taught } = await readArms(runFiles(0, null), ['run']);
    const pairs = taught.map(({ pair }) => pair);
    const [judged] = judgeNotWorse(pairs, 0.02, { givenAfterwards: true });
    expect(judged).toMatchObject({ verdict: 'not worse', givenAfterwards: true });
    expect(judged?.sentence).toMatch(/ The margin was given when the results were known\.$/);
  });
});

describe('the number of cases', () => {
  it('follows from the spread of the cases: (z.95 + z.80)^2 s^2 / margin^2, and a little for Student', async () => {
    const [plan] = await planPower(runFiles(0, null), 'run', 0.005);
    const { caseDeviation, needed } = plan!;
    expect(caseDeviation).toBeGreaterThan(0.01);
    expect(caseDeviation).toBeLessThan(0.02);
    const normal = ((1.6449 + 0.8416) * caseDeviation) ** 2 / 0.005 ** 2;
    const cases = needed[0].cases['0.8']!;
    expect(cases).toBeGreaterThan(normal);
    expect(cases).toBeLessThan(normal + 4);
    expect(needed[0].cases['0.9']!).toBeGreaterThan(cases);
  });

  it('is none where the loss that was seen is the margin or more', async () => {
    const [plan] = await planPower(runFiles(0.03, null), 'run', 0.02);
    expect(plan?.needed[1].cases).toEqual({ '0.8': null, '0.9': null });
    expect(plan?.sentence).toMatch(
      /if the true difference is −0\.0\d+, no number of cases is enough \(from 20 cases, 1 trained model each\)\.$/,
    );
  });

  it('is not known without a student and its teacher', async () => {
    const files = memoryFiles({ 'e.json': evaluation('student', 0.8) });
    await expect(planPower(files, 'e.json', 0.01)).rejects.toMatchObject({ code: 'E_POWER' });
  });
});
