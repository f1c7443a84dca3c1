/** Sentences of the page about a segmentation: its progress, expected Dice, time and memory. */

import { formatBytes, formatDice, formatSeconds, plural } from '../src/core/format.ts';
import type { FoundBackend } from '../src/platform/web/device-probe.ts';
import type { SegmentProgress } from '../src/platform/web/index.ts';
import type { SegmentedReply } from './protocol.ts';
import { threadsOfPage } from './threads.ts';

export function progressText({ windowsDone, windowsTotal, secondsLeft }: SegmentProgress): string {
  const windows = `window ${windowsDone} of ${windowsTotal}`;
  return windowsDone === windowsTotal ? windows : `${windows}, ${Math.max(1, Math.round(secondsLeft))} s left`;
}

/**
 * What computes, and why.
 * @param threads of WebAssembly, where the page may have so many
 */
export function computesText({ backend, reason }: FoundBackend, threads = threadsOfPage()): string {
  const count = crossOriginIsolated ? threads : 1;
  const what = backend === 'webgpu' ? 'the graphics card by WebGPU' : `WebAssembly, ${plural(count, 'thread')}`;
  return reason === undefined ? what : `${what} (${reason})`;
}

/** What the model expects of its own result; empty where it gives no probabilities. */
export function expectedDiceText({
  expectedDice,
  temperature,
}: Pick<SegmentedReply, 'expectedDice' | 'temperature'>): string {
  const classes = Object.entries(expectedDice).map(([name, dice]) =>
    dice === null ? `${name} not found` : `${name} ${formatDice(dice)}`,
  );
  if (classes.length === 0) return '';
  return `. Expected Dice: ${classes.join(', ')}${temperature === null ? ' (not calibrated)' : ''}`;
}

export function costText({ seconds, loadSeconds, engine, threads, engineBytes }: SegmentedReply): string {
  const where = `${engine}${engine.endsWith('wasm') ? `, ${threads} thread${threads === 1 ? '' : 's'}` : ''}`;
  const memory = engineBytes === undefined ? '' : `; ${formatBytes(engineBytes)} of engine memory at most`;
  return `${formatSeconds(seconds)} after ${formatSeconds(loadSeconds)} of loading; ${where}${memory}`;
}
