/**
 * What a user's install brings along: exact versions with their hashes, licences that may be passed on with this
 * package, and no script that runs at install time. The bill of materials is made by `npm run release`; `npm audit` is
 * asked in test/e2e/package.test.ts.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly peer?: boolean;
  readonly hasInstallScript?: boolean;
}

const readJson = <Content>(path: string): Content => JSON.parse(readFileSync(join(ROOT, path), 'utf8'));
const lock = readJson<{ packages: Record<string, Locked> }>('package-lock.json').packages;
const manifest = readJson<{
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly allowScripts: Record<string, boolean>;
}>('package.json');

/** Permissive, or no conditions at all: whoever passes the package on need but name them. */
const PERMITTED = ['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'Unlicense', 'CC0-1.0'];
/** Packages whose licence is a text of their own, with the SHA-256 of the text that a person has read. */
const READ_BY_A_PERSON: Readonly<Record<string, { readonly file: string; readonly sha256: string }>> = {
  // NIST's own: free use, copies and changes with this notice; no copyright in the United States
  h5wasm: { file: 'LICENSE.txt', sha256: 'f3ba6b8afe2a0d6f482f29a46672f88668ae02b16dfc4a2e878fd50a4f34fa6a' },
};

const nameOf = (path: string): string => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
const installed = Object.entries(lock).filter(
  ([path, { dev, devOptional, peer }]) => path !== '' && !dev && !devOptional && !peer,
);

/** Whether a licence expression can be met by permitted licences; `or` leaves the choice. */
function isPermitted(expression: string): boolean {
  const parts = expression.replace(/^\((.*)\)$/, '$1').split(' OR ');
  return parts.some(part => part.split(' AND ').every(one => PERMITTED.includes(one.trim())));
}

/** What a package says of its licence: its own package.json where it is installed, else the lock. */
function licenceOf(path: string, { license }: Locked): string {
  const own = join(path, 'package.json');
  if (!existsSync(join(ROOT, own))) return license ?? 'none';
  const said = readJson<{ license?: string | { type: string } }>(own).license;
  return (typeof said === 'object' ? said.type : said) ?? license ?? 'none';
}

describe('what an install brings along', () => {
  it('has licences that may be passed on', () => {
    expect(installed.length).toBeGreaterThan(50);
    const byLicence = new Map<string, number>();
    const strange = installed.flatMap(([path, locked]) => {
      const [name, licence] = [nameOf(path), licenceOf(path, locked)];
      byLicence.set(licence, (byLicence.get(licence) ?? 0) + 1);
      return isPermitted(licence) || name in READ_BY_A_PERSON ? [] : [`${name}: ${licence}`];
    });
    console.info([...byLicence].map(([licence, count]) => `${count} ${licence}`).join(', '));
    expect(strange).toEqual([]);
    for (const licence of ['GPL-3.0-only', '(GPL-2.0 OR LGPL-2.1)', 'MIT AND GPL-3.0-only', 'none', 'UNLICENSED']) {
      expect(isPermitted(licence)).toBe(false);
    }
  });

  it.each(Object.entries(READ_BY_A_PERSON))('has the licence of %s that was read', (name, { file, sha256 }) => {
    const text = readFileSync(join(ROOT, 'node_modules', name, file));
    expect(createHash('sha256').update(text).digest('hex')).toBe(sha256);
  });

  it('is exact: every version is pinned, and every package has its hash', () => {
    const asked = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(asked.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
    for (const [name, version] of asked) expect(lock[`node_modules/${name}`]?.version).toBe(version);
    expect(installed.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([path]) => path)).toEqual(
      [],
    );
  });

  it('runs no script', () => {
    const scripted = Object.entries(lock).filter(([, { hasInstallScript }]) => hasInstallScript);
    expect(scripted.length).toBeGreaterThan(0);
    for (const [path] of scripted)
      expect([nameOf(path), manifest.allowScripts[nameOf(path)]]).toEqual([nameOf(path), false]);
    // what is refused by name is still there, or the line has outlived its package
    const names = new Set(scripted.map(([path]) => nameOf(path)));
    expect(Object.keys(manifest.allowScripts).filter(name => !names.has(name))).toEqual([]);
  });
});
