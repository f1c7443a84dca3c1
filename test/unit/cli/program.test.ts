/** The program's conventions, with commands that do nothing: streams, exit codes, messages. */
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../src/cli/command-list.ts';
import { type ListedCommand, runProgram } from '../../../src/cli/program.ts';
import { InputError, WorkError } from '../../../src/core/errors.ts';

const interruption = { controller: new AbortController() };

/** A command that works, fails in each way, or is interrupted. */
const work: ListedCommand = {
  name: 'work',
  takes: '[how]',
  description: '',
  load: async () => (command, start) => {
    command
      .argument('[how]')
      .option('--steps <n>')
      .action((how?: string) =>
        start(async ({ progress, signal }) => {
          progress.log('working');
          if (how === 'input') throw new InputError('E_NIFTI_CORRUPT', 'that is not a volume');
          if (how === 'work') throw new WorkError('E_LOSS_NOT_FINITE', 'the loss is not finite');
          if (how === 'bug') throw new Error('internal: impossible');
          if (how === 'interrupt') {
            interruption.controller.abort();
            signal.throwIfAborted();
          }
          if (how?.startsWith('names')) progress.warn(how);
          if (how?.startsWith('names no')) throw new InputError('E_FILE_MISSING', how);
          if (how?.startsWith('names')) return { json: { how }, text: how };
          if (how === 'problems') return { json: {}, text: 'two volumes failed', exitCode: 1 };
          return { json: { answer: 42 }, text: 'the answer is 42' };
        }),
      );
  },
};

async function call(...argv: readonly string[]) {
  interruption.controller = new AbortController();
  let [stdout, stderr] = ['', ''];
  const code = await runProgram(argv, [work, ...COMMANDS], {
    version: '1.2.3',
    stdout: text => {
      stdout += text;
    },
    stderr: {
      isTerminal: false,
      write: text => {
        stderr += text;
      },
      terminal: process.stderr,
    },
    signal: interruption.controller.signal,
    elapsedMs: () => 0,
  });
  return { code, stdout, stderr };
}

