/**
 * The order of the floors and the habits that a reader may count on, checked on the text of every file in src. A file
 * imports its own folder and lower floors, never a sibling on its own floor; Node, the DOM and ONNX Runtime are reached
 * through platform only.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const FLOORS: Readonly<Record<string, number>> = {
  core: 0,
  graph: 1,
  volume: 1,
  runtime: 1,
  autodiff: 2,
  onnx: 2,
  nn: 2,
  losses: 2,
  optim: 2,
  data: 2,
  metrics: 2,
  inference: 3,
  results: 3,
  distillation: 3,
  recipe: 4,
  training: 4,
  import: 4,
  experiment: 5,
  teacher: 6,
  study: 7,
  report: 8,
  platform: 8,
  cli: 9,
};
const MAX_LINES = 400;
/** Width of a line, as the formatter keeps it in code; a comment is wrapped by hand. */
const MAX_WIDTH = 120;
/** Largest share of all lines that one room, a folder of src, may hold. */
const MAX_ROOM_SHARE = 0.15;
/** The program's entry: the one file outside of platform that may touch the process and the clock. */
const ENTRY = 'cli/main.ts';

/**
 * Names that only Node or a browser defines; common words among them count only before a dot and where the file binds
 * no such name.
 */
const HOST_GLOBALS = [
  'process',
  'Buffer',
  'globalThis',
  'performance',
  'console',
  'navigator',
  'localStorage',
  'sessionStorage',
  'indexedDB',
  'fetch',
  'XMLHttpRequest',
  'Worker',
  'Response',
  'DecompressionStream',
  'setTimeout',
  'setInterval',
  'HTMLElement',
  '__dirname',
  'require',
];
const AMBIGUOUS_GLOBALS = ['window', 'document', 'self'];
/** Randomness and the clock are arguments. */
const HIDDEN_INPUTS = /\bMath\.random\b|\bDate\.now\b|\bnew Date\(\)/;

const folderOf = (path: string): string => path.split('/')[0] as string;

/** The code without comments and the contents of strings. */
function codeOf(source: string): string {
  return source.replace(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g,
    text => (text.startsWith('/') ? '' : "''"),
  );
}

