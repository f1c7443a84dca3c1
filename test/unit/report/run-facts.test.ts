/** What a report tells of a run besides scores, without folders of the machine. */
import { describe, expect, it } from 'vitest';
import { dateInWords, lastName, trainingSeconds, warningsOf, withoutFolders } from '../../../src/report/run-facts.ts';
import { evaluation } from '../report/fixtures.ts';

describe('the facts of a run', () => {
  it('name no folder of the machine, and leave all else as it is', () => {
    const recipe = [
      'data: { dataset: /home/ann/data/Task04, splits: { file: "C:\\\\Users\\\\ann\\\\splits.json" } }',
      'teacher: { onnx: [/mnt/a.onnx, b.onnx] }',
      'optimizer: { adam: { learningRate: 0.003 } } # 1/2',
    ].join('\n');
    const text = withoutFolders(recipe);
    expect(text).toContain('dataset: Task04,');
    expect(text).toContain('onnx: [a.onnx, b.onnx]');
    expect(text).toContain('learningRate: 0.003 } } # 1/2');
    expect(text).not.toMatch(/home|mnt|Users/);
    expect(lastName('runs/demo/')).toBe('demo');
  });

  it('say the date in words', () => {
    expect(dateInWords('2026-11-27T20:14:48.056Z')).toBe('27 November 2026, 20:14 UTC');
    expect(dateInWords('yesterday')).toBe('yesterday');
  });

  it('tell the warnings of start and evaluations, each once and without folders', () => {
    const seen = { code: 'W_CASES_SEEN', message: '/home/ann/runs/m.onnx has seen what it is scored on' };
    const arm = (warnings: readonly object[] | undefined) => ({
      repeats: [{ evaluation: { ...evaluation({ a: { Anterior: 1 } }), warnings } }],
    });
    const run = {
      record: { warnings: [{ code: 'W_CLASS_ABSENT', message: 'the class "x" is in none' }, seen] },
      arms: [arm([seen]), arm(undefined)],
    } as unknown as Parameters<typeof warningsOf>[0];
    expect(warningsOf(run)).toEqual([
      'W_CLASS_ABSENT: the class "x" is in none',
      'W_CASES_SEEN: m.onnx has seen what it is scored on',
    ]);
  });

  it('add the time of training over folds and seeds', () => {
    const timingsSeconds = {
      'student/train': 5,
      'fold-1/seed-2/student/train': 7,
      'student/evaluate': 100,
      'teacher/train': 9,
    };
    const run = { record: { timingsSeconds } } as unknown as Parameters<typeof trainingSeconds>[0];
    expect(trainingSeconds(run)).toEqual({ student: 12, teacher: 9 });
  });
});
