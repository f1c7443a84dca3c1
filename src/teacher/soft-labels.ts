/**
 * Stores a teacher's logits on disk, so that a second student of the same patches (another network, other losses, a
 * rerun) does not run the teacher again.
 *
 * An entry is the answer to a batch of augmented patches, stored under the hash of the batch and of the teacher. So
 * teacher and student see the same view under every augmentation, which logits of whole volumes would not give. Patches
 * follow from the seed, so the same batches come again whenever data, preprocessing, patches, augmentation, batch and
 * seed are the same, and never match when one of them differs.
 *
 * One file per batch: an 8-byte header length, a JSON header with the SHA-256 of the rest, float16 values. Files are
 * written atomically, so a crash leaves no partial file; a file that is damaged or belongs to another teacher counts as
 * absent and is written again. Logits are rounded to float16 whether they come from disk or from the teacher, so the
 * content of the cache does not change the training.
 */

import { joinBytes } from '../core/bytes.ts';
import { InputError } from '../core/errors.ts';
import { fromFloat16, roundToFloat16, toFloat16 } from '../core/float16.ts';
import { formatBytes } from '../core/format.ts';
import { elementCount, type Shape } from '../core/shape.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import type { Batch } from '../data/loader.ts';
import type { SharedFiles } from '../runtime/files.ts';
import type { AskedTeacher } from '../training/teacher.ts';
import { ANSWER_ENDING, openRoom, type RoomOptions } from './soft-label-cache.ts';

export interface SoftLabelOptions extends RoomOptions {
  readonly files: RoomOptions['files'] & Pick<SharedFiles, 'read'>;
  /** Whether reading and writing stop if they cost more than they save. */
  readonly isMeasured: boolean;
  readonly sha256: (data: Uint8Array) => string;
}

interface Header {
  readonly format: 'voxstill-soft-labels-1';
  readonly teacher: string;
  readonly batch: string;
  readonly shape: Shape;
  /** Time of the teacher, ms. */
  readonly teacherMs: number;
  /** SHA-256 of the values. */
  readonly sha256: string;
}

const HEADER_LENGTH_BYTES = 8;
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

function encode(header: Omit<Header, 'sha256'>, values: Uint16Array, sha256: SoftLabelOptions['sha256']): Uint8Array {
  const payload = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const text = new TextEncoder().encode(JSON.stringify({ ...header, sha256: sha256(payload) } satisfies Header));
  const length = new Uint8Array(HEADER_LENGTH_BYTES);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  return joinBytes([length, text, payload]);
}

/** Content of a file; undefined if it is damaged, truncated, or the answer to something else. */
function decode(
  bytes: Uint8Array,
  expected: Pick<Header, 'teacher' | 'batch'>,
  sha256: SoftLabelOptions['sha256'],
): { readonly logits: Tensor; readonly teacherMs: number } | undefined {
  if (bytes.length < HEADER_LENGTH_BYTES) return undefined;
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const start = HEADER_LENGTH_BYTES + length;
  if (start > bytes.length) return undefined;
  let header: Partial<Header>;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(HEADER_LENGTH_BYTES, start)));
  } catch {
    return undefined;
  }
  const { format, teacher, batch, shape, teacherMs = 0 } = header;
  // a copy, so that its buffer starts at the values whatever kind of view `bytes` is
  const payload = new Uint8Array(bytes.subarray(start));
  const isOurs = format === 'voxstill-soft-labels-1' && teacher === expected.teacher && batch === expected.batch;
  if (!isOurs || shape === undefined || payload.length !== 2 * elementCount(shape)) return undefined;
  if (sha256(payload) !== header.sha256) return undefined;
  return { logits: tensor('float32', fromFloat16(new Uint16Array(payload.buffer)), shape), teacherMs };
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
      log(`soft labels: ${path} is damaged or belongs to another teacher; it is made again`);
      return undefined;
    }
    note(reading, elapsedMs() - started, found.teacherMs);
    if (isMeasured && exceeds(reading, 1)) stop('reading', 'asking the teacher is faster');
    return found.logits;
  };
  const write = async (path: string, answer: { batch: string; logits: Tensor; teacherMs: number }): Promise<void> => {
    const { batch, logits, teacherMs } = answer;
    const started = elapsedMs();
    if (!(await room.take(answerBytes))) {
      stop('writing', `${folder} is full with ${formatBytes(limitBytes)} (distill.cache.limitMB) of teachers in use`);
      return;
    }
    const header = {
      format: 'voxstill-soft-labels-1',
      teacher: teacher.sha256,
      batch,
      shape: logits.shape,
      teacherMs,
    } as const;
    await files.write(path, encode(header, toFloat16(logits.data as Float32Array), sha256));
    note(writing, elapsedMs() - started, teacherMs);
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
