/**
 * Folds the built page into one html file: its script and style inside it, and a policy that lets it ask nobody for
 * anything. `voxstill pack` adds model and WebAssembly at the end of its body.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';
import { oneFilePolicy } from '../../src/platform/web/policy.ts';

/** A script as content of an element: nothing in it ends the element or begins a comment. */
function scriptText(code: string): string {
  return code.replaceAll(/<(?=\/script|!--|script)/gi, '\\x3C');
}

/** @param html as Vite writes it, with links to the files */
export function foldPage(html: string, { code, style, icon }: { code: string; style: string; icon: string }): string {
  const script = scriptText(code);
  const hash = createHash('sha256').update(script).digest('base64');
  const image = `data:image/svg+xml;base64,${Buffer.from(icon).toString('base64')}`;
  // functions, since $ in a text in place of another has a meaning
  return html
    .replace('<html lang="en">', () => '<html lang="en" data-one-file>')
    .replace(/<script type="module"[^>]*><\/script>/, () => `<script type="module">${script}</script>`)
    .replace(/<link rel="stylesheet"[^>]*>/, () => `<style>${style}</style>`)
    .replace(/<link rel="manifest"[^>]*>/, '')
    .replace(/<link rel="icon"[^>]*>/, () => `<link rel="icon" href="${image}">`)
    .replace('<head>', () => `<head>\n<meta http-equiv="Content-Security-Policy" content="${oneFilePolicy(hash)}">`);
}

/** Writes page.html in place of all files of the build. */
export function foldIntoOneFile(icon: URL): Plugin {
  return {
    name: 'fold-into-one-file',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        if (this.environment.config.isWorker) return;
        const files = Object.values(bundle);
        const text = (ending: string): string => {
          const [file, ...others] = files.filter(({ fileName }) => fileName.endsWith(ending));
          if (file === undefined || others.length > 0)
            this.error(`one ${ending} is expected, not ${1 + others.length}`);
          return file.type === 'chunk' ? file.code : String(file.source);
        };
        const source = foldPage(text('.html'), {
          code: text('.js'),
          style: text('.css'),
          icon: readFileSync(icon, 'utf8'),
        });
        for (const { fileName } of files) delete bundle[fileName];
        this.emitFile({ type: 'asset', fileName: 'page.html', source });
      },
    },
  };
}
