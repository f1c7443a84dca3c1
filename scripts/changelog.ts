/** The changelog at a release: what was unreleased gets a version and a date. Pure text in and out. */

const UNRELEASED = '## Unreleased';

/** Entries of a section, without its headings. */
function entriesOf(section: string): string {
  return section
    .split('\n')
    .filter(line => !line.startsWith('#') && line.trim() !== '')
    .join('\n');
}

/**
 * The changelog with a section for the version, and an empty one for what comes next.
 * @param date as YYYY-MM-DD
 * @throws {Error} if there is nothing to release, the version is there already, or lines would be left behind
 */
export function releasedChangelog(text: string, version: string, date: string): string {
  const sections = text.split(/^(?=## )/m);
  const at = (heading: string): number => sections.findIndex(section => section.split('\n')[0] === heading);
  const [next, own] = [at(UNRELEASED), at(`## ${version} - unreleased`)];
  if (next === -1) throw new Error(`CHANGELOG.md has no section "${UNRELEASED}".`);
  if (sections.some(section => section.startsWith(`## ${version} - `)) && own === -1) {
    throw new Error(`CHANGELOG.md has a section for ${version} already. Choose a higher version.`);
  }
  const waiting = entriesOf(sections[next]!);
  if (own !== -1 && waiting !== '') {
    throw new Error(`CHANGELOG.md has lines under "${UNRELEASED}". Move them into the section ${version} first.`);
  }
  const from = own === -1 ? next : own;
  if (entriesOf(sections[from]!) === '') throw new Error('CHANGELOG.md has nothing to release.');
  const filled = sections[from]!.replace(/^### [^\n]*\n+(?=### |(?![\s\S]))/gm, '');
  const released = filled.replace(/^## .*/, `## ${version} - ${date}`);
  const empty = `${UNRELEASED}\n\n### Added\n\n### Changed\n\n### Fixed\n\n`;
  return sections
    .map((section, index) => (index === from ? `${own === -1 ? empty : ''}${released}` : section))
    .join('');
}

/** @throws {Error} if the version is none, or not above the present one */
export function assertHigher(version: string, present: string): void {
  const partsOf = (text: string): readonly number[] => text.split('.').map(Number);
  if (!/^\d+\.\d+\.\d+$/.test(version)) throw new Error(`"${version}" is no version. Write three numbers: 1.2.3.`);
  const [asked, old] = [partsOf(version), partsOf(present)];
  const difference = asked.map((part, index) => part - old[index]!).find(part => part !== 0) ?? 0;
  if (difference < 0) throw new Error(`${version} is lower than the present version, ${present}.`);
}