const STATIC_IMPORTS = [/^(?:import|export)\b[^;']*?\bfrom\s+'([^']+)'/gm, /^import\s+'([^']+)'/gm];
const DYNAMIC_IMPORT = /\bimport\(\s*'([^']+)'\s*\)/g;

function importsOf(source: string, patterns = [...STATIC_IMPORTS, DYNAMIC_IMPORT]): string[] {
  return patterns.flatMap(pattern => [...source.matchAll(pattern)].map(match => match[1] as string));
}

function importProblem(path: string, target: string): string | undefined {
  const inPlatform = folderOf(path) === 'platform';
  if (!target.startsWith('.')) {
    const isHost = target.startsWith('node:') || target.startsWith('onnxruntime');
    return isHost && !inPlatform ? `imports ${target}, which only platform may` : undefined;
  }
  if (!target.endsWith('.ts')) return `imports ${target} without its ending`;
  const resolved = posix.normalize(posix.join(posix.dirname(path), target));
  if (resolved.startsWith('..')) return `imports ${target} from outside of src`;
  const [own, other] = [folderOf(path), folderOf(resolved)];
  if (own === other) return undefined;
  // the package's portable face stands below platform
  const floor = path === 'index.ts' ? 8 : (FLOORS[own] ?? -1);
  const otherFloor = FLOORS[other] ?? Number.POSITIVE_INFINITY;
  return otherFloor < floor ? undefined : `imports ${resolved} from floor ${floor} (${own})`;
}

function globalProblems(path: string, code: string): string[] {
  if (folderOf(path) === 'platform' || path === ENTRY) return [];
  const used = HOST_GLOBALS.filter(name => new RegExp(`(?<![.\\w$'])${name}\\b(?!\\??:|')`).test(code));
  const ambiguous = AMBIGUOUS_GLOBALS.filter(name => {
    const isBound = new RegExp(`[{,(]\\s*${name}\\b\\s*[,}:)=]|\\b(?:const|let)\\s+${name}\\b`).test(code);
    return !isBound && new RegExp(`(?<![.\\w$])${name}\\.`).test(code);
  });
  const hidden = HIDDEN_INPUTS.exec(code)?.slice(0, 1) ?? [];
  return [...used, ...ambiguous, ...hidden].map(name => `uses ${name}, which only platform may`);
}

/** Comments that are wider than the code may be. */
function wideComments(source: string): string[] {
  return source.split('\n').flatMap((line, index) => {
    const isWide = line.length > MAX_WIDTH && /^\s*(?:\/?\*|\/\/)/.test(line);
    return isWide ? [`has a comment of ${line.length} characters in line ${index + 1}`] : [];
  });
}

/** Everything wrong with one file of src. */
function problemsOf(path: string, source: string): string[] {
  const code = codeOf(source);
  const problems = importsOf(source).map(target => importProblem(path, target));
  const isKnown = path === 'index.ts' || folderOf(path) in FLOORS;
  const lines = source.trimEnd().split('\n').length;
  const forms: readonly (readonly [RegExp, string])[] = [
    [/\bexport\s*\*/, 'has export *'],
    [/(?<![.\w])any\b(?!\s*[(:])/, 'has any'],
    [/(?<![.\w])enum\s+\w/, 'has an enum'],
    [/\bexport\s+default\b|\bas\s+default\b/, 'has a default export'],
    [/\bnamespace\s+\w+\s*\{/, 'has a namespace'],
  ];
  return [
    ...problems.filter(problem => problem !== undefined),
    ...globalProblems(path, code),
    ...forms.flatMap(([pattern, problem]) => (pattern.test(code) ? [problem] : [])),
    ...(isKnown ? [] : ['lies in no known folder']),
    ...wideComments(source),
    ...(lines > MAX_LINES ? [`has ${lines} lines`] : []),
    ...(/^(?:#![^\n]*\n)?\/\*\*/.test(source) ? [] : ['has no header comment']),
    ...(/\b(?:TODO|FIXME)\b/.test(source) ? ['has a TODO'] : []),
  ];
}

/** Files of src that a file imports, types included; not those that it loads later, when it calls for them. */
function neighboursOf(path: string, source: string): string[] {
  const targets = importsOf(source, STATIC_IMPORTS).filter(target => target.startsWith('.'));
  return targets.map(target => posix.normalize(posix.join(posix.dirname(path), target)));
}

/** A circle of imports, each file importing the next and the last the first; undefined where there is none. */
function findCircle(imports: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): readonly string[] | undefined => {
    if (way.includes(path)) return way.slice(way.indexOf(path));
    if (done.has(path)) return undefined;
    for (const next of imports.get(path) ?? []) {
      const circle = visit(next, [...way, path]);
      if (circle !== undefined) return circle;
    }
    done.add(path);
    return undefined;
  };
  for (const path of imports.keys()) {
    const circle = visit(path, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

/** Share of all lines that each room holds. */
function roomShares(sources: ReadonlyMap<string, string>): Readonly<Record<string, number>> {
  const lines = new Map<string, number>();
  for (const [path, source] of sources) {
    lines.set(folderOf(path), (lines.get(folderOf(path)) ?? 0) + source.split('\n').length);
  }
  const all = [...lines.values()].reduce((sum, count) => sum + count, 0);
  return Object.fromEntries([...lines].map(([room, count]) => [room, count / all]));
}

const root = fileURLToPath(new URL('../src/', import.meta.url));

/** Files below a folder, by their paths from it. */
function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => posix.relative(folder, posix.join(entry.parentPath, entry.name)))
    .filter(path => !path.split('/').includes('node_modules'))
    .sort();
}

const files = filesBelow(root);

describe('the source', () => {
  it('is TypeScript only, and all of it is looked at', () => {
    expect(files.filter(path => !path.endsWith('.ts'))).toEqual([]);
    const folders = new Set(files.map(folderOf).filter(folder => folder !== 'index.ts'));
    expect([...folders].sort()).toEqual(Object.keys(FLOORS).sort());
    expect(files.length).toBeGreaterThan(80);
  });

  const sources = new Map(files.map(path => [path, readFileSync(root + path, 'utf8')]));

  it('has no circle of imports, not even of types', () => {
    expect(findCircle(new Map([...sources].map(([path, source]) => [path, neighboursOf(path, source)])))).toBe(
      undefined,
    );
  });

  it(`has no room with more than ${100 * MAX_ROOM_SHARE} % of the lines`, () => {
    const shares = Object.entries(roomShares(sources));
    expect(shares.filter(([, share]) => share > MAX_ROOM_SHARE)).toEqual([]);
  });

  it.each(['bench', 'examples', 'scripts', 'test', 'web'])('has comments as narrow as its code in %s too', folder => {
    const wide = filesBelow(`${root}../${folder}`)
      .filter(path => /\.m?[jt]s$/.test(path))
      .flatMap(path =>
        wideComments(readFileSync(`${root}../${folder}/${path}`, 'utf8')).map(problem => `${path} ${problem}`),
      );
    expect(wide).toEqual([]);
  });

  it.each(files)('%s keeps the floors and the habits', path => {
    expect(problemsOf(path, readFileSync(root + path, 'utf8'))).toEqual([]);
  });
});

describe('the check itself', () => {
  const HEADER = '/** What it is. */\n';

  it.each([
    ['graph/a.ts', "import { x } from '../core/x.ts';"],
    ['graph/a.ts', "import { x } from './x.ts';"],
    ['losses/distillation/a.ts', "import { x } from '../../graph/x.ts';"],
    ['losses/distillation/a.ts', "import { x } from '../dice.ts';"],
    ['platform/node/a.ts', "import { readFile } from 'node:fs';\nconst x = process.cwd();"],
    ['index.ts', "export { x } from './experiment/x.ts';"],
    ['cli/main.ts', 'process.exit(1);'],
    ['data/a.ts', "const text = 'process.exit, any enum x, window.x';\n// document.body, any\n"],
    ['data/a.ts', 'function f({ window }: Options) { return window.length; }'],
    ['data/a.ts', 'const x = z.enum(["a"]); AbortSignal.any([]); options.process; const y = { fetch: 1 };'],
  ])('lets pass in %s: %s', (path, source) => {
    expect(problemsOf(path, HEADER + source)).toEqual([]);
  });

  it.each([
    ['graph/a.ts', "import { x } from '../volume/x.ts';", 'imports volume/x.ts from floor 1 (graph)'],
    ['graph/a.ts', "import type { X } from '../onnx/x.ts';", 'imports onnx/x.ts from floor 1 (graph)'],
    ['report/a.ts', "export { x } from '../platform/x.ts';", 'imports platform/x.ts from floor 8 (report)'],
    ['index.ts', "export { x } from './platform/node/x.ts';", 'imports platform/node/x.ts from floor 8 (index.ts)'],
    ['core/a.ts', "import {\n  x,\n} from '../graph/x.ts';", 'imports graph/x.ts from floor 0 (core)'],
    ['nn/a.ts', "const x = await import('../optim/x.ts');", 'imports optim/x.ts from floor 2 (nn)'],
    ['nn/a.ts', "import '../optim/x.ts';", 'imports optim/x.ts from floor 2 (nn)'],
    ['nn/a.ts', "import { x } from './x.js';", 'imports ./x.js without its ending'],
    ['nn/a.ts', "import { x } from '../../test/x.ts';", 'imports ../../test/x.ts from outside of src'],
    ['cli/a.ts', "import { x } from 'node:fs';", 'imports node:fs, which only platform may'],
    ['cli/a.ts', 'process.exit(1);', 'uses process, which only platform may'],
    ['training/a.ts', "const x = import('onnxruntime-web');", 'imports onnxruntime-web, which only platform may'],
    ['report/a.ts', 'const x = document.createElement(tag);', 'uses document, which only platform may'],
    ['data/a.ts', 'const x = Math.random();', 'uses Math.random, which only platform may'],
    ['data/a.ts', 'const x = await fetch(url);', 'uses fetch, which only platform may'],
    ['core/a.ts', 'export const x: any = 1;', 'has any'],
    ['core/a.ts', "export * from './x.ts';", 'has export *'],
    ['core/a.ts', 'export const enum X { a }', 'has an enum'],
    ['core/a.ts', 'export default 1;', 'has a default export'],
    ['core/a.ts', `${'\n'.repeat(400)}const x = 1;`, 'has 402 lines'],
    ['core/a.ts', `  // ${'x'.repeat(116)}`, 'has a comment of 121 characters in line 2'],
    ['core/a.ts', `/**\n * ${'x'.repeat(118)}\n */`, 'has a comment of 121 characters in line 3'],
    ['helpers/a.ts', 'const x = 1;', 'lies in no known folder'],
  ])('stops in %s: %s', (path, source, problem) => {
    expect(problemsOf(path, HEADER + source)).toEqual([problem]);
  });

  it('finds circles of any length, through types too, and none where files only meet again', () => {
    const [type, value] = ["import type { X } from './b.ts';", "export { y } from '../core/a.ts';"];
    expect(neighboursOf('core/a.ts', type)).toEqual(['core/b.ts']);
    expect(neighboursOf('core/b.ts', value)).toEqual(['core/a.ts']);
    expect(neighboursOf('core/b.ts', "const later = () => import('./a.ts');")).toEqual([]);
    const circle = new Map([
      ['x', ['a']],
      ['a', ['b', 'c']],
      ['b', []],
      ['c', ['d']],
      ['d', ['b', 'a']],
    ]);
    expect(findCircle(circle)).toEqual(['a', 'c', 'd']);
    expect(findCircle(new Map([...circle, ['d', ['b']]]))).toBe(undefined);
  });

  it('counts lines by room', () => {
    const sources = new Map([
      ['core/a.ts', '1\n2'],
      ['core/b.ts', '1'],
      ['data/c.ts', '1'],
    ]);
    expect(roomShares(sources)).toEqual({ core: 0.75, data: 0.25 });
  });

  it('stops a file without a header', () => {
    expect(problemsOf('core/a.ts', "import { x } from './x.ts';\n/** Late. */")).toEqual(['has no header comment']);
  });
});
