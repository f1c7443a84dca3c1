/** The package as a user gets it: packed, installed into an empty project, imported, typed and run; with the examples of docs/library.md. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writePhantomDataset } from '../../src/data/phantom.ts';
import { formatModelMetadata } from '../../src/experiment/model-file.ts';
import { collectParameters } from '../../src/nn/parameters.ts';
import { unet } from '../../src/nn/unet.ts';
import { nodeFiles } from '../../src/platform/node/files.ts';
import { exportModel } from '../../src/training/export.ts';
import { goldensTheta } from '../support/goldens-stream.ts';
import { contentsOf, ROOT, readJson, temporaryFolder } from '../support/program.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';

const folder = temporaryFolder();
const installed = join(folder, 'node_modules/voxstill');

function npm(cwd: string, ...args: readonly string[]): void {
  execFileSync('npm', [...args, '--ignore-scripts', '--no-audit', '--no-fund'], { cwd, stdio: 'pipe' });
}

function node(...args: readonly string[]): string {
  return execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
}

beforeAll(() => {
  npm(ROOT, 'pack', '--pack-destination', folder);
  const [tarball] = readdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  npm(folder, 'install', '--prefer-offline', `./${tarball}`);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('the package', () => {
  it('holds the program, its recipes and its changelog, and no source or test', () => {
    const top = readdirSync(installed).sort();
    const documents = ['CHANGELOG.md', 'LICENSE', 'README.md'];
    expect(top).toEqual([...documents, 'dist', 'package.json', 'recipe.schema.json', 'recipes']);
    const kinds = Object.keys(contentsOf(join(installed, 'dist'))).map(
      path => /(\.d)?\.\w+(\.map)?$/.exec(path)?.[0] ?? '',
    );
    expect([...new Set(kinds)].sort()).toEqual(['', '.d.ts', '.js', '.js.map']);
  });

  it('has a program', () => {
    const { version } = readJson(join(ROOT, 'package.json')) as { readonly version: string };
    const text = execFileSync(join(folder, 'node_modules/.bin/voxstill'), ['--version'], { encoding: 'utf8' });
    expect(text).toBe(`${version}\n`);
  });

  it.each([
    ['voxstill', ['segment', 'decodeNifti', 'GraphBuilder', 'gradient', 'train', 'softTargetLoss']],
    ['voxstill/node', ['createNodeEngine', 'nodeFiles', 'runExperiment']],
    ['voxstill/web', ['createWebEngine']],
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
    expect([...portable].sort()).toEqual(['fflate', 'nifti-reader-js', 'pbf', 'zod']);
    expect([...outsideOf('dist/platform/web/index.js')].sort()).toEqual(['onnxruntime-web/wasm']);
    // the walk does find what there is
    expect(outsideOf('dist/platform/node/index.js')).toContain('node:worker_threads');
  });
});

describe('docs/library.md', () => {
  const text = readFileSync(join(ROOT, 'docs/library.md'), 'utf8');
  /** Code by the heading above it. */
  const examples = [...text.matchAll(/\n## ([^\n]+)\n(?:(?!\n## )[\s\S])*?```ts\n([\s\S]*?)```/g)].map(
    ([, title, code], index) => ({ title: title!, code: code!, file: `example${index}` }),
  );

  beforeAll(async () => {
    await writePhantomDataset(nodeFiles, join(folder, 'data'), { seed: 5, cases: 5 });
    writeFileSync(join(folder, 'scan.nii.gz'), readFileSync(join(folder, 'data/imagesTr/phantom_001.nii.gz')));
    writeFileSync(join(folder, 'recipe.yaml'), tinyRecipe('data', 2));
    const labels = ['background', 'Anterior', 'Posterior'].map((name, value) => ({ value, name }));
    const network = unet({
      features: [2, 4],
      convolutionsPerLevel: 1,
      normalization: 'instance',
      negativeSlope: 0,
      classes: 3,
    });
    const specs = collectParameters(network, [1, 1, 16, 24, 16]);
    const metadata = formatModelMetadata({
      labels,
      channels: 1,
      spacingMm: null,
      orientation: null,
      imageInterpolation: 'linear',
      normalize: 'min-max',
      patch: [16, 24, 16],
      activation: 'softmax',
      inputName: 'image',
      outputName: 'logits',
      parameters: 0,
      multiplyAdds: 0,
      axes: 'NCZYX',
    });
    const model = { network, specs };
    const bytes = exportModel(model, goldensTheta(1, specs), { channels: 1, window: [16, 24, 16], metadata });
    writeFileSync(join(folder, 'model.onnx'), bytes);
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
    ['A whole experiment', /^teacher 0\.\d+ \d+\n[\s\S]*\d cases\)\.\n$/],
    ['A loss of your own, and its derivative', /Float32Array\(3\) \[[^\]]*, 0\.5, [^\]]*\]\n$/],
  ])('has an example that runs: %s', (title, output) => {
    const { file } = examples.find(example => example.title === title)!;
    expect(node(`${file}.js`)).toMatch(output);
  });
});