describe('streams', () => {
  it('show what names from outside hold, and are not commanded by it', async () => {
    const name = 'names \u001b[2J\u009b31m\rover\u202e';
    const shown = 'names \\x1b[2J\\x9b31m\\x0dover\\u202e';
    expect((await call('work', name)).stderr).toBe(`working\nwarning: ${shown}\n${shown}\n`);
    const { stderr } = await call('work', name.replace('names', 'names no'), '--debug');
    expect(stderr).toContain(`E_FILE_MISSING: ${shown.replace('names', 'names no')}\n`);
    expect(stderr).not.toContain('\u001b');
    expect((await call(`wo\u001b[2Jrk`)).stderr).not.toContain('\u001b');
  });

  it('keep stdout for the JSON document, wherever the flag stands', async () => {
    expect(await call('work')).toEqual({ code: 0, stdout: '', stderr: 'working\nthe answer is 42\n' });
    for (const argv of [
      ['work', '--json'],
      ['--json', 'work'],
    ]) {
      const { code, stdout, stderr } = await call(...argv);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toEqual({ answer: 42 });
      expect(stderr).toContain('the answer is 42');
    }
  });

  it('stay empty with --quiet, but for the document and errors', async () => {
    expect(await call('work', '--quiet')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(JSON.parse((await call('work', '--quiet', '--json')).stdout)).toEqual({ answer: 42 });
    expect((await call('work', 'work', '--quiet')).stderr).toBe('E_LOSS_NOT_FINITE: the loss is not finite\n');
  });

  it('name the problems that a command found even with --quiet', async () => {
    expect(await call('work', 'problems', '--quiet')).toEqual({ code: 1, stdout: '', stderr: 'two volumes failed\n' });
  });

  it('show help and version on stdout when asked for', async () => {
    const help = await call('train', '--help');
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toContain('--arm <arm>');
    expect(help.stdout).toContain('--json');
    expect(await call('--version')).toEqual({ code: 0, stdout: '1.2.3\n', stderr: '' });
  });
});

describe('failures', () => {
  it.each([
    ['input', 2, 'E_NIFTI_CORRUPT: that is not a volume\n'],
    ['work', 1, 'E_LOSS_NOT_FINITE: the loss is not finite\n'],
  ])('of kind %s exit with %i and one message', async (how, code, message) => {
    expect(await call('work', how)).toEqual({ code, stdout: '', stderr: `working\n${message}` });
  });

  it('are also listed in JSON if that was asked for', async () => {
    const { code, stdout } = await call('work', 'input', '--json');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toEqual({ error: { code: 'E_NIFTI_CORRUPT', message: 'that is not a volume' } });
  });

  it('have a stack only with --debug', async () => {
    const plain = await call('work', 'bug');
    expect(plain.code).toBe(1);
    expect(plain.stderr).toContain('E_INTERNAL: internal: impossible');
    expect(plain.stderr).not.toMatch(/^ {4}at /m);
    expect((await call('work', 'bug', '--debug')).stderr).toMatch(/^ {4}at /m);
  });

  it('by Ctrl-C exit with 130 and no error', async () => {
    expect(await call('work', 'interrupt')).toEqual({ code: 130, stdout: '', stderr: 'working\ninterrupted\n' });
    interruption.controller = new AbortController();
    const asked = await call('work', 'interrupt', '--json');
    expect(asked.code).toBe(130);
    expect(JSON.parse(asked.stdout)).toMatchObject({ error: { code: 'E_INTERRUPTED' } });
  });
});

describe('help', () => {
  it('lists every command with what it takes, as its own flags say', async () => {
    const { stdout } = await call('--help');
    for (const { name, takes, description } of COMMANDS) {
      const usage = `${name} ${takes}`.trim();
      expect(stdout.replaceAll(/\s+/g, ' ')).toContain(`${usage} ${description}`);
      const own = (await call(name, '--help')).stdout;
      expect(own).toMatch(`Usage: voxstill ${[name, '[options]', takes].filter(part => part !== '').join(' ')}\n`);
      expect(await call('help', name)).toEqual({ code: 0, stdout: own, stderr: '' });
    }
  });
});

describe('wrong usage', () => {
  it.each([
    [['work', '--setps', '3'], "unknown option '--setps' Did you mean --steps? See voxstill work --help."],
    [['work', '--x'], "unknown option '--x' The nearest flag is "],
    [['wrok'], "unknown command 'wrok' Did you mean work? See voxstill --help."],
    [['demo', '--sed', '3'], 'Did you mean --seed?'],
    [['demo', '--seed', 'x'], 'It must be a whole number of at least 0. See voxstill demo --help.'],
    [['demo', 'extra'], 'too many arguments'],
    [['run'], "missing required argument 'recipe' See voxstill run --help."],
    [['train', 'r.yaml'], "required option '--arm <arm>' not specified"],
    [['train', 'r.yaml', '--arm', 'pupil'], 'Allowed choices are coarse, teacher, student, baseline.'],
    [['compare', 'a'], "required option '--out <file>' not specified"],
    [['inspect'], 'give either a file or folder to describe, or --devices.'],
    [['inspect', 'a', '--devices'], 'give either a file or folder to describe, or --devices.'],
    [['predict', '--device', 'gpu'], 'Allowed choices are auto, cpu, webgpu, cuda.'],
  ])('%j exits with 2 and says what is right', async (argv, message) => {
    const { code, stdout, stderr } = await call(...argv);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^E_USAGE: [^\n]+\n$/);
    expect(stderr).toContain(message);
  });

  it('without a command shows the help and exits with 2', async () => {
    const { code, stderr } = await call();
    expect(code).toBe(2);
    expect(stderr).toContain('Usage: voxstill');
  });

  it('names the file that is not there', async () => {
    expect(await call('run', 'no-such-recipe.yaml')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^E_FILE_MISSING: .*no-such-recipe\.yaml\n$/),
    });
  });
});
