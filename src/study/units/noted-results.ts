/**
 * `UNIT/work/results.json`: the hash of every result of a unit as the stage that wrote it ended; the outcome takes them
 * over. A unit that goes on after it was stopped does not believe results that have changed since.
 */
import { z } from 'zod';
import type { Machine } from '../../experiment/machine.ts';
import type { Files } from '../../runtime/files.ts';
import { parseSealedIf, readText, writeSealedJson } from '../../runtime/json-file.ts';
import { workFolder } from './claim.ts';

/** What results are hashed with. */
export interface ResultsWorld {
  readonly files: Files;
  readonly machine: Pick<Machine, 'sha256'>;
}

/** SHA-256 by path within the unit's folder. */
export type ResultHashes = Readonly<Record<string, string>>;

const notedSchema = z.record(z.string(), z.string());

function notedPath(unit: string): string {
  return `${workFolder(unit)}/results.json`;
}

/** The hashes that were noted; none where there is no such file, or a damaged one. */
export async function readNoted(files: Files, unit: string): Promise<ResultHashes> {
  const path = notedPath(unit);
  if (!(await files.exists(path))) return {};
  return (await parseSealedIf(await readText(files, path), notedSchema)) ?? {};
}

/** The hashes of the files among some results that exist. */
export async function hashFiles(
  { files, machine }: ResultsWorld,
  unit: string,
  paths: readonly string[],
): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const path of paths) {
    if (await files.exists(`${unit}/${path}`)) hashes[path] = machine.sha256(await files.read(`${unit}/${path}`));
  }
  return hashes;
}

/** Notes the results that a stage has written. */
export async function noteResults(world: ResultsWorld, unit: string, paths: readonly string[]): Promise<void> {
  const before = await readNoted(world.files, unit);
  await writeSealedJson(world.files, notedPath(unit), { ...before, ...(await hashFiles(world, unit, paths)) });
}

/** Those of the known results that are not as they were. */
export async function changedAmong(world: ResultsWorld, unit: string, known: ResultHashes): Promise<readonly string[]> {
  const now = await hashFiles(world, unit, Object.keys(known));
  return Object.keys(known).filter(path => now[path] !== known[path]);
}
