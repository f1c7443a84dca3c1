/** What `status` says of a study's folder whose own files are damaged: never that the program is at fault. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../src/cli/command-list.ts';
import { runProgram } from '../../../src/cli/program.ts';
import { writeRecord } from '../../support/run-fixture.ts';

const UNIT = { folder: 'student', arm: 'student', fold: null, seed: 1, label: 'student' };
const EXECUTOR = { kind: 'none', concurrency: null, sbatch: null, jobs: [] };

let study: string;

async function status(): Promise<{ readonly code: number; readonly stderr: string }> {
  let stderr = '';
  const code = await runProgram(['status', study], COMMANDS, {
    version: '1.2.3',
    stdout: () => {},
    stderr: {
      isTerminal: false,
      write: text => {
        stderr += text;
      },
      terminal: process.stderr,
    },
    signal: new AbortController().signal,
    elapsedMs: () => 0,
  });
  return { code, stderr };
}

beforeEach(() => {
  study = mkdtempSync(join(tmpdir(), 'voxstill-damaged-'));
  writeFileSync(join(study, 'units.json'), JSON.stringify({ kind: 'run', units: [UNIT] }));
  writeFileSync(join(study, 'executor.json'), JSON.stringify(EXECUTOR));
  writeRecord(study, 'running');
});

afterEach(() => rmSync(study, { recursive: true }));

describe('voxstill status', () => {
  it('reads a folder whose files are whole', async () => {
    expect(await status()).toMatchObject({ code: 0, stderr: expect.stringContaining('student') });
  });

  it.each([
    ['executor.json', 'with a control character', '{ "kind": "lo\u0007cal" }', 'E_EXECUTOR'],
    ['executor.json', 'of an unknown kind', JSON.stringify({ ...EXECUTOR, kind: 'cloud' }), 'E_EXECUTOR'],
    ['run.json', 'that is cut off', '{ "status": "runn', 'E_RUN'],
    ['run.json', 'of a wrong field', '{ "status": 3 }', 'E_RUN'],
    ['units.json', 'that is cut off', '{ "kind": "run"', 'E_WORK'],
    ['student/work/outcome.json', 'that is cut off', '{', 'E_WORK'],
  ])('says what to do about %s %s', async (name, _, content, expected) => {
    const path = join(study, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, content);
    const { code, stderr } = await status();
    expect(code).toBe(2);
    expect(stderr).toContain(`${expected}: ${path}`);
    expect(stderr).toMatch(/remove it/i);
    expect(stderr).not.toContain('E_INTERNAL');
  });

  it('takes a claim that is half written for one that is being written', async () => {
    mkdirSync(join(study, 'student/work'), { recursive: true });
    writeFileSync(join(study, 'student/work/claim-1.json'), '{ "attempt": 1');
    expect((await status()).code).toBe(0);
  });
});
