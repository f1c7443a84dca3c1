/**
 * A model with everything that it needs, to give away: the page as a folder for any file server or as one html file, or
 * an npm package. All hold the model with its pipeline inside, its card where there is one, and the SHA-256 of every
 * file.
 */
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { InputError } from '../../core/errors.ts';
import { fileAbove } from '../../experiment/file-above.ts';
import { type ModelFile, readModelFile } from '../../experiment/model-file.ts';
import { readText } from '../../runtime/json-file.ts';
import type { StudyOverview } from '../../study/overview.ts';
import { CODINGS, type Coding, compressedForms, hasCompressedForms, unpacked } from './compressed.ts';
import { nodeFiles } from './files.ts';
import { oneFilePage } from './one-file.ts';
import { packageVersion } from './package-version.ts';
import { ONE_FILE, PAGE } from './page.ts';
import { thisMachine } from './provenance.ts';

/** What is written: a folder for a server, one html file, or a folder for npm. */
export type PackKind = 'page' | 'html' | 'npm';

export interface PackOptions {
  /** A model of voxstill, or one that `import` wrote. */
  readonly model: string;
  /** Folder or html file to write, which is not there; a folder may be there if it is empty. */
  readonly out: string;
  readonly kind: PackKind;
  /** Name of the model for people, and of the npm package. */
  readonly name: string;
}

/** What was written. */
export interface Packed {
  readonly files: number;
  readonly bytes: number;
  /** Whether a model card lies with it. */
  readonly hasCard: boolean;
}

/** A file of the folder; its path is relative. */
interface Part {
  readonly path: string;
  readonly content: Uint8Array;
}

const MODEL = 'model.onnx';
const CARD = 'model-card.md';
const SUMS = 'SHA256SUMS';
const FORMS = Object.values(CODINGS);
/** Folders between a model and the card of its run. */
const CARD_LEVELS = 3;
/** Names that npm takes, with or without a scope. */
const NPM_NAME = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;
const LONGEST_NPM_NAME = 214;

function textPart(path: string, text: string): Part {
  return { path, content: new TextEncoder().encode(text) };
}

