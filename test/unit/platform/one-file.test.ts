/** One html file with a model: what is in it comes out again, and no name or script in it ends an element. */
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { oneFilePage } from '../../../src/platform/node/one-file.ts';
import { foldPage } from '../../../web/one-file/fold.ts';

const BUILT =
  '<!doctype html>\n<html lang="en">\n<head>\n<title>voxstill</title>\n<link rel="icon" href="./icon.svg">\n' +
  '<script type="module" crossorigin src="./a.js"></script>\n<link rel="stylesheet" crossorigin href="./a.css">\n' +
  '</head>\n<body><p>page</p></body>\n</html>\n';
const CODE = 'const close = "</script>", open = `<script>`, note = "<!-- $& -->", less = 1 < 2;';

function sha256(content: string | Uint8Array, encoding: 'hex' | 'base64'): string {
  return createHash('sha256').update(content).digest(encoding);
}

describe('the page as one html file', () => {
  const folded = foldPage(BUILT, { code: CODE, style: 'p { color: red }', icon: '<svg/>' });

  it('names no other file, and holds its script as it was', () => {
    expect(folded).not.toMatch(/(src|href)="\./);
    const [, script = ''] = /<script type="module">(.*?)<\/script>/s.exec(folded) ?? [];
    const values = new Function(`${script} return [close, open, note, less];`)();
    expect(values).toEqual(['</script>', '<script>', '<!-- $& -->', true]);
    expect(folded.match(/<script/g)).toHaveLength(1);
  });

  it('lets its own script run and nothing be fetched', () => {
    const { document } = parseHTML(folded);
    const policy = document.querySelector('meta')?.getAttribute('content') ?? '';
    const script = document.querySelector('script')?.textContent ?? '';
    expect(policy).toContain(`script-src 'sha256-${sha256(script, 'base64')}' 'wasm-unsafe-eval'`);
    expect(policy).toMatch(/^default-src 'none'/);
    expect(policy).not.toMatch(/https?:|'self'|\*/);
  });

  it('holds every file whole, with its sum, and the name of the model as text', () => {
    const content = Uint8Array.from({ length: 500 }, (_, index) => index % 251);
    const page = oneFilePage(folded, 'a <b> & "c" $&', [
      { path: 'run/model.onnx', content },
      { path: 'a"b.md', content: new Uint8Array() },
    ]);
    const { document } = parseHTML(page);
    expect(document.title).toBe('a <b> & "c" $& · voxstill');
    const held = [...document.querySelectorAll<HTMLElement>('script[data-path]')];
    expect(held.map(({ dataset }) => dataset['path'])).toEqual(['run/model.onnx', 'a"b.md']);
    const [first] = held;
    expect(gunzipSync(Buffer.from(first?.textContent ?? '', 'base64')).equals(content)).toBe(true);
    expect(first?.dataset['sha256']).toBe(sha256(content, 'hex'));
    // browsers run no script of a type that they do not know
    expect(first?.getAttribute('type')).toBe('application/gzip');
    expect(page.indexOf('data-path')).toBeLessThan(page.indexOf('</body>'));
  });

  it('refuses a page that was not built whole', () => {
    expect(() => oneFilePage('<html>', 'name', [])).toThrow('the built page is not whole');
  });
});
