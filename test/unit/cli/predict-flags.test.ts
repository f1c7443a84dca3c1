/** How `predict` reads its inputs. */
import { Command } from 'commander';
import { expect, it } from 'vitest';
import { declarePredict, type PredictFlags } from '../../../src/cli/flags/predict.ts';

async function inputsOf(...argv: readonly string[]): Promise<PredictFlags['input']> {
  const command = new Command('predict');
  declarePredict(command, async () => {});
  await command.parseAsync(['--model', 'm.onnx', ...argv, '--output', 'out'], { from: 'user' });
  return command.opts<PredictFlags>().input;
}

it('takes one input, what a shell makes of a pattern, and the flag several times', async () => {
  expect(await inputsOf('--input', 'a.nii.gz')).toEqual(['a.nii.gz']);
  expect(await inputsOf('--input', 'a.nii', 'b.nii')).toEqual(['a.nii', 'b.nii']);
  expect(await inputsOf('--input', 'a.nii', '--input', 't1.nii,t2.nii')).toEqual(['a.nii', 't1.nii,t2.nii']);
});