function jsonPart(path: string, value: unknown): Part {
  return textPart(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** The built page, without the run that it would show. */
async function pageParts(): Promise<readonly Part[]> {
  const entries = await readdir(PAGE, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
  if (!paths.includes(join(PAGE, 'index.html'))) {
    throw new InputError('E_PAGE', `the page is not built: there is no ${PAGE}/index.html. Run npm run build:web.`);
  }
  const names = new Set(
    paths.map(path =>
      relative(PAGE, path)
        .replaceAll('\\', '/')
        .replace(new RegExp(`(${FORMS.join('|')})$`), ''),
    ),
  );
  names.delete('run.json');
  const parts: Part[] = [];
  for (const name of [...names].toSorted()) {
    const path = join(PAGE, name);
    const content = (await nodeFiles.exists(path)) ? await nodeFiles.read(path) : await unpacked(path);
    parts.push({ path: name, content });
  }
  return parts;
}

/** Parts with their compressed forms beside them, which servers can send as they are. */
async function withForms(parts: readonly Part[]): Promise<readonly Part[]> {
  const all = parts.map(async part => {
    if (!hasCompressedForms(part.path)) return [part];
    const forms = Object.entries(await compressedForms(part.content));
    return [part, ...forms.map(([coding, content]) => ({ path: `${part.path}${CODINGS[coding as Coding]}`, content }))];
  });
  return (await Promise.all(all)).flat();
}

/** Headers without which WebAssembly computes on one core, in the form that several file hosts read. */
const HEADERS = `/*
  Cross-Origin-Opener-Policy: same-origin
  Cross-Origin-Embedder-Policy: require-corp
`;

/** What the page gets to know: a study of one model. */
function studyPart(name: string): Part {
  const study: StudyOverview = {
    name,
    status: 'done',
    arms: [{ arm: 'student', fold: null, seed: 1, label: name, model: MODEL }],
    units: [],
  };
  return jsonPart('run.json', study);
}

async function webFolder(file: ModelFile, name: string): Promise<readonly Part[]> {
  return [
    ...(await withForms(await pageParts())),
    studyPart(name),
    textPart('_headers', HEADERS),
    { path: `run/${MODEL}`, content: file.bytes },
  ];
}

/** Files of the page that one html file has beside its script: the processor's build alone, and the codecs. */
const HELD = /^(runtime\/ort-wasm-simd-threaded\.wasm|codecs\/.*\.wasm|licenses\.md)$/;

/** One html file with everything in it. */
async function htmlFile(file: ModelFile, name: string, card: readonly Part[]): Promise<string> {
  if (!(await nodeFiles.exists(ONE_FILE))) {
    throw new InputError('E_PAGE', `the page is not built: there is no ${ONE_FILE}. Run npm run build:web.`);
  }
  const page = await readText(nodeFiles, ONE_FILE);
  const beside = (await pageParts()).filter(({ path }) => HELD.test(path));
  return oneFilePage(page, name, [studyPart(name), ...card, ...beside, { path: `run/${MODEL}`, content: file.bytes }]);
}

/** The code of the package: the same two functions in Node and in pages. */
const NODE_CODE = `import { fileURLToPath } from 'node:url';
import { openCascade, readModelFile, segmentCascade } from 'voxstill';
import { createNodeEngine, createNodeSources, encodeLabels, readVolume } from 'voxstill/node';

/** Address of the model's file. */
export const modelUrl = new URL('./${MODEL}', import.meta.url);

/** Segments a volume of any format and writes its labels, in the format that the name of the output says. */
export async function segmentFile(scan, output) {
  const sources = createNodeSources();
  const model = await readModelFile(sources.files, fileURLToPath(modelUrl));
  const { models, coarse, close } = await openCascade(await createNodeEngine(), [model]);
  try {
    const { volume, header } = await readVolume(sources, scan);
    const result = await segmentCascade(models, volume, { id: scan, coarse });
    await sources.files.write(output, encodeLabels(result.labels, { path: output, header }));
    return { ...result, classes: model.info.labels };
  } finally {
    await close();
  }
}
`;
const WEB_CODE = `import { loadModel, segmentVolume } from 'voxstill/web';

/** Address of the model's file. */
export const modelUrl = new URL('./${MODEL}', import.meta.url);

/** Loads the model; call it in a worker. The options are those of loadModel of voxstill/web. */
export function load(options) {
  return loadModel(modelUrl.href, options);
}

export { segmentVolume };
`;

function readme(name: string, { metadata }: ModelFile): string {
  const classes = metadata.labels.map(label => label.name).join(', ');
  return `# ${name}

A segmentation model with its pipeline inside, made with voxstill.
Classes: ${classes}.

\`\`\`js
import { segmentFile } from '${name}';

const { warnings } = await segmentFile('scan.nii.gz', 'labels.nii.gz');
for (const { message } of warnings) console.warn(message);
\`\`\`

In a page, with \`onnxruntime-web\` installed beside it, in a worker:

\`\`\`js
import { load, segmentVolume } from '${name}';

const model = await load();
const { labels, volumesMl } = await segmentVolume(volume, model);
\`\`\`

The card of the model, where there is one, is in \`${CARD}\`; \`${SUMS}\` has the SHA-256 of every file.
It is no medical device.
`;
}

function npmFolder(file: ModelFile, name: string): readonly Part[] {
  if (!NPM_NAME.test(name) || name.length > LONGEST_NPM_NAME) {
    throw new InputError(
      'E_USAGE',
      `"${name}" is no name of an npm package. Give one with --name: small letters, digits, -, _ and ., with a scope or without.`,
    );
  }
  const content = {
    name,
    version: '1.0.0',
    description: `A segmentation model: ${file.metadata.labels.map(label => label.name).join(', ')}`,
    type: 'module',
    exports: { '.': { browser: './web.js', default: './index.js' }, [`./${MODEL}`]: `./${MODEL}` },
    files: ['index.js', 'web.js', MODEL, CARD, SUMS],
    dependencies: { voxstill: packageVersion() },
    peerDependencies: { 'onnxruntime-web': '*' },
    peerDependenciesMeta: { 'onnxruntime-web': { optional: true } },
  };
  return [
    jsonPart('package.json', content),
    textPart('index.js', NODE_CODE),
    textPart('web.js', WEB_CODE),
    textPart('README.md', readme(name, file)),
    { path: MODEL, content: file.bytes },
  ];
}

/** The sums in the form that `sha256sum --check` reads. */
function sumsOf(parts: readonly Part[]): Part {
  const lines = parts.map(({ path, content }) => `${thisMachine.sha256(content)}  ${path}`);
  return textPart(SUMS, `${lines.join('\n')}\n`);
}

/**
 * Writes a folder or a file with a model.
 * @throws {InputError} E_OUT_NOT_EMPTY, E_PAGE, E_USAGE for a name that npm does not take; as readModelFile, also for a
 * model whose file does not say how it is used
 */
export async function packModel({ model, out, kind, name }: PackOptions): Promise<Packed> {
  if ((await nodeFiles.list(out)).length > 0 || (await nodeFiles.exists(out))) {
    throw new InputError('E_OUT_NOT_EMPTY', `${out} is there already. Choose another name with --out.`);
  }
  const bytes = await nodeFiles.read(model);
  // what is beside the model is not given away, so it must not be needed
  const file = await readModelFile({ read: async () => bytes, exists: async () => false }, model);
  const cardPath = await fileAbove(nodeFiles, model, { names: [CARD], levels: CARD_LEVELS });
  const hasCard = cardPath !== undefined;
  const card = hasCard ? [{ path: CARD, content: await nodeFiles.read(cardPath) }] : [];
  if (kind === 'html') {
    const { path, content } = textPart(out, await htmlFile(file, name, card));
    await nodeFiles.write(path, content);
    return { files: 1, bytes: content.length, hasCard };
  }
  const parts = [...(kind === 'page' ? await webFolder(file, name) : npmFolder(file, name)), ...card];
  const all = [...parts, sumsOf(parts)];
  for (const { path, content } of all) await nodeFiles.write(join(out, path), content);
  return { files: all.length, bytes: all.reduce((sum, { content }) => sum + content.length, 0), hasCard };
}
