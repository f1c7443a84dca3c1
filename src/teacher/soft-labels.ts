/**
 * Stores a teacher's logits on disk, so that a second student of the same patches (another network, other losses, a
 * rerun) does not run the teacher again.
 *
 * An entry is the answer to a batch of augmented patches, stored under the hash of the batch and of the teacher. So
 * teacher and student see the same view under every augmentation, which logits of whole volumes would not give. Patches
 * follow from the seed, so the same batches come again whenever data, preprocessing, patches, augmentation, batch and
 * seed are the same, and never match when one of them differs.
 *
 * One safetensors file per batch: its logits in float16, with a checksum. Files are written atomically, so a crash
 * leaves no partial file; a file that is damaged, of another format or of another teacher counts as absent and is
 * written again. Logits are rounded to float16 whether they come from disk or from the teacher, so the
 * content of the cache does not change the training.
 */

import { joinBytes } from '../core/bytes.ts';
import { InputError } from '../core/errors.ts';
import { fromFloat16, roundToFloat16, toFloat16 } from '../core/float16.ts';
import { formatBytes } from '../core/format.ts';
import { decodeSafetensors, encodeSafetensors, SafetensorsProblem, type Sha256 } from '../core/safetensors.ts';
import { elementCount } from '../core/shape.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import type { Batch } from '../data/loader.ts';
import type { SharedFiles } from '../runtime/files.ts';
import type { AskedTeacher } from '../training/teacher.ts';
import { ANSWER_ENDING, openRoom, type RoomOptions } from './soft-label-cache.ts';

export interface SoftLabelOptions extends RoomOptions {
  readonly files: RoomOptions['files'] & Pick<SharedFiles, 'read'>;
  /** Whether reading and writing stop if they cost more than they save. */
  readonly isMeasured: boolean;
  readonly sha256: Sha256;
}

/** Version 1 had a container of its own. */
const FORMAT = 'voxstill-soft-labels-2';
/** Name of the only tensor of a file. */
const LOGITS = 'logits';

/** Says whose answer a file is, and to which batch. */
interface Asked {
  /** SHA-256 of the teacher. */
  readonly teacher: string;
  /** SHA-256 of the batch. */
  readonly batch: string;
}

/** An answer, and the time that the teacher took for it. */
interface Answer {
  readonly logits: Tensor;
  readonly teacherMs: number;
}

/** Number of batches from which costs are measured. */
const MEASURED_BATCHES = 3;
/** Largest cost of writing as a fraction of the teacher's time. */
const WRITING_SHARE = 0.1;

/** Totals of a cost and of the teacher's time, over some batches. */
interface Balance {
  batches: number;
  costMs: number;
  teacherMs: number;
}

function encode({ teacher, batch }: Asked, { logits, teacherMs }: Answer, sha256: Sha256): Uint8Array {
  const values = toFloat16(logits.data as Float32Array);
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const tensors = [{ name: LOGITS, dtype: 'F16', shape: logits.shape, data }] as const;
  const metadata = { format: FORMAT, teacher, batch, teacherMs: String(teacherMs) };
  return encodeSafetensors({ tensors, metadata }, sha256);
}

/** The answer in a file; undefined if it is damaged, truncated, of another format, or the answer to something else. */
function decode(bytes: Uint8Array, asked: Asked, sha256: Sha256): Answer | undefined {
  try {
    const { tensors, metadata } = decodeSafetensors(bytes, sha256);
    const { format, teacher, batch, teacherMs } = metadata;
    const [found] = tensors;
    if (format !== FORMAT || teacher !== asked.teacher || batch !== asked.batch) return undefined;
    if (tensors.length !== 1 || found?.dtype !== 'F16') return undefined;
    const values = fromFloat16(new Uint16Array(found.data.buffer, found.data.byteOffset, elementCount(found.shape)));
    return { logits: tensor('float32', values, found.shape), teacherMs: Number(teacherMs) };
  } catch (error) {
    if (error instanceof SafetensorsProblem) return undefined;
    throw error;
  }
}

