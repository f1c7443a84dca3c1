/** The folder of a sweep that is running, with a unit in every state: what the page and the report are shown. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { thisProcess } from '../../src/platform/node/owner.ts';
import type { UnitOutcome } from '../../src/study/units/outcome.ts';
import { writeHistory } from './run-fixture.ts';
import { tinyModel } from './tiny-model.ts';

const NOW = '2026-11-24T12:00:00.000Z';
const HOST = { system: 'linux', cpu: 'cpu', cores: 2, memoryBytes: 1e9 };

interface FixtureUnit {
  readonly folder: string;
  readonly arm: 'teacher' | 'student' | 'baseline';
  readonly state: 'waiting' | 'running' | 'done' | 'failed' | 'lost';
}

const UNITS: readonly FixtureUnit[] = [
  { folder: 'arms/teacher', arm: 'teacher', state: 'done' },
  { folder: 'arms/student-2-4-8', arm: 'student', state: 'done' },
  { folder: 'arms/baseline-2-4-8', arm: 'baseline', state: 'running' },
  { folder: 'arms/student-4-8-16', arm: 'student', state: 'running' },
  { folder: 'arms/baseline-4-8-16', arm: 'baseline', state: 'failed' },
  { folder: 'arms/student-8-16-32', arm: 'student', state: 'lost' },
  { folder: 'arms/baseline-8-16-32', arm: 'baseline', state: 'waiting' },
];

function writeJson(path: string, content: object): void {
  writeFileSync(path, JSON.stringify(content));
}

/** What the owner of a unit says of it. */
function writeClaim(folder: string, state: FixtureUnit['state'], step: number): void {
  // a process of this machine that has ended
  const owner = state === 'lost' ? { ...thisProcess(), pid: 2 ** 22 } : thisProcess();
  const eta = { secondsPerStep: 0.5, etaSeconds: 0.5 * (900 - step) };
  writeJson(join(folder, 'work/claim-1.json'), {
    attempt: 1,
    ...owner,
    startedAt: NOW,
    heartbeatAt: NOW,
    isReleased: state === 'done' || state === 'failed',
    progress: { stage: 'train', done: step, total: 900, unit: 'step', ...eta },
    timingsSeconds: {},
    waitingShares: {},
  });
}

function writeOutcome(folder: string, state: 'done' | 'failed'): void {
  const error = {
    code: 'E_LOSS_NOT_FINITE',
    message: 'the loss is NaN at step 312 (cases hippocampus_017, hippocampus_204).',
  };
  const outcome: UnitOutcome = {
    status: state,
    attempt: 1,
    node: 'node-1',
    finishedAt: NOW,
    ...(state === 'failed' && { error }),
    timingsSeconds: { train: 400, evaluate: 50 },
    waitingShares: {},
    threads: 2,
    versions: {},
    host: HOST,
  };
  writeJson(join(folder, 'work/outcome.json'), outcome);
}

function writeUnit(sweep: string, { folder: place, state }: FixtureUnit, index: number): void {
  const folder = join(sweep, place);
  mkdirSync(join(folder, 'work'), { recursive: true });
  if (state === 'waiting') return;
  writeClaim(folder, state, 150 * index);
  writeHistory(sweep, place, 5 + index);
  if (state === 'done') writeFileSync(join(folder, 'model.onnx'), tinyModel(index + 1));
  if (state === 'done' || state === 'failed') writeOutcome(folder, state);
}

/** A unit of the fixture comes to its results. */
export function finishUnit(sweep: string, place: string): void {
  writeOutcome(join(sweep, place), 'done');
}

/** Makes the folder. The units that run are this process's. */
export function writeSweepFixture(sweep: string): void {
  UNITS.forEach((unit, index) => {
    writeUnit(sweep, unit, index);
  });
  const units = UNITS.map(({ folder, arm }) => ({
    folder,
    arm,
    fold: null,
    seed: 1,
    label: folder.replace('arms/', ''),
  }));
  writeJson(join(sweep, 'units.json'), { kind: 'sweep', units });
  writeJson(join(sweep, 'sweep.json'), {
    status: 'running',
    startedAt: NOW,
    dataHashes: {},
    timingsSeconds: {},
    waitingShares: {},
    versions: {},
    host: HOST,
    grid: {},
    combinations: [],
    arms: {},
    within: null,
  });
}
