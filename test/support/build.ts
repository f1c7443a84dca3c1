/** Builds program and page once before the tests of them, where a source is newer than what was built last. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** When the newest file of a folder was written, but for those in `without`; 0 where there is none. */
function newestMs(folder: string, without: readonly string[] = []): number {
  if (!existsSync(folder)) return 0;
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    entry => entry.isFile() && without.every(other => !entry.parentPath.startsWith(other)),
  );
  return files.reduce((newest, { parentPath, name }) => Math.max(newest, statSync(join(parentPath, name)).mtimeMs), 0);
}

function build(...args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the build failed:\n${stdout}${stderr}`);
}

/** Called by vitest before the project's first test. */
export function setup(): void {
  const dist = join(root, 'dist');
  const pages = ['web', 'one-file'].map(name => join(dist, name));
  const sourceMs = newestMs(join(root, 'src'));
  if (newestMs(dist, pages) <= sourceMs) {
    // what a build made of files that are gone would be packed too
    const old = existsSync(dist) ? readdirSync(dist).filter(name => !pages.includes(join(dist, name))) : [];
    for (const name of old) rmSync(join(dist, name), { recursive: true });
    build('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json');
  }
  const pageSourceMs = Math.max(sourceMs, newestMs(join(root, 'web')));
  if (pages.some(page => newestMs(page) <= pageSourceMs)) {
    for (const config of ['web/vite.config.ts', 'web/one-file/vite.config.ts']) {
      build('node_modules/vite/bin/vite.js', 'build', '--config', config);
    }
  }
}
