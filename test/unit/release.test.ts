/** The release script: what it makes of the changelog and the bill of materials, and that a dry run changes nothing. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { assertHigher, releasedChangelog } from '../../scripts/changelog.ts';
import { bundledInPage, withCarried } from '../../scripts/sbom.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EMPTY = '## Unreleased\n\n### Added\n\n### Changed\n\n### Fixed\n\n';
const TITLE = '# Changelog\n\n';

describe('the changelog', () => {
  it('gives what was unreleased a version and a date, and drops empty headings', () => {
    const before = `${TITLE}## Unreleased\n\n### Added\n- One.\n- Two.\n\n### Changed\n\n### Fixed\n- Three.\n\n## 1.0.0 - 2026-01-02\n\n- Old.\n`;
    const section = '## 1.1.0 - 2026-03-04\n\n### Added\n- One.\n- Two.\n\n### Fixed\n- Three.\n\n';
    expect(releasedChangelog(before, '1.1.0', '2026-03-04')).toBe(
      `${TITLE}${EMPTY}${section}## 1.0.0 - 2026-01-02\n\n- Old.\n`,
    );
  });

  it('keeps headings before a blank line or a theme', () => {
    const themes = '### Added\n\n#### Images\n\n- One.\n\n### Fixed\n\n- Two.\n';
    const released = releasedChangelog(`${TITLE}## Unreleased\n\n${themes}\n### Changed\n\n`, '1.0.0', '2026-03-04');
    expect(released).toBe(`${TITLE}${EMPTY}## 1.0.0 - 2026-03-04\n\n${themes}\n`);
  });

  it('dates a section that waits under its version', () => {
    const before = `${TITLE}${EMPTY}## 0.1.0 - unreleased\n\n### Added\n- One.\n`;
    const after = `${TITLE}${EMPTY}## 0.1.0 - 2026-03-04\n\n### Added\n- One.\n`;
    expect(releasedChangelog(before, '0.1.0', '2026-03-04')).toBe(after);
  });

  it.each([
    [`${TITLE}- One.\n`, '1.0.0', /has no section "## Unreleased"/],
    [`${TITLE}${EMPTY}`, '1.0.0', /nothing to release/],
    [`${TITLE}## Unreleased\n\n- Two.\n\n## 1.0.0 - 2026-01-02\n\n- One.\n`, '1.0.0', /a section for 1\.0\.0 already/],
    [
      `${TITLE}## Unreleased\n\n- Two.\n\n## 1.0.0 - unreleased\n\n- One.\n`,
      '1.0.0',
      /Move them into the section 1\.0\.0/,
    ],
  ])('refuses %j as %s', (text, version, message) => {
    expect(() => releasedChangelog(text, version, '2026-03-04')).toThrow(message);
  });
});

describe('the version', () => {
  it('is three numbers, not below the present ones', () => {
    for (const version of ['1.2.3', '1.2.4', '1.10.0', '2.0.0']) assertHigher(version, '1.2.3');
    expect(() => assertHigher('1.2.2', '1.2.3')).toThrow('1.2.2 is lower than the present version, 1.2.3.');
    expect(() => assertHigher('0.9.9', '1.2.3')).toThrow('is lower');
    expect(() => assertHigher('1.2', '1.2.3')).toThrow('is no version');
  });
});

describe('the bill of materials', () => {
  it('has what npm installs and what the package carries, each once', () => {
    const bom = { metadata: { component: { name: 'folder' } }, components: [{ purl: 'pkg:npm/zod@4.0.0' }] };
    const page = bundledInPage('# Licenses\n\n## @a/b - 1.2.3 (MIT)\n\ntext\n\n## zod - 4.0.0 (MIT)\n');
    const all = withCarried(bom, 'voxstill', [{ name: '@a/b', version: '1.2.3', license: 'MIT' }, ...page]);
    expect(all.metadata.component.name).toBe('voxstill');
    expect(all.components.map(({ purl }) => purl)).toEqual(['pkg:npm/zod@4.0.0', 'pkg:npm/%40a/b@1.2.3']);
  });
});

describe('npm run release', () => {
  const release = (...args: readonly string[]) =>
    spawnSync(process.execPath, ['node_modules/tsx/dist/cli.mjs', 'scripts/release.ts', ...args], {
      cwd: ROOT,
      encoding: 'utf8',
    });
  const changing = ['package.json', 'package-lock.json', 'CHANGELOG.md', 'CITATION.cff'];
  const contents = (): readonly string[] => changing.map(name => readFileSync(`${ROOT}/${name}`, 'utf8'));

  it('says with --dry-run what it would do, and does nothing', () => {
    const before = contents();
    const { status, stdout, stderr } = release('99.0.0', '--dry-run');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    for (const name of changing) expect(stdout).toContain(`would write ${name}\n`);
    expect(stdout).toContain('would run npm ci, npm test and npm pack');
    expect(contents()).toEqual(before);
  });

  it.each([
    [[], 2, 'usage: npm run release -- VERSION'],
    [['1.0.0', '--force'], 2, 'usage: npm run release -- VERSION'],
    [['0.0.1', '--dry-run'], 1, '0.0.1 is lower than the present version'],
  ])('refuses %j with exit code %i', (args, code, message) => {
    const { status, stdout, stderr } = release(...args);
    expect({ status, stdout }).toEqual({ status: code, stdout: '' });
    expect(stderr).toContain(message);
  });
});
