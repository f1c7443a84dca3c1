/**
 * A finished session that a person corrects: its cases are measured in the background, opened in the view of images,
 * and the student goes on from the labels that were accepted.
 */
import { InputError, VoxstillError } from '../../src/core/errors.ts';
import type { Probe } from '../../src/platform/web/device-probe.ts';
import type { CorrectableCase } from '../../src/study/correction/corrections.ts';
import type { ReviewedCase } from '../case-review.ts';
import { byId } from '../elements.ts';
import type { ImageChoice } from '../image-choices.ts';
import { guarded } from '../message.ts';
import type { DroppedFile } from '../protocol.ts';
import { createCasesView } from './cases-view.ts';
import { type RunningJob, startJob } from './client.ts';
import type { DistilJob, DistilReply } from './protocol.ts';
import type { RunView, ShownFacts } from './run-view.ts';
import { sessionFiles } from './sessions.ts';

/** The rest of the view, as far as this part needs it. */
export interface CorrectingWorld {
  /** The places of a training, and what is to compute. */
  setting(): Pick<DistilJob, 'places' | 'version' | 'device'>;
  /** Tries the graphics card. */
  readonly probe: Probe;
  readonly run: RunView;
  /** Trains in a session and shows its result. */
  train(work: DistilJob & { session: string }, facts: ShownFacts): Promise<void>;
  openCase(item: ReviewedCase): Promise<void>;
  showDistil(): void;
}

export interface Correcting {
  /** Shows the cases of a finished session. */
  show(session: string, facts: ShownFacts): void;
  /** Stops to measure, so that something else has the processor. */
  rest(): void;
  /** Goes on measuring. */
  resume(): void;
  /** Shows no cases any more. */
  leave(): void;
  update(isBusy: boolean): void;
  listen(): void;
}

const nameOf = (path: string): string => path.split('/').at(-1) as string;
const choiceOf = (path: string): ImageChoice => ({ path, title: nameOf(path), facts: '' });

/** A case's files out of the browser's storage, with those that hold the voxels of a header. */
async function filesOfCase(session: string, { images, label }: CorrectableCase): Promise<readonly DroppedFile[]> {
  const files = await sessionFiles(session);
  const { filesOfVolume } = await import('../../src/data/volume-file.ts');
  const found: DroppedFile[] = [];
  for (const image of label === undefined ? images : [...images, label]) {
    for (const path of await filesOfVolume({ files }, image)) {
      const bytes = (await files.read(path)) as Uint8Array<ArrayBuffer>;
      found.push({ path, file: new File([bytes], nameOf(path)) });
    }
  }
  return found;
}

export function createCorrecting(world: CorrectingWorld): Correcting {
  const { setting, probe, run } = world;
  let current: { readonly session: string; readonly facts: ShownFacts } | undefined;
  let background: RunningJob | undefined;

  const cases = createCasesView((item, student) => guarded(() => open(item, student)));

  function rest(): void {
    background?.cancel();
    background = undefined;
    byId('distil-measuring').textContent = '';
  }

  /** Reads where the session stands, and measures what is not known yet. */
  async function measure(): Promise<void> {
    rest();
    if (current === undefined) return;
    const onReply = (reply: DistilReply): void => {
      if (job !== background) return;
      cases.show(reply);
      if (reply.kind === 'corrections') run.offer(reply.corrections.student);
    };
    const job = startJob({ kind: 'measure', ...setting(), session: current.session }, { onReply, probe });
    background = job;
    try {
      await job.end;
      if (job === background) byId('distil-measuring').textContent = '';
    } catch (error) {
      if (!(error instanceof VoxstillError && error.code === 'E_CANCELLED')) throw error;
    }
  }

  async function open(item: CorrectableCase, student: string): Promise<void> {
    if (current === undefined) return;
    const { session, facts } = current;
    rest();
    const files = await sessionFiles(session);
    const bytes = (await files.read(student)) as Uint8Array<ArrayBuffer>;
    await world.openCase({
      title: `${item.id} of ${facts.title}`,
      files: await filesOfCase(session, item),
      wanted: {
        channels: item.images.map(choiceOf),
        ...(item.label !== undefined && { reference: choiceOf(item.label) }),
      },
      student: new File([bytes], 'student.onnx'),
      keep: async (labels, isCorrected) => {
        const work = { kind: 'keep', ...setting(), session, id: item.id, labels, isCorrected } as const;
        await startJob(work, { onReply: () => {}, probe }).end;
      },
      back: () => {
        world.showDistil();
        void guarded(measure);
      },
    });
  }

  async function goOn(): Promise<void> {
    if (current === undefined) return;
    const { session, facts } = current;
    const steps = Number(byId<HTMLInputElement>('distil-round-steps').value);
    if (!Number.isInteger(steps) || steps < 1) {
      throw new InputError('E_RECIPE_VALUE', 'the number of steps must be a whole number of at least 1.');
    }
    await world.train({ kind: 'continue', ...setting(), session, steps }, facts);
  }

  return {
    show(session, facts) {
      current = { session, facts };
      void guarded(measure);
    },
    rest,
    resume: () => void guarded(measure),
    leave() {
      rest();
      current = undefined;
      cases.clear();
    },
    update: isBusy => cases.update(isBusy),
    listen() {
      byId('distil-continue').addEventListener('click', () => guarded(goOn));
    },
  };
}
