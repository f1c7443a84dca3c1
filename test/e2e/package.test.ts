/**
 * The package as a user gets it: packed, installed into an empty project, imported, typed and run; with the examples of
 * docs/library.md.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writePhantomDataset } from '../../src/data/phantom.ts';
import { nodeFiles } from '../../src/platform/node/files.ts';
import { startStaticServer } from '../../src/platform/node/static-server.ts';
import { PAGE_POLICY } from '../../src/platform/web/policy.ts';
import { hasBrowser, launchBrowser } from '../support/browser.ts';
import { contentsOf, ROOT, readJson, temporaryFolder } from '../support/program.ts';
import { tinyModel } from '../support/tiny-model.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';

const folder = temporaryFolder();
const installed = join(folder, 'node_modules/voxstill');

function npm(cwd: string, ...args: readonly string[]): void {
  execFileSync('npm', [...args, '--ignore-scripts', '--no-audit', '--no-fund'], { cwd, stdio: 'pipe' });
}

function node(...args: readonly string[]): string {
  return execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
}

/** Names of everything that is installed, by npm's own account. */
function packagesOf(project: string): readonly string[] {
  const lock = readJson(join(project, 'node_modules/.package-lock.json')) as { readonly packages: object };
  return Object.keys(lock.packages);
}

const START_WEB_ENGINE = `
  const { createWebEngine } = await import('voxstill/web');
  console.log(await createWebEngine().then(({ name }) => name, ({ code, message }) => code + ': ' + message));`;
let packages: readonly string[] = [];
let withoutWebRuntime = '';

beforeAll(async () => {
  npm(ROOT, 'pack', '--pack-destination', folder);
  const [tarball] = readdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  npm(folder, 'install', '--prefer-offline', `./${tarball}`);
  packages = packagesOf(folder);
  withoutWebRuntime = node('--input-type=module', '-e', START_WEB_ENGINE);
  // what docs/web.md tells projects with pages
  const { devDependencies } = readJson(join(ROOT, 'package.json')) as { devDependencies: Record<string, string> };
  npm(folder, 'install', '--prefer-offline', `onnxruntime-web@${devDependencies['onnxruntime-web']}`);
  await writePhantomDataset(nodeFiles, join(folder, 'data'), { seed: 5, cases: 5 });
  writeFileSync(join(folder, 'scan.nii.gz'), readFileSync(join(folder, 'data/imagesTr/phantom_001.nii.gz')));
  writeFileSync(join(folder, 'model.onnx'), tinyModel(1));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('the package', () => {
  it('holds the program, its recipes and its changelog, and no source or test', () => {
    const top = readdirSync(installed).sort();
    const documents = ['CHANGELOG.md', 'LICENSE', 'README.md'];
    expect(top).toEqual([...documents, 'dist', 'package.json', 'recipe.schema.json', 'recipes']);
    const files = Object.keys(contentsOf(join(installed, 'dist')));
    const kindsOf = (paths: readonly string[]): readonly string[] =>
      [...new Set(paths.map(path => /(\.d)?\.\w+(\.map)?$/.exec(path)?.[0] ?? ''))].sort();
    // no map either: it would lead to sources that are not here
    const isPage = (path: string): boolean => /^(web|one-file)\//.test(path);
    expect(kindsOf(files.filter(path => !isPage(path)))).toEqual(['', '.d.ts', '.js']);
    expect(files.filter(path => path.startsWith('one-file/'))).toEqual(['one-file/page.html']);
    // the page, with the WebAssembly of ONNX Runtime and of the image codecs; scripts in their smallest form alone
    const page = files.filter(path => path.startsWith('web/'));
    expect(kindsOf(page)).toEqual(['', '.br', '.html', '.json', '.md', '.svg', '.webmanifest']);
    expect(page.filter(path => path.startsWith('web/codecs/'))).toHaveLength(3);
  });

  it('names no map of its sources', () => {
    const scripts = Object.keys(contentsOf(join(installed, 'dist'))).filter(path => path.endsWith('.js'));
    const mapped = scripts.filter(path =>
      readFileSync(join(installed, 'dist', path), 'utf8').includes('sourceMappingURL='),
    );
    expect(mapped).toEqual([]);
  });

  it('brings few packages with it, and none that only makes pages', () => {
    // measured: 102 with itself
    expect(packages.length).toBeLessThanOrEqual(105);
    expect(packages).toContain('node_modules/onnxruntime-node');
    expect(packages.filter(path => /onnxruntime-web|niivue/.test(path))).toEqual([]);
  });

  it('carries the licences of what it carries', () => {
    for (const path of ['dist/web/licenses.md', 'dist/web/runtime/LICENSE']) {
      expect(readFileSync(join(installed, path), 'utf8'), path).toMatch(/licen[cs]e/i);
    }
  });

  it('brings no package of known severe vulnerability, as far as the registry answers', ({ skip }) => {
    const flags = ['--omit=dev', '--audit-level=high', '--json', '--fetch-retries=0'];
    const { stdout, status } = spawnSync('npm', ['audit', ...flags], { cwd: folder, encoding: 'utf8' });
    const answer = JSON.parse(stdout) as { readonly error?: object; readonly message?: string };
    if (answer.error !== undefined) {
      console.warn(`npm audit was not answered: ${answer.message}`);
      skip(answer.message);
    }
    expect({ status, answer }).toMatchObject({ status: 0 });
  });

  it('says how to get what only pages need', () => {
    expect(withoutWebRuntime).toMatch(/^E_ONNXRUNTIME_WEB: .*npm install onnxruntime-web\.\n$/);
    expect(node('--input-type=module', '-e', START_WEB_ENGINE)).toMatch(/^onnxruntime-web [\d.]+ wasm\n$/);
  });

  it('has a program', () => {
    const { version } = readJson(join(ROOT, 'package.json')) as { readonly version: string };
    const text = execFileSync(join(folder, 'node_modules/.bin/voxstill'), ['--version'], { encoding: 'utf8' });
    expect(text).toBe(`${version}\n`);
  });

  it('serves its page, with the WebAssembly of ONNX Runtime and of the codecs', () => {
    const script = `
      const { servePage } = await import('${join(installed, 'dist/platform/node/page.js')}');
      const server = await servePage({ port: 0 });
      const paths = ['', 'run.json', 'runtime/ort-wasm-simd-threaded.wasm', 'codecs/charlswasm_decode.wasm'];
      for (const path of paths) {
        const { status, headers } = await fetch(server.url + path, { headers: { 'accept-encoding': 'br' } });
        console.log(status, headers.get('content-type'), headers.get('content-encoding'));
      }
      await server.close();`;
    const page = ['text/html; charset=utf-8', 'application/json; charset=utf-8'].map(type => `200 ${type} null`);
    const packed = Array(2).fill('200 application/wasm br');
    expect(node('--input-type=module', '-e', script)).toBe(`${[...page, ...packed].join('\n')}\n`);
  });

  it.each([
    ['voxstill', ['segment', 'decodeNifti', 'GraphBuilder', 'gradient', 'train', 'softTargetLoss']],
    ['voxstill/node', ['createNodeEngine', 'nodeFiles', 'runExperiment']],
    ['voxstill/web', ['createWebEngine', 'loadModel', 'segmentVolume']],
  ])('can be imported as %s', (name, wanted) => {
    const script = `console.log(JSON.stringify(Object.keys(await import('${name}'))))`;
    expect(JSON.parse(node('--input-type=module', '-e', script))).toEqual(expect.arrayContaining(wanted));
  });
});

/** Everything from outside of the package that a file of it imports, itself or through others. */
function outsideOf(start: string): ReadonlySet<string> {
  const outside = new Set<string>();
  const seen = new Set<string>();
  const stack = [join(installed, start)];
  for (let path = stack.pop(); path !== undefined; path = stack.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    const names = readFileSync(path, 'utf8').matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)['"]([^'"]+)['"]/g);
    for (const [, name] of names) {
      if (name!.startsWith('.')) stack.push(join(dirname(path), name!));
      else outside.add(name!);
    }
  }
  return outside;
}

