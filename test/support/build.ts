/** Builds program and page once before the tests of them, where a source is newer than what was built last. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** When the newest file of a folder was written, but for those in `without`; 0 where there is none. */
function newestMs(folder: string, without?: string): number {
  if (!existsSync(folder)) return 0;
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    entry => entry.isFile() && (without === undefined || !entry.parentPath.startsWith(without)),
  );
  return files.reduce((newest, { parentPath, name }) => Math.max(newest, statSync(join(parentPath, name)).mtimeMs), 0);
}

function build(...args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the build failed:\n${stdout}${stderr}`);
}

/** Called by vitest before the project's first test. */
export function setup(): void {
  const [dist, page] = [join(root, 'dist'), join(root, 'dist/web')];
  const sourceMs = newestMs(join(root, 'src'));
  if (newestMs(dist, page) <= sourceMs) {
    // what a build made of files that are gone would be packed too
    const old = existsSync(dist) ? readdirSync(dist).filter(name => name !== basename(page)) : [];
    for (const name of old) rmSync(join(dist, name), { recursive: true });
    build('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json');
  }
  const pageSourceMs = Math.max(sourceMs, newestMs(join(root, 'web')));
  if (newestMs(page) <= pageSourceMs) build('node_modules/vite/bin/vite.js', 'build', '--config', 'web/vite.config.ts');
}
