/**
 * Builds the page into dist/web: static files for any server, with relative addresses. `npm run build:web -- --watch`
 * keeps at it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defaultClientConditions, defineConfig, type Plugin } from 'vite';
import { CODEC_FILES } from '../src/platform/frame-codecs.ts';
import { CODINGS, type Coding, compressedForms, hasCompressedForms } from '../src/platform/node/compressed.ts';
import { PAGE_POLICY } from '../src/platform/web/policy.ts';

const RUNTIME = ['ort-wasm-simd-threaded', 'ort-wasm-simd-threaded.asyncify'].flatMap(name => [
  `${name}.wasm`,
  `${name}.mjs`,
]);
/** WebAssembly that the page fetches by name when it is needed. */
function copyWebAssembly(): Plugin {
  const files = [
    ...RUNTIME.map(name => [`runtime/${name}`, new URL(import.meta.resolve(`onnxruntime-web/${name}`))] as const),
    ...Object.values(CODEC_FILES).map(({ package: name, file }) => {
      return [`codecs/${file}`, new URL(file, import.meta.resolve(name))] as const;
    }),
  ];
  return {
    name: 'copy-webassembly',
    apply: 'build',
    generateBundle() {
      // the workers' bundles pass here too, and need no copies
      if (this.environment.config.isWorker) return;
      for (const [fileName, file] of files) this.emitFile({ type: 'asset', fileName, source: readFileSync(file) });
    },
  };
}

/** The program that answers without a server, and the list of files that a browser keeps for it. */
function offline(): Plugin {
  const fileName = 'service-worker.js';
  return {
    name: 'offline',
    apply: 'build',
    buildStart() {
      if (this.environment.config.isWorker) return;
      this.emitFile({ type: 'chunk', id: besidePage('offline/service-worker.ts'), fileName });
    },
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        if (this.environment.config.isWorker) return;
        const named = Object.keys(bundle).filter(name => name !== fileName && name !== 'index.html');
        const source = JSON.stringify([...named, 'icon.svg', 'manifest.webmanifest']);
        this.emitFile({ type: 'asset', fileName: 'files.json', source });
      },
    },
  };
}

/** Writes the compressed forms of files beside them. */
function compress(): Plugin {
  return {
    name: 'compress',
    apply: 'build',
    async writeBundle({ dir = '' }, bundle) {
      if (this.environment.config.isWorker) return;
      await Promise.all(
        Object.keys(bundle)
          .filter(hasCompressedForms)
          .map(async name => {
            const forms = await compressedForms(readFileSync(`${dir}/${name}`));
            for (const [coding, form] of Object.entries(forms)) {
              writeFileSync(`${dir}/${name}${CODINGS[coding as Coding]}`, form);
            }
          }),
      );
    },
  };
}

/** The policy in the page itself, for servers that send no headers. */
function policyTag(): Plugin {
  const attrs = { 'http-equiv': 'Content-Security-Policy', content: PAGE_POLICY };
  return {
    name: 'policy-tag',
    apply: 'build',
    transformIndexHtml: () => [{ tag: 'meta', attrs, injectTo: 'head-prepend' }],
  };
}

/** Folder of the page's sources. */
export const PAGE_ROOT = fileURLToPath(new URL('.', import.meta.url));

/** Path of a file in it. */
export const besidePage = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/**
 * What takes the place of packages: the page draws charts in a document of its own, which its workers do not have, and
 * nothing in it opens models of Keras.
 */
export function lighterPackages(): Plugin {
  return {
    name: 'lighter-packages',
    enforce: 'pre',
    resolveId(source) {
      // codecs of Zarr, which NiiVue would open and the page does not
      if (source.startsWith('numcodecs/')) return besidePage('absent-zarr.ts');
      if (source === 'h5wasm') return besidePage('absent-hdf5.ts');
      return source === 'linkedom' && !this.environment.config.isWorker ? besidePage('report-document.ts') : undefined;
    },
  };
}

/** Version of the package. */
export function pageVersion(): string {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
}

export default defineConfig({
  define: { VOXSTILL_VERSION: JSON.stringify(pageVersion()) },
  root: PAGE_ROOT,
  base: './',
  resolve: {
    // without a copy of ONNX Runtime's loader inside: the page names its files
    conditions: ['onnxruntime-web-use-extern-wasm', ...defaultClientConditions],
  },
  plugins: [policyTag(), copyWebAssembly(), lighterPackages(), offline(), compress()],
  worker: { format: 'es', plugins: () => [lighterPackages()] },
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    // the viewer is one library, loaded when there is an image
    chunkSizeWarningLimit: 1500,
    modulePreload: { polyfill: false },
    license: { fileName: 'licenses.md' },
  },
});
