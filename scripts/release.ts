/**
 * Makes a release ready: `npm run release -- VERSION [--dry-run]`. Sets the version and the date of the changelog,
 * installs, runs all checks, packs, and writes the bill of materials and checksums into release/. Publishing stays with
 * a person: the last lines say how.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assertHigher, releasedChangelog } from './changelog.ts';
import { type Bom, bundledInPage, type Carried, withCarried } from './sbom.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OUT = join(ROOT, 'release');

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const versionOf = (path: string): string => String((JSON.parse(read(path)) as Record<string, unknown>)['version']);
const output = (program: string, ...args: readonly string[]): string =>
  execFileSync(program, args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

function run(program: string, ...args: readonly string[]): void {
  console.log(`$ ${program} ${args.join(' ')}`);
  execFileSync(program, args, { cwd: ROOT, stdio: 'inherit' });
}

/** Every file that names the version, with its new text. */
function changedFiles(version: string, date: string): Readonly<Record<string, string>> {
  const present = versionOf('package.json');
  const citation = read('CITATION.cff')
    .replace(/^version: .*/m, `version: ${version}`)
    .replace(/^date-released: .*\n/m, '')
    .replace(/^license: /m, `date-released: ${date}\nlicense: `);
  // of the lock file only the package itself, which stands first and twice
  let seen = 0;
  const lock = read('package-lock.json').replaceAll(`"version": "${present}"`, found =>
    seen++ < 2 ? `"version": "${version}"` : found,
  );
  return {
    'package.json': read('package.json').replace(`"version": "${present}"`, `"version": "${version}"`),
    'package-lock.json': lock,
    'CHANGELOG.md': releasedChangelog(read('CHANGELOG.md'), version, date),
    'CITATION.cff': citation,
  };
}

function writeBom(version: string): void {
  const bom = JSON.parse(output('npm', 'sbom', '--sbom-format', 'cyclonedx', '--omit', 'dev')) as Bom;
  const runtime = JSON.parse(read('node_modules/onnxruntime-web/package.json')) as Carried;
  const all = withCarried(bom, 'voxstill', [runtime, ...bundledInPage(read('dist/web/licenses.md'))]);
  writeFileSync(join(OUT, `voxstill-${version}.cdx.json`), `${JSON.stringify(all, null, 2)}\n`);
}

function writeSums(version: string): void {
  const names = [`voxstill-${version}.tgz`, `voxstill-${version}.cdx.json`];
  const lines = names.map(
    name =>
      `${createHash('sha256')
        .update(readFileSync(join(OUT, name)))
        .digest('hex')}  ${name}`,
  );
  writeFileSync(join(OUT, 'SHA256SUMS'), `${lines.join('\n')}\n`);
}

function release(version: string, isDry: boolean): void {
  assertHigher(version, versionOf('package.json'));
  const files = changedFiles(version, new Date().toISOString().slice(0, 10));
  const changed = Object.entries(files).filter(([path, text]) => text !== read(path));
  if (isDry) {
    for (const [path] of changed) console.log(`would write ${path}`);
    console.log(
      'would run npm ci, npm test and npm pack, and write the package, its bill of materials and checksums into release/',
    );
    return;
  }
  if (output('git', 'status', '--porcelain') !== '')
    throw new Error('The working tree has changes. Commit them first.');
  for (const [path, text] of changed) writeFileSync(join(ROOT, path), text);
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT);
  run('npm', 'ci');
  run('npm', 'test');
  run('npm', 'pack', '--pack-destination', OUT);
  writeBom(version);
  writeSums(version);
  console.log(`
${OUT} holds the release. Look at it, then:
  git commit --all --message "Release ${version}" && git tag v${version} && git push --follow-tags
  npm publish release/voxstill-${version}.tgz`);
}

const words = process.argv.slice(2);
const version = words.find(word => !word.startsWith('--'));
const flags = words.filter(word => word.startsWith('--'));
if (version === undefined || flags.some(flag => flag !== '--dry-run')) {
  console.error('usage: npm run release -- VERSION [--dry-run]');
  process.exitCode = 2;
} else {
  try {
    release(version, flags.length > 0);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
