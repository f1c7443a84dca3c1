/** A run's folder with models that nobody trained and histories that tests write: what the page is shown. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatHistory } from '../../src/experiment/history.ts';
import { tinyModel } from './tiny-model.ts';

/** Rows 1 to `steps` of a falling loss. */
export function writeHistory(run: string, arm: string, steps: number): void {
  const rows = Array.from({ length: steps }, (_, index) => ({
    step: index + 1,
    epoch: 0,
    seconds: index,
    learningRate: 0.01,
    losses: { total: 2 / (index + 1), crossEntropy: 1 / (index + 1) },
  }));
  writeFileSync(join(run, arm, 'history.csv'), formatHistory(rows));
}

/** Writes run.json as a run has it. */
export function writeRecord(run: string, status: 'running' | 'done'): void {
  const host = { system: 'linux', cpu: 'cpu', cores: 2, memoryBytes: 1e9 };
  const record = { status, startedAt: '2026-11-24T12:00:00Z', dataset: '/data', seeds: [1], versions: {}, host };
  writeFileSync(join(run, 'run.json'), JSON.stringify(record));
}

/**
 * Makes the folder of a run that is under way: student and baseline have models and histories, the teacher has neither.
 */
export function writeRunFixture(run: string): void {
  for (const [index, arm] of ['student', 'baseline'].entries()) {
    mkdirSync(join(run, arm), { recursive: true });
    writeFileSync(join(run, arm, 'model.onnx'), tinyModel(index + 1));
    writeHistory(run, arm, 3);
  }
  writeRecord(run, 'running');
}
