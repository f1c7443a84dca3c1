/**
 * The program around its commands: common flags, one readable message per error, exit codes, and the streams.
 * stdout carries only the --json document (or --help and --version if they are requested).
 */
import { Command, CommanderError } from 'commander';
import { InputError, VoxstillError } from '../core/errors.ts';
import { printable } from '../core/printable.ts';
import type { TextStream } from './progress.ts';
import type { Start } from './session.ts';

/** Gives a command its arguments, flags and action. The action imports its modules when it is called. */
export type DeclareCommand = (command: Command, start: Start) => void;

/**
 * A command as `voxstill --help` lists it. Its flags are loaded only when it is called or its own help is asked for.
 */
export interface ListedCommand {
  readonly name: string;
  /** The arguments as the usage line shows them, for example `<folder> [index]`. */
  readonly takes: string;
  readonly description: string;
  readonly load: () => Promise<DeclareCommand>;
}

/** The surroundings of the program: its streams, its clock, its interruption. */
export interface Surroundings {
  readonly version: string;
  readonly stdout: (text: string) => void;
  readonly stderr: TextStream;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
  readonly elapsedMs: () => number;
}

const EXIT_INTERRUPTED = 130;

interface SharedFlags {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly debug: boolean;
}

function allCommands(program: Command): readonly Command[] {
  return [program, ...program.commands];
}

/** The message of a wrong call, always with the nearest flag and a pointer to --help. */
async function usageMessage(error: CommanderError, program: Command, argv: readonly string[]): Promise<string> {
  const name = argv.find(word => program.commands.some(command => command.name() === word));
  const command = program.commands.find(candidate => candidate.name() === name);
  const [first = '', ...more] = error.message.replace(/^error: /, '').split('\n');
  let advice = more.join(' ').replace(/^\(|\)$/g, '');
  if (error.code === 'commander.unknownOption' && advice === '') {
    const flags = [program, ...(command === undefined ? [] : [command])].flatMap(({ options }) =>
      options.flatMap(({ long }) => long ?? []),
    );
    const asked = /'(.+)'/.exec(first)?.[1] ?? '';
    const { nearestWord } = await import('../recipe/problems.ts');
    advice = `The nearest flag is ${nearestWord(asked, flags, Number.POSITIVE_INFINITY)}.`;
  }
  const help = `See voxstill ${name === undefined ? '' : `${name} `}--help.`;
  return [first, advice, help].filter(part => part !== '').join(' ');
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** The error as the user sees it. */
function describeError(error: Error): { readonly code: string; readonly message: string; readonly exitCode: 1 | 2 } {
  if (error instanceof VoxstillError) return { code: error.code, message: error.message, exitCode: error.exitCode };
  const message = `${error.message}. This is a bug in voxstill; --debug shows where.`;
  return { code: 'E_INTERNAL', message, exitCode: 1 };
}

/**
 * Runs the program once.
 * @param argv words after the program's name
 * @returns the exit code: 0 done, 1 the work failed, 2 wrong usage or invalid input, 130 interrupted
 */
export async function runProgram(
  argv: readonly string[],
  commands: readonly ListedCommand[],
  surroundings: Surroundings,
): Promise<number> {
  const { stdout, stderr, signal, elapsedMs } = surroundings;
  const program = new Command('voxstill')
    .description('Distils large 3D medical segmentation models into small ones that run anywhere.')
    .version(surroundings.version)
    .option('--json', 'print one JSON document on stdout at the end', false)
    .option('--quiet', 'print only errors and the problems that a command found', false)
    .option('--debug', 'print the stack trace of an error', false);
  const flags = (): SharedFlags => program.opts<{ json: boolean; quiet: boolean; debug: boolean }>();
  let exitCode = 0;
  const start: Start = async work => {
    const { quiet, json } = flags();
    const { createProgress } = await import('./progress.ts');
    const outcome = await work({ progress: createProgress(stderr, { quiet, elapsedMs }), signal, elapsedMs });
    exitCode = outcome.exitCode ?? 0;
    if (!quiet || exitCode !== 0 || outcome.isAlarming) stderr.write(`${printable(outcome.text)}\n`);
    if (json) stdout(`${JSON.stringify(outcome.json, null, 2)}\n`);
  };
  const takes = new Map(commands.map(command => [command.name, command.takes]));
  const subcommandTerm = (command: Command): string => `${command.name()} ${takes.get(command.name()) ?? ''}`.trimEnd();
  for (const { name, description } of commands) program.command(name).description(description);
  for (const command of allCommands(program)) {
    command
      .exitOverride()
      .configureHelp({ showGlobalOptions: true, subcommandTerm })
      .configureOutput({ writeOut: stdout, writeErr: stderr.write, outputError: () => {} });
  }
  try {
    for (const command of program.commands) {
      const listed = commands.find(({ name }) => name === command.name() && argv.includes(name));
      (await listed?.load())?.(command, start);
    }
    await program.parseAsync([...argv], { from: 'user' });
    return signal.aborted ? EXIT_INTERRUPTED : exitCode;
  } catch (caught) {
    if (caught instanceof CommanderError && caught.exitCode === 0) return 0;
    if (caught instanceof CommanderError && caught.code === 'commander.help') return 2;
    // The flags as written, since a wrong call is not parsed completely.
    const asked = (flag: string): boolean => argv.includes(flag);
    const fail = (code: string, message: string): void => {
      if (asked('--json')) stdout(`${JSON.stringify({ error: { code, message } }, null, 2)}\n`);
    };
    if (signal.aborted) {
      stderr.write('interrupted\n');
      fail('E_INTERRUPTED', 'interrupted; what was finished is kept');
      return EXIT_INTERRUPTED;
    }
    const error =
      caught instanceof CommanderError
        ? new InputError('E_USAGE', await usageMessage(caught, program, argv), { cause: caught })
        : asError(caught);
    const { code, message, exitCode } = describeError(error);
    stderr.write(`${code}: ${printable(message)}\n`);
    if (asked('--debug')) stderr.write(`${printable(String(error.stack))}\n`);
    fail(code, message);
    return exitCode;
  }
}
