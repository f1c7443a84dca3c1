/** The page's side of a distillation's worker: one worker for each job, which is ended with it. */
import { WorkError } from '../../src/core/errors.ts';
import type { Probe } from '../../src/platform/web/device-probe.ts';
import type { DeviceProbe } from '../../src/runtime/device.ts';
import type { DistilJob, DistilReply, Probed } from './protocol.ts';

type Last = Extract<DistilReply, { kind: 'checked' | 'done' | 'paused' }>;

/** The page around a job. */
export interface JobWorld {
  readonly onReply: (reply: DistilReply) => void;
  readonly probe: Probe;
}

export interface RunningJob {
  /** How it ended. Throws a WorkError with the worker's code; E_WORKER if it crashed; E_CANCELLED. */
  readonly end: Promise<Last>;
  /** Asks a training to stop after a checkpoint, between two steps. */
  pause(): void;
  /** Ends it at once. */
  cancel(): void;
}

/**
 * @param world.onReply sees what comes before the last reply
 * @param world.probe tries the graphics card
 */
export function startJob(job: DistilJob, { onReply, probe }: JobWorld): RunningJob {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  let cancel = (): void => {};
  const ended = new Promise<Last>((resolve, reject) => {
    worker.onmessage = ({ data: reply }: MessageEvent<DistilReply>) => {
      if (reply.kind === 'failed') reject(new WorkError(reply.code, reply.message));
      else if (reply.kind === 'checked' || reply.kind === 'done' || reply.kind === 'paused') resolve(reply);
      else if (reply.kind === 'probe') {
        const answer = (found: DeviceProbe): void =>
          worker.postMessage({ kind: 'probed', probe: found } satisfies Probed);
        probe(reply).then(answer, reject);
      } else onReply(reply);
    };
    worker.onerror = ({ message }) =>
      reject(
        new WorkError(
          'E_WORKER',
          `the worker that trains has ended${message ? `: ${message}` : ''}. What was stored is kept: go on from there, with a smaller student or patch if it was short of memory.`,
        ),
      );
    cancel = () => reject(new WorkError('E_CANCELLED', 'cancelled'));
  });
  worker.postMessage(job);
  return {
    end: ended.finally(() => worker.terminate()),
    pause: () => worker.postMessage('pause'),
    cancel: () => cancel(),
  };
}
