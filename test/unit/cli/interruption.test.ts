/** One request to stop may arrive as several signals; a second request ends the program. */
import { expect, it } from 'vitest';
import { createInterruption } from '../../../src/cli/interruption.ts';

function interruptionAt() {
  const seen: string[] = [];
  let nowMs = 1000;
  const interruption = createInterruption({
    say: text => seen.push(text.trim().split(' ')[0]!),
    end: () => seen.push('end'),
    elapsedMs: () => nowMs,
  });
  const signalAt = (ms: number): void => {
    nowMs = 1000 + ms;
    interruption.onSignal();
  };
  return { interruption, seen, signalAt };
}

it('stops once where a signal comes to the program and to its group', () => {
  const { interruption, seen, signalAt } = interruptionAt();
  expect(interruption.signal.aborted).toBe(false);
  for (const ms of [0, 0, 3, 499]) signalAt(ms);
  expect(interruption.signal.aborted).toBe(true);
  expect(seen).toEqual(['stopping']);
});

it('ends at once when asked again', () => {
  const { seen, signalAt } = interruptionAt();
  signalAt(0);
  signalAt(500);
  expect(seen).toEqual(['stopping', 'end']);
});

it('stops without a signal, and a signal after that is the first request', () => {
  const { interruption, seen, signalAt } = interruptionAt();
  interruption.stop();
  expect(interruption.signal.aborted).toBe(true);
  signalAt(0);
  expect(seen).toEqual(['stopping']);
});