describe('what runs in a page', () => {
  it('needs no module of Node, and the portable part no engine', () => {
    const portable = outsideOf('dist/index.js');
    expect([...portable].sort()).toEqual(['fflate', 'h5wasm', 'nifti-reader-js', 'pbf', 'yaml', 'zod']);
    const web = ['fflate', 'nifti-reader-js', 'onnxruntime-web/wasm', 'onnxruntime-web/webgpu', 'pbf', 'zod'];
    expect(web).toEqual(expect.arrayContaining([...outsideOf('dist/platform/web/index.js')]));
    // the walk does find what there is
    expect(outsideOf('dist/platform/node/index.js')).toContain('node:worker_threads');
  });
});

/** Builds a page of the installed package as its user would, with Vite. */
async function buildPage(root: string): Promise<string> {
  await build({ root, base: './', configFile: false, logLevel: 'error', worker: { format: 'es' } });
  return join(root, 'dist');
}

function bundled(page: string): string {
  const scripts = readdirSync(join(page, 'assets')).filter(name => /\.js$/.test(name));
  return scripts.map(name => readFileSync(join(page, 'assets', name), 'utf8')).join('');
}

describe('a page that uses the package', () => {
  it('carries only what it uses', async () => {
    const root = join(folder, 'small');
    mkdirSync(root);
    writeFileSync(join(root, 'index.html'), '<script type="module" src="./main.js"></script>');
    writeFileSync(join(root, 'main.js'), "import { decodeNifti } from 'voxstill';\nconsole.log(decodeNifti);\n");
    const code = bundled(await buildPage(root));
    expect(code).toContain('E_NIFTI_CORRUPT');
    // measured: 40 kB; the whole library is ten times as large
    expect(code.length).toBeLessThan(80_000);
    expect(code).not.toMatch(/gradientNorm|E_MODEL_INFO|E_PHANTOM/);
  });

  it.skipIf(!hasBrowser)('segments in the browser: the example', async () => {
    const root = join(folder, 'example');
    cpSync(join(ROOT, 'examples/web'), root, { recursive: true });
    const page = await buildPage(root);
    expect(bundled(page)).not.toMatch(/gradientNorm|E_PHANTOM/);
    copyFileSync(join(folder, 'model.onnx'), join(page, 'model.onnx'));
    const mounts = [{ prefix: '/', folder: page }] as const;
    const server = await startStaticServer({ mounts, port: 0, policy: () => PAGE_POLICY });
    const browser = await launchBrowser();
    try {
      const tab = await browser.newPage();
      await tab.goto(server.url);
      await tab.getByLabel('NIfTI file').setInputFiles(join(folder, 'scan.nii.gz'));
      const result = tab.locator('pre').getByText('{');
      await result.waitFor({ timeout: 60_000 });
      const { volumesMl } = JSON.parse((await result.textContent()) ?? '') as { readonly volumesMl: object };
      expect(volumesMl).toEqual({ Anterior: expect.any(Number), Posterior: expect.any(Number) });
      expect(await tab.locator('progress').evaluate(bar => (bar as HTMLProgressElement).value)).toBe(1);
    } finally {
      await browser.close();
      await server.close();
    }
  });
});

