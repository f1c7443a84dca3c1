/** The documents link to files and headings that exist, and write numbers with a leading zero. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DOCUMENTS = [
  ...readdirSync(ROOT).filter(name => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'))
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`),
  ...readdirSync(join(ROOT, 'studies')).map(name => `studies/${name}/README.md`),
];

function read(document: string): string {
  return readFileSync(join(ROOT, document), 'utf8');
}

/** The text without its blocks of code. */
function prose(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, '');
}

/** Anchors of the headings, spelt as GitHub spells them. */
function anchorsOf(text: string): readonly string[] {
  const titles = [...prose(text).matchAll(/^#+ (.+)$/gm)].map(([, title]) => title!);
  return titles.map(title =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Targets of the links to other places of the project. */
function linksOf(text: string): readonly string[] {
  return [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!).filter(link => !/^\w+:/.test(link));
}

/** Whether a link leads to a file and, where it names a heading, to that heading. */
function leadsSomewhere(document: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? document : join(dirname(document), path);
  if (!existsSync(join(ROOT, target))) return false;
  return anchor === undefined || anchorsOf(read(target)).includes(anchor);
}

describe.each(DOCUMENTS)('%s', document => {
  const text = read(document);

  it('links to files and headings that exist', () => {
    expect(linksOf(text).filter(link => !leadsSomewhere(document, link))).toEqual([]);
  });

  it('writes numbers below 1 with a leading zero', () => {
    expect(prose(text).match(/(?<![\w./`-])[+-]?\.\d+(?![\w.]*\/)/g) ?? []).toEqual([]);
  });
});

it('the index lists every document', () => {
  const listed = linksOf(read('docs/README.md')).map(link => join('docs', link.split('#')[0]!));
  const documents = DOCUMENTS.filter(name => name.startsWith('docs/') && name !== 'docs/README.md');
  expect(documents.filter(name => !listed.includes(name))).toEqual([]);
});
