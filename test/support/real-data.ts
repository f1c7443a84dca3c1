/**
 * Where the real hippocampus scans are, if they are. Tests that need them are skipped with a printed reason where they
 * are not.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = '../shared/data/Task04_Hippocampus';

/** The folder of the data set, or undefined (and a printed reason) where it is absent. */
export function realDataFolder(): string | undefined {
  const folder = fileURLToPath(new URL(`../../${FOLDER}`, import.meta.url));
  if (existsSync(`${folder}/dataset.json`)) return folder;
  console.info(`skipped: no real data in ${FOLDER} (beside the repository)`);
  return undefined;
}