describe('docs/library.md', () => {
  const text = readFileSync(join(ROOT, 'docs/library.md'), 'utf8');
  /** Code by the heading above it. */
  const examples = [...text.matchAll(/\n## ([^\n]+)\n(?:(?!\n## )[\s\S])*?```ts\n([\s\S]*?)```/g)].map(
    ([, title, code], index) => ({ title: title!, code: code!, file: `example${index}` }),
  );

  beforeAll(async () => {
    writeFileSync(join(folder, 'recipe.yaml'), tinyRecipe('data', 2));
    for (const { code, file } of examples) writeFileSync(join(folder, `${file}.ts`), code);
    const flags = ['--strict', '--target', 'es2022', '--module', 'nodenext', '--lib', 'es2022,dom', '--types', ''];
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    node(compiler, ...flags, ...examples.map(({ file }) => `${file}.ts`));
  });

  it('has examples that agree with the types', () => {
    const emitted = readdirSync(folder).filter(name => /^example\d\.js$/.test(name));
    expect(emitted).toEqual(['example0.js', 'example1.js', 'example2.js', 'example3.js']);
  });

  it.each([
    ['Segment a volume in Node', /window \d+ of \d+\n\d+ voxels, 3 channels\n$/],
    ['A whole experiment', /^teacher 0\.\d+ \d+\n[\s\S]*\d case, 1 trained model each\)\.\n$/],
    ['A loss of your own, and its derivative', /Float32Array\(3\) \[[^\]]*, 0\.5, [^\]]*\]\n$/],
  ])('has an example that runs: %s', (title, output) => {
    const { file } = examples.find(example => example.title === title)!;
    expect(node(`${file}.js`)).toMatch(output);
  });
});

describe('examples/node', () => {
  const names = readdirSync(join(ROOT, 'examples/node')).filter(name => name.endsWith('.ts'));

  beforeAll(() => {
    for (const name of names) copyFileSync(join(ROOT, 'examples/node', name), join(folder, name));
    const types = ['--typeRoots', join(ROOT, 'node_modules/@types'), '--types', 'node'];
    const flags = ['--strict', '--target', 'es2022', '--module', 'nodenext', '--skipLibCheck', ...types];
    node(join(ROOT, 'node_modules/typescript/bin/tsc'), ...flags, ...names);
  });

  it('segments a volume', () => {
    const printed = node('segment.js', 'model.onnx', 'scan.nii.gz', 'segmented.nrrd');
    expect(printed).toMatch(/^background: \d+ voxels\nAnterior: \d+ voxels\nPosterior: \d+ voxels\n$/);
    expect(readFileSync(join(folder, 'segmented.nrrd')).subarray(0, 4).toString()).toBe('NRRD');
  });

  it('distils a student', () => {
    const printed = node('distil.js', 'data', 'distilled', '2');
    expect(printed).toMatch(/^teacher: mean Dice \d\.\d{3}, \d+ parameters\n/);
    expect(printed).toMatch(/\nthe student: distilled\/student\/model\.onnx\n$/);
  });

  it('trains with a loss of its own', () => {
    const [first, last] = [...node('own-loss.js').matchAll(/loss (\d\.\d+)/g)].map(([, loss]) => Number(loss));
    // measured: 0.827 and 0.069
    expect(first).toBeGreaterThan(0.6);
    expect(last).toBeLessThan(0.2);
  });

  it('is all run', () => {
    expect([...names].sort()).toEqual(['distil.ts', 'own-loss.ts', 'segment.ts']);
  });
});
