/**
 * `npm run mutants [-- FOLDER...]`: shows changed lines (mutants) of folders of `src/` to the unit tests of the same
 * room, one folder after the other, and prints each score. Without a name all folders that docs/testing.md lists are
 * done. A mutant that only a test of another room would notice counts as one that is not noticed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const FOLDERS = ['losses', 'optim', 'autodiff', 'metrics', 'inference', 'study/units'];

/** Folders that consist of tables, which are read when a module is loaded; elsewhere such mutants are left out. */
const WITH_TABLES = new Set(['autodiff']);

const asked = process.argv.slice(2);
for (const folder of asked.length > 0 ? asked : FOLDERS) {
  const room = folder.split('/')[0] ?? folder;
  if (!existsSync(`src/${folder}`) || !existsSync(`test/unit/${room}`)) {
    console.error(`src/${folder} and test/unit/${room} must both be there. Give names such as ${FOLDERS.join(', ')}.`);
    process.exit(2);
  }
  const options = WITH_TABLES.has(folder) ? [] : ['--ignoreStatic'];
  const { status } = spawnSync('npx', ['stryker', 'run', '--mutate', `src/${folder}/**/*.ts`, ...options], {
    stdio: 'inherit',
    env: { ...process.env, MUTANTS_ROOM: room },
  });
  if (status !== 0) process.exit(status ?? 1);
}
