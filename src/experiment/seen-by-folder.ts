/**
 * What a model of an earlier version has seen, which its metadata do not say: by the folder of the run or sweep that it
 * is in, which lists the cases of each part and the hashes of all data files.
 */
import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import type { CaseFiles } from '../data/case-list.ts';
import type { SeenImages } from '../data/training-facts.ts';
import { volumeStem } from '../data/volume-name.ts';
import type { Files } from '../runtime/files.ts';
import { parseJsonIf, readText } from '../runtime/json-file.ts';
import { fileAbove } from './file-above.ts';

/** A run keeps arms in RUN/student, RUN/seed-2/student and RUN/fold-1/seed-2/student; a sweep in SWEEP/units/arm. */
const MOST_LEVELS = 3;
const RECORDS = ['run.json', 'sweep.json'];

const splitsFile = z.object({ train: z.array(z.string()), val: z.array(z.string()) });
const recordFile = z.object({ dataHashes: z.record(z.string(), z.string()) });

/** The first of these files in the folder of a model or above it, if it can be understood. */
async function nearest<Content>(
  files: Pick<Files, 'read' | 'exists'>,
  modelPath: string,
  { names, schema }: { readonly names: readonly string[]; readonly schema: z.ZodType<Content> },
): Promise<Content | undefined> {
  const path = await fileAbove(files, modelPath, { names, levels: MOST_LEVELS });
  return path === undefined ? undefined : parseJsonIf(await readText(files, path), schema);
}

/** The case that a data file belongs to, by its name. */
function caseOf(path: string): string {
  return volumeStem(path).replace(/_\d{4}$/, '');
}

/** Cases to be looked for, with the short hashes of their images by id. */
export interface LookedFor {
  readonly cases: readonly CaseFiles[];
  readonly images: ReadonlyMap<string, string>;
}

/**
 * Which of some cases the training of a model's folder had, by the SHA-256 of their first image file.
 * @returns undefined if the model is in no folder of a run or sweep
 */
export async function seenByFolder(
  { files, sha256 }: { readonly files: Pick<Files, 'read' | 'exists'>; readonly sha256: (data: Uint8Array) => string },
  modelPath: string,
  { cases, images }: LookedFor,
): Promise<SeenImages | undefined> {
  const splits = await nearest(files, modelPath, { names: ['splits.json'], schema: splitsFile });
  const record = await nearest(files, modelPath, { names: RECORDS, schema: recordFile });
  if (splits === undefined || record === undefined) return undefined;
  const hashesOf = (ids: readonly string[]): ReadonlySet<string> => {
    const wanted = new Set(ids);
    return new Set(Object.entries(record.dataHashes).flatMap(([path, hash]) => (wanted.has(caseOf(path)) ? hash : [])));
  };
  const [trained, validated] = [hashesOf(splits.train), hashesOf(splits.val)];
  const training: string[] = [];
  const validation: string[] = [];
  for (const { id, images: paths } of cases) {
    const [path] = paths;
    const image = images.get(id);
    if (path === undefined || image === undefined) continue;
    const hash = await fileHash({ files, sha256 }, path);
    if (hash === undefined) continue;
    if (trained.has(hash)) training.push(image);
    else if (validated.has(hash)) validation.push(image);
  }
  return { training, validation, teacher: [] };
}

/** Undefined for a folder of a DICOM series, whose files have other names than its case. */
async function fileHash(
  { files, sha256 }: Parameters<typeof seenByFolder>[0],
  path: string,
): Promise<string | undefined> {
  try {
    return sha256(await files.read(path));
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}