/** Bytes of a file; undefined if it does not exist (any more). */
async function readIfThere({ files }: SoftLabelOptions, path: string): Promise<Uint8Array | undefined> {
  try {
    return await files.read(path);
  } catch (error) {
    if (error instanceof InputError && error.code === 'E_FILE_MISSING') return undefined;
    throw error;
  }
}

function exceeds(balance: Balance, share: number): boolean {
  return balance.batches >= MEASURED_BATCHES && balance.costMs > share * balance.teacherMs;
}

/** Adds one batch to a balance. */
function note(balance: Balance, costMs: number, teacherMs: number): void {
  balance.batches++;
  balance.costMs += costMs;
  balance.teacherMs += teacherMs;
}

/**
 * Wraps a teacher so that its logits are stored on disk.
 * @param teacher a teacher that runs on every batch, for logits only
 * @returns the same teacher, rounded to float16
 */
export function withSoftLabels(teacher: AskedTeacher, options: SoftLabelOptions): AskedTeacher {
  const { files, folder, limitBytes, isMeasured, sha256, elapsedMs, log } = options;
  const ask = teacher.call;
  const answerBytes = Uint16Array.BYTES_PER_ELEMENT * elementCount(teacher.answerShape);
  const reading: Balance = { batches: 0, costMs: 0, teacherMs: 0 };
  const writing: Balance = { batches: 0, costMs: 0, teacherMs: 0 };
  const own = `${teacher.sha256}-${answerBytes}`;
  const room = openRoom(options, own);
  let [reads, writes] = [true, true];

  const stop = (what: 'reading' | 'writing', reason: string): void => {
    if (what === 'reading') reads = false;
    else writes = false;
    log(`soft labels: ${what} stops, since ${reason}`);
  };
  const hashOf = ({ image, caseIds }: Batch): string => {
    const names = new TextEncoder().encode(JSON.stringify(caseIds));
    return sha256(joinBytes([names, new Uint8Array(image.buffer, image.byteOffset, image.byteLength)]));
  };
  const read = async (path: string, batch: string): Promise<Tensor | undefined> => {
    const started = elapsedMs();
    const bytes = await readIfThere(options, path);
    if (bytes === undefined) return undefined;
    const found = decode(bytes, { teacher: teacher.sha256, batch }, sha256);
    if (found === undefined) {
      log(
        `soft labels: ${path} is damaged or belongs to another teacher, or its format is not ${FORMAT}; it is made again`,
      );
      return undefined;
    }
    note(reading, elapsedMs() - started, found.teacherMs);
    if (isMeasured && exceeds(reading, 1)) stop('reading', 'asking the teacher is faster');
    return found.logits;
  };
  const write = async (path: string, answer: Answer & Pick<Asked, 'batch'>): Promise<void> => {
    const started = elapsedMs();
    if (!(await room.take(answerBytes))) {
      stop('writing', `${folder} is full with ${formatBytes(limitBytes)} (distill.cache.limitMB) of teachers in use`);
      return;
    }
    await files.write(path, encode({ teacher: teacher.sha256, batch: answer.batch }, answer, sha256));
    note(writing, elapsedMs() - started, answer.teacherMs);
    if (isMeasured && exceeds(writing, WRITING_SHARE))
      stop('writing', "it takes more than a tenth of the teacher's time");
  };

  const call: AskedTeacher['call'] = async (step, batch) => {
    const hash = reads || writes ? hashOf(batch) : '';
    if (reads || writes) await room.use();
    const path = `${folder}/${own}/${hash}${ANSWER_ENDING}`;
    const found = reads ? await read(path, hash) : undefined;
    if (found !== undefined) return { logits: found, features: {} };
    const started = elapsedMs();
    const { logits } = await ask(step, batch);
    const teacherMs = elapsedMs() - started;
    const rounded = tensor('float32', roundToFloat16(logits.data as Float32Array), logits.shape);
    if (writes) await write(path, { batch: hash, logits: rounded, teacherMs });
    return { logits: rounded, features: {} };
  };
  return { ...teacher, sha256: `${teacher.sha256} in float16`, call };
}
