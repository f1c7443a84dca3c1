/** Builds the page as one html file into dist/one-file, which `voxstill pack --as html` fills. */
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';
import { besidePage, lighterPackages, PAGE_ROOT, pageVersion } from '../vite.config.ts';
import { foldIntoOneFile } from './fold.ts';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** What one file does otherwise than a page on a server. */
function otherModules(): Plugin {
  const others = new Map([
    [besidePage('start-worker.ts'), here('start-worker.ts')],
    [besidePage('distil/view.ts'), here('absent-distil.ts')],
    [besidePage('start-probe.ts'), here('absent-probe.ts')],
  ]);
  return {
    name: 'other-modules',
    enforce: 'pre',
    async resolveId(source, importer, options) {
      // WebGPU's build of ONNX Runtime is twice as large
      if (source === 'onnxruntime-web/webgpu') return this.resolve('onnxruntime-web/wasm', importer, options);
      if (!source.startsWith('.')) return undefined;
      const found = await this.resolve(source, importer, { ...options, skipSelf: true });
      return others.get(found?.id ?? '');
    },
  };
}

const output = { codeSplitting: false } as const;

export default defineConfig({
  define: { VOXSTILL_VERSION: JSON.stringify(pageVersion()) },
  root: PAGE_ROOT,
  base: './',
  publicDir: false,
  plugins: [otherModules(), lighterPackages(), foldIntoOneFile(new URL('../public/icon.svg', import.meta.url))],
  worker: {
    // browsers start no module out of a file that was opened from disk
    format: 'iife',
    plugins: () => [otherModules(), lighterPackages()],
    rolldownOptions: { output },
  },
  build: {
    outDir: '../dist/one-file',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 10_000,
    modulePreload: false,
    rolldownOptions: { output },
  },
});
