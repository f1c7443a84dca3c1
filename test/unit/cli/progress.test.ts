/** Progress for people: lines that do not flood a log, with an honest ETA. */
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createProgress } from '../../../src/cli/progress.ts';

function createClock() {
  const clock = { ms: 0 };
  return { clock, elapsedMs: () => clock.ms };
}

function recordLines(quiet = false) {
  const { clock, elapsedMs } = createClock();
  const lines: string[] = [];
  const stream = { isTerminal: false, write: (text: string) => lines.push(text), terminal: new PassThrough() };
  return { clock, lines, progress: createProgress(stream, { quiet, elapsedMs }) };
}

describe('without a terminal', () => {
  it('prints the start, at most a line every five seconds, and the end', () => {
    const { clock, lines, progress } = recordLines();
    const task = progress.task('teacher', 1000, 'step');
    for (let step = 1; step <= 1000; step++) {
      clock.ms += 20;
      task.update(step, `loss ${step}`);
    }
    task.finish('loss 1000');
    expect(lines).toEqual([
      'teacher: 1000 steps\n',
      'teacher: 250/1000 steps, ETA 15 s, loss 250\n',
      'teacher: 500/1000 steps, ETA 10 s, loss 500\n',
      'teacher: 750/1000 steps, ETA 5 s, loss 750\n',
      'teacher: 1000/1000 steps, ETA 0 s, loss 1000\n',
      'teacher: done in 20 s, loss 1000\n',
    ]);
  });

  it('counts only its own work in the ETA of a resumed task', () => {
    const { clock, lines, progress } = recordLines();
    const task = progress.task('student', 1000, 'step');
    clock.ms = 1000;
    task.update(900);
    clock.ms = 6000;
    task.update(950);
    expect(lines.at(-1)).toBe('student: 950/1000 steps, ETA 5 s\n');
  });

  it('marks warnings, and shows each once', () => {
    const { lines, progress } = recordLines();
    progress.log('hello');
    progress.warn('careful');
    progress.warn('watch out');
    progress.warn('careful');
    expect(lines).toEqual(['hello\n', 'warning: careful\n', 'warning: watch out\n']);
  });
});

it('prints nothing when quiet', () => {
  const { lines, progress } = recordLines(true);
  progress.log('hello');
  progress.warn('careful');
  progress.task('a', 1, 'step').finish();
  expect(lines).toEqual([]);
});

it('draws a bar with an ETA on a terminal and keeps logged lines', () => {
  const { clock, elapsedMs } = createClock();
  const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 120 });
  const progress = createProgress(
    { isTerminal: true, write: text => terminal.write(text), terminal },
    { quiet: false, elapsedMs },
  );
  const task = progress.task('teacher\u001b[2J', 10, 'step');
  task.update(1);
  clock.ms = 2000;
  task.update(5, 'loss 0.5');
  progress.log('checkpoint saved\u0007');
  task.finish('best Dice 0.9');
  progress.log('after');
  const output = String(terminal.read());
  expect(output).toContain('teacher\\x1b[2J [');
  expect(output).not.toContain('\u001b[2J [');
  expect(output).toContain('5/10 steps done in 2 s, best Dice 0.9');
  expect(output).toContain('checkpoint saved\\x07\n');
  expect(output.endsWith('after\n')).toBe(true);
});
