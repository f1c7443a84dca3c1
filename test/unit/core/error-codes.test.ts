/** The closed list of codes: in order, used, and told in the documents as it is. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { errorsPage } from '../../../scripts/errors-page.ts';
import { ERROR_CODES, WARNING_CODES } from '../../../src/core/error-codes.ts';
import { isErrorCode } from '../../../src/core/errors.ts';

const root = new URL('../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

/** Everything under a folder, by its path from the project's root. */
function filesIn(folder: string, ending: string): string[] {
  return readdirSync(new URL(`${folder}/`, root), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith(ending))
    .map(name => `${folder}/${name}`);
}

const listed = [...Object.keys(ERROR_CODES), ...Object.keys(WARNING_CODES)];
const sources = [...filesIn('src', '.ts'), ...filesIn('web', '.ts')].filter(path => path !== 'src/core/error-codes.ts');
const quoted = new Set(
  sources.flatMap(path => [...read(path).matchAll(/['`]([EW]_[A-Z_]+)['`:]/g)].map(([, code]) => code)),
);

describe('the list of codes', () => {
  it.each([ERROR_CODES, WARNING_CODES])('is in the order of the alphabet, each with one whole sentence', codes => {
    expect(Object.keys(codes)).toEqual(Object.keys(codes).toSorted());
    for (const meaning of Object.values(codes)) expect(meaning).toMatch(/^[^a-z\s].*\.$/);
  });

  it('holds the codes that the source uses, and no others', () => {
    expect(sources.length).toBeGreaterThan(250);
    expect([...quoted].toSorted()).toEqual(listed.toSorted());
  });

  it('is what docs/errors.md says', () => {
    expect(read('docs/errors.md')).toBe(errorsPage());
  });

  it('knows every code that a document or a docstring names', () => {
    const documents = ['README.md', 'ARCHITECTURE.md', ...filesIn('docs', '.md')];
    const named = [...documents, ...sources].flatMap(path =>
      [...read(path).matchAll(/(?<![A-Z_])[EW]_[A-Z][A-Z_]*[A-Z]\b/g)].map(([code]) => `${path}: ${code}`),
    );
    expect(named.length).toBeGreaterThan(100);
    expect(named.filter(one => !listed.includes(one.split(': ')[1] as string))).toEqual([]);
  });

  it('distinguishes its codes from other text', () => {
    expect(isErrorCode('E_SHAPE')).toBe(true);
    for (const text of ['E_NOTHING', 'W_LABEL_EMPTY', 'toString', '']) expect(isErrorCode(text)).toBe(false);
  });
});
