/** What a report tells of a run besides scores, without folders of the machine. */
import { describe, expect, it } from 'vitest';
import { parseRecipe, stringifyRecipe } from '../../../src/recipe/parse.ts';
import { coarseSentence } from '../../../src/report/data-section.ts';
import {
  dataFactsOf,
  dateInWords,
  lastName,
  trainingSeconds,
  warningsOf,
  withoutFolders,
} from '../../../src/report/run-facts.ts';
import { memoryFiles } from '../../support/memory-files.ts';
import { tinyRecipe } from '../../support/tiny-recipe.ts';
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

  it('list the warnings of start and evaluations, each once and without folders', () => {
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

  it('say what finds the region of interest, and how well it segments by itself', async () => {
    const sentenceOf = async (cascade: string, scores: readonly number[]) => {
      const repeats = scores.map(score => ({
        fold: null,
        seed: 1,
        evaluation: evaluation({ a: { Anterior: score } }),
      }));
      const run = {
        folder: 'run',
        recipe: stringifyRecipe(parseRecipe(tinyRecipe('d'), { path: 'r', overrides: [cascade] })),
        record: { dataset: 'd', splits: { train: [], val: [], test: [], unlabelled: [] }, warnings: [] },
        repeats: { folds: [null], seeds: [1] },
        arms: [],
        ...(scores.length > 0 && { coarse: { name: 'coarse', repeats } }),
      } as unknown as Parameters<typeof dataFactsOf>[1];
      return coarseSentence((await dataFactsOf(memoryFiles(), run))!.coarse!);
    };
    const inside = 'The models see what it finds with 5 mm around, and nothing else.';
    expect(await sentenceOf('cascade={ coarse: /home/ann/body.onnx, marginMm: 5 }', [])).toBe(
      `The finished model body.onnx finds the region. ${inside}`,
    );
    const trained =
      'cascade={ coarse: { spacingMm: [3, 3, 4], patch: { size: [8, 8, 8] }, unet: { features: [3, 5] }, train: { steps: 7, batch: 1 } }, marginMm: 5 }';
    expect(await sentenceOf(trained, [0.5, 0.8])).toMatch(
      /^A network of [\d,]+ parameters that this run trained at 3 x 3 x 4 mm finds the region\. .* mean Dice of 0\.650 on the whole test cases\.$/,
    );
    expect(await sentenceOf(trained, [])).toBe(
      `A network that this run trained at 3 x 3 x 4 mm finds the region. ${inside}`,
    );
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
