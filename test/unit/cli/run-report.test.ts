/** What a report says beside its numbers. */
import { expect, it } from 'vitest';
import { writeReport } from '../../../src/cli/run-text.ts';
import type { PostprocessingTrial } from '../../../src/recipe/schema/postprocessing.ts';
import { createLaboratory, functionEngine, thresholdModel } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';
import { evaluation } from '../report/fixtures.ts';

async function reportWith(trial: Pick<PostprocessingTrial, 'cases' | 'kept'>): Promise<string> {
  const trials = [{ class: 'Anterior', step: 'fillHoles', diceWithout: 0.5, diceWith: 0.6, ...trial }];
  const evaluated = { ...evaluation({ case1: { Anterior: 0.8 } }), postprocessTrials: trials };
  const files = memoryFiles({ 'e.json': JSON.stringify(evaluated) });
  await writeReport(createLaboratory(functionEngine(thresholdModel), files), ['e.json'], 'report.html');
  return files.text('report.html');
}

it('warns of post-processing that was chosen on few cases, and of no other', async () => {
  expect(await reportWith({ cases: 4, kept: true })).toContain('on only 4 validation cases');
  expect(await reportWith({ cases: 4, kept: false })).not.toContain('validation cases');
  expect(await reportWith({ cases: 10, kept: true })).not.toContain('validation cases');
});

it('says which cases of an evaluation failed, in the report, the lines and the record', async () => {
  const failed = [{ id: 'case2', code: 'E_NIFTI_CORRUPT', message: 'case2.nii is truncated.' }];
  const files = memoryFiles({ 'e.json': JSON.stringify({ ...evaluation({ case1: { Anterior: 0.8 } }), failed }) });
  const laboratory = createLaboratory(functionEngine(thresholdModel), files);
  const { text, json } = await writeReport(laboratory, ['e.json'], 'report.html');
  expect(json).toMatchObject({ comparison: { failed: { e: failed } } });
  for (const said of [text, files.text('report.html')]) {
    expect(said).toContain('e lacks cases: 1 case failed and is in no score: case2 (E_NIFTI_CORRUPT).');
  }
});
