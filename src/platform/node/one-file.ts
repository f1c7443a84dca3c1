/**
 * A model with the page as ONE html file that runs from disk: without a server, and without a request. The built page
 * holds script, style and worker; here it gets the model, WebAssembly and its card, each gzipped, in base64 and with
 * its SHA-256, which web/own-files.ts holds against what it reads.
 */
import { gzipSync } from 'node:zlib';
import { InputError } from '../../core/errors.ts';
import { thisMachine } from './provenance.ts';

/** A file of the page, by the path that it would have on a server. */
export interface HeldFile {
  readonly path: string;
  readonly content: Uint8Array;
}

/** A text as content of an element or value of an attribute. */
function escapeText(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, letter => entities[letter]!);
}

/** The element of a file, which browsers neither run nor show. */
function elementOf({ path, content }: HeldFile): string {
  const sum = thisMachine.sha256(content);
  const packed = gzipSync(content, { level: 9 }).toString('base64');
  return `<script type="application/gzip" data-path="${escapeText(path)}" data-sha256="${sum}">${packed}</script>\n`;
}

/**
 * The html file.
 * @param page as `npm run build:web` wrote it
 * @param title of the document
 * @throws {InputError} E_PAGE if this is no such page
 */
export function oneFilePage(page: string, title: string, files: readonly HeldFile[]): string {
  const end = page.lastIndexOf('</body>');
  if (end < 0 || !page.includes('<title>voxstill</title>')) {
    throw new InputError('E_PAGE', 'the built page is not whole. Run npm run build:web.');
  }
  const whole = `${page.slice(0, end)}${files.map(elementOf).join('')}${page.slice(end)}`;
  return whole.replace('<title>voxstill</title>', () => `<title>${escapeText(title)} · voxstill</title>`);
}
