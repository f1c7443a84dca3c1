/**
 * Progress for people, on stderr: bars with an ETA on a terminal, plain lines at most every five seconds elsewhere (log
 * files, batch systems), nothing with --quiet. It does not print errors. Names and messages may come from files, so
 * nothing in them reaches a terminal as a command.
 */
import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import { formatDuration } from '../core/format.ts';
import { printable } from '../core/printable.ts';
import { createCountdown, type Progress, type ProgressTask, silent, type TaskKnowledge } from '../runtime/progress.ts';

/** Output stream for text. */
export interface TextStream {
  readonly isTerminal: boolean;
  write(text: string): void;
  /** Stream of the terminal, for bars. */
  readonly terminal: NodeJS.WritableStream;
}

export interface ProgressOptions {
  readonly quiet: boolean;
  readonly elapsedMs: () => number;
}

const LINE_INTERVAL_MS = 5000;

/** Remaining time as text. */
function createEta(total: number, elapsedMs: () => number): (done: number, known?: TaskKnowledge) => string {
  const countdown = createCountdown(total, elapsedMs);
  return (done, known) => {
    const left = countdown(done, known);
    return left === undefined ? 'ETA unknown' : `ETA ${formatDuration(left)}`;
  };
}

function withNote(text: string, note: string | undefined): string {
  return note === undefined || note === '' ? text : `${text}, ${note}`;
}

/** Plain lines, at most one every five seconds for each task. */
export function createLines(stream: Pick<TextStream, 'write'>, elapsedMs: () => number): Progress {
  const line = (text: string): void => stream.write(`${printable(text)}\n`);
  const task = (label: string, total: number, unit: string): ProgressTask => {
    const eta = createEta(total, elapsedMs);
    const startMs = elapsedMs();
    let lastMs = startMs;
    let steps = total;
    line(`${label}: ${total} ${unit}${total === 1 ? '' : 's'}`);
    return {
      update: (done, note, known) => {
        steps = known?.total ?? steps;
        const remaining = eta(done, known);
        if (elapsedMs() - lastMs < LINE_INTERVAL_MS) return;
        lastMs = elapsedMs();
        line(withNote(`${label}: ${done}/${steps} ${unit}s, ${remaining}`, note));
      },
      finish: note => line(withNote(`${label}: done in ${formatDuration((elapsedMs() - startMs) / 1000)}`, note)),
    };
  };
  return { task, log: line, warn: message => line(`warning: ${message}`) };
}

function createBars(stream: TextStream, elapsedMs: () => number): Progress {
  let bars: MultiBar | undefined;
  const active = new Set<SingleBar>();
  const line = (text: string): void => {
    if (bars === undefined) stream.write(`${printable(text)}\n`);
    else bars.log(`${printable(text)}\n`);
  };
  const task = (label: string, total: number, unit: string): ProgressTask => {
    bars ??= new MultiBar(
      {
        format: '{label} [{bar}] {value}/{total} {unit}s {text}',
        stream: stream.terminal,
        barsize: 24,
        // Ctrl-C is handled by the program; the bars must not react to it.
        gracefulExit: false,
        autopadding: true,
      },
      Presets.rect,
    );
    const eta = createEta(total, elapsedMs);
    const startMs = elapsedMs();
    const bar = bars.create(total, 0, { label: printable(label), unit, text: '' });
    active.add(bar);
    return {
      update: (done, note, known) => {
        if (known?.total !== undefined) bar.setTotal(known.total);
        bar.update(done, { text: printable(withNote(eta(done, known), note)) });
      },
      finish: note => {
        const text = withNote(`done in ${formatDuration((elapsedMs() - startMs) / 1000)}`, note);
        active.delete(bar);
        if (active.size > 0) {
          bars?.remove(bar);
          line(`${label}: ${text}`);
          return;
        }
        bar.update({ text: printable(text) });
        bars?.update();
        bars?.stop();
        bars = undefined;
      },
    };
  };
  return { task, log: line, warn: message => line(`warning: ${message}`) };
}

/** Progress as the stream can show it. A warning in the same words, as of a model at each case, is shown once. */
export function createProgress(stream: TextStream, { quiet, elapsedMs }: ProgressOptions): Progress {
  if (quiet) return silent;
  const progress = stream.isTerminal ? createBars(stream, elapsedMs) : createLines(stream, elapsedMs);
  const told = new Set<string>();
  const warn = (message: string): void => {
    if (told.has(message)) return;
    told.add(message);
    progress.warn(message);
  };
  return { ...progress, warn };
}
