/** Models for the mutations: ONNX, checkpoints of PyTorch, models of Keras, and our own checkpoints. */
import { unzipSync, zipSync } from 'fflate';
import type { Random } from '../../../../src/core/random.ts';
import type { Triple } from '../../../../src/core/shape.ts';
import { armFolder } from '../../../../src/experiment/arm-folder.ts';
import type { ArmOptions } from '../../../../src/experiment/arm-options.ts';
import { armStore } from '../../../../src/experiment/arm-store.ts';
import { importModelFile } from '../../../../src/experiment/model-source.ts';
import { blockedForm } from '../../../../src/onnx/blocked-form.ts';
import { createNodeSources } from '../../../../src/platform/node/laboratory.ts';
import { inspectPath } from '../../../../src/study/inspect.ts';
import { withSoftLabels } from '../../../../src/teacher/soft-labels.ts';
import { encodeCheckpoint } from '../../../../src/training/checkpoint.ts';
import type { Model } from '../../../../src/training/forward.ts';
import { createLaboratory, functionEngine, sha256, thresholdModel } from '../../laboratory.ts';
import type { MemoryFiles } from '../../memory-files.ts';
import { tinyModel } from '../../tiny-model.ts';
import { type Example, encode, fixture, fixturesIn, type InputKind, OUT } from './kind.ts';
import { mutateBytes, mutateJson, pick } from './mutate.ts';

const { images } = createNodeSources();

/** What `inspect` says of a model, and its fast form where it has one. */
async function readOnnx(files: MemoryFiles, path: string): Promise<void> {
  const description = await inspectPath({ files, images }, path);
  if (description.kind !== 'model' || description.use?.fastKernels !== 'yes') return;
  const { window = [], output = '' } = description.use;
  const input = description.inputs[0];
  const shape = [1, Number(input?.shape[1] ?? 1) || 1, ...window];
  blockedForm(await files.read(path), { block: 8, input: { name: input?.name ?? '', shape }, outputs: [output] });
}

function onnx(bytes: Uint8Array, more: Readonly<Record<string, Uint8Array>> = {}): Example {
  const beside = {
    'in/m.json': encode('{"labels": ["background", "a"], "normalize": "none", "activation": "softmax"}'),
  };
  const name = 'in/m.onnx';
  return {
    files: { [name]: bytes, ...beside, ...more },
    targets: [...Array(5).fill({ path: name, mutate: mutateBytes }), { path: 'in/m.json', mutate: mutateJson }],
    read: files => readOnnx(files, name),
  };
}

/** Imports as `voxstill import` does, into the one folder that may be written. */
function importing(
  files: Readonly<Record<string, Uint8Array>>,
  source: string,
  targets: Example['targets'],
  patch?: Triple,
): Example {
  return {
    files,
    targets,
    read: async memory => {
      const { file } = await importModelFile(memory, source, patch && { given: { patch } });
      await memory.write(`${OUT}/m.onnx`, file.bytes);
    },
  };
}

/** Damage of one entry of a zip archive, whose checksums are right again. */
function inZip(pattern: RegExp, mutate: Example['targets'][number]['mutate']): Example['targets'][number]['mutate'] {
  return (bytes, stream) => {
    const entries = unzipSync(bytes);
    const names = Object.keys(entries).filter(name => pattern.test(name));
    const name = pick(names, stream);
    const changed = { ...entries, [name]: mutate(entries[name] as Uint8Array, stream) };
    return zipSync(changed, { level: 0 });
  };
}

function stateDict(name: string): Example {
  const [path, beside] = [`in/${name}.pt`, `in/${name}.json`];
  const files = { [path]: fixture(`monai/${name}.pt`), [beside]: fixture(`monai/${name}.json`) };
  return importing(files, path, [
    { path, mutate: mutateBytes },
    { path, mutate: inZip(/data\.pkl$/, mutateBytes) },
    { path, mutate: inZip(/data\.pkl$/, mutateBytes) },
    { path, mutate: inZip(/./, mutateBytes) },
    { path: beside, mutate: mutateJson },
  ]);
}

/** A folder with descriptions in JSON and checkpoints. */
function modelFolder(folder: string, pattern: RegExp): Example {
  const files = Object.fromEntries(fixturesIn(folder, pattern).map(path => [`in/${path}`, fixture(path)]));
  const paths = Object.keys(files);
  const texts = paths.filter(path => path.endsWith('.json')).map(path => ({ path, mutate: mutateJson }));
  const checkpoints = paths.filter(path => /\.(pth|pt)$/.test(path));
  return importing(files, `in/${folder}`, [
    ...texts,
    ...checkpoints.map(path => ({ path, mutate: inZip(/data\.pkl$/, mutateBytes) })),
  ]);
}

/** What Keras does not say about a model. */
const KERAS_FACTS = { labels: ['background', 'a', 'b'], normalize: 'none', activation: 'softmax' };

function keras(name: string): Example {
  const path = `in/${name}`;
  const labels = /keras2|any/.test(name) ? KERAS_FACTS.labels.slice(1) : KERAS_FACTS.labels;
  const { activation, ...facts } = { ...KERAS_FACTS, labels };
  const beside = encode(JSON.stringify(name.startsWith('any') ? { ...facts, activation } : facts));
  const isArchive = name.endsWith('.keras');
  const targets = isArchive
    ? [mutateBytes, inZip(/config\.json$/, mutateJson), inZip(/config\.json$/, mutateJson), inZip(/\.h5$/, mutateBytes)]
    : [mutateBytes];
  return importing(
    { [path]: fixture(`keras/${name}`), [path.replace(/\.\w+$/, '.json')]: beside },
    path,
    targets.map(mutate => ({ path, mutate })),
    [16, 16, 16],
  );
}

const SPECS = [
  { name: 'a.kernel', shape: [2, 1, 3, 3, 3], role: 'kernel', init: 'he' },
  { name: 'a.bias', shape: [2], role: 'bias', init: 'zeros' },
] as unknown as Model['specs'];
const FINGERPRINT = 'f';

/** The header changed, with the right length and checksum again: a writer that is wrong, not a disk. */
function inHeader(bytes: Uint8Array, stream: Random): Uint8Array {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = bytes.subarray(8, 8 + length);
  const changed = mutateJson(header, stream);
  const data = bytes.subarray(8 + length);
  const sealed = (text: string): Uint8Array => {
    const document = JSON.parse(text) as { __metadata__: Record<string, string> };
    const bare = encode(JSON.stringify({ ...document, __metadata__: { ...document.__metadata__, sha256: '' } }));
    const hash = sha256(new Uint8Array([...bare, ...data]));
    const whole = encode(JSON.stringify({ ...document, __metadata__: { ...document.__metadata__, sha256: hash } }));
    const head = new Uint8Array(8);
    new DataView(head.buffer).setBigUint64(0, BigInt(whole.length), true);
    return new Uint8Array([...head, ...whole, ...data]);
  };
  try {
    return sealed(new TextDecoder().decode(changed));
  } catch {
    // no longer a document that could be sealed
    return new Uint8Array([...bytes.subarray(0, 8), ...changed, ...data]);
  }
}

function checkpoints(): Example {
  const step = { step: 4, best: { step: 2, dice: 0.5 }, seconds: 1, fingerprint: FINGERPRINT };
  const checkpoint = { ...step, theta: new Float32Array(56).fill(0.5), state: { m: new Float32Array(56) } };
  const bytes = encodeCheckpoint(checkpoint, SPECS, sha256);
  const folder = armFolder('in/student');
  const paths = ['last', 'best'].map(name => `${folder.checkpoint}/${name}.safetensors`);
  const rows = [1, 2, 3, 4].map(row => `${row},0,1,0.1,2,\n`).join('');
  return {
    files: {
      ...Object.fromEntries(paths.map(path => [path, bytes])),
      [folder.history]: encode(`step,epoch,seconds,learningRate,total,validationDice\n${rows}`),
    },
    targets: paths.flatMap(path => [mutateBytes, inHeader].map(mutate => ({ path, mutate }))),
    read: async files => {
      const laboratory = createLaboratory(functionEngine(thresholdModel), files);
      const options = { laboratory, folder } as unknown as ArmOptions;
      const found = await armStore(options, { specs: SPECS } as unknown as Model, FINGERPRINT).load();
      if (found !== undefined && !Number.isSafeInteger(found.last.step)) throw new Error('a step that is no number');
    },
  };
}

/** An answer of a teacher, in the folder that all runs share. */
async function softLabels(): Promise<Example> {
  const { files } = createLaboratory(functionEngine(thresholdModel));
  const shape = [1, 2, 2, 2, 2];
  const logits = { type: 'float32', data: new Float32Array(16), shape } as never;
  const call = async () => ({ logits, features: {} });
  const teacher = { sha256: 't', answerShape: shape, call } as never;
  const options = { folder: OUT, limitBytes: 1e6, isMeasured: false, sha256, elapsedMs: () => 0, log: () => {} };
  const batch = { image: new Float32Array(8), label: new Int32Array(8), caseIds: ['a'], epoch: 0 } as never;
  await withSoftLabels(teacher, { ...options, files }).call(0, batch);
  const stored = Object.fromEntries(files.contents);
  const path = Object.keys(stored).find(name => name.endsWith('.softlabels')) as string;
  return {
    files: stored,
    targets: [mutateBytes, inHeader].map(mutate => ({ path, mutate })),
    read: async memory => {
      const answer = await withSoftLabels(teacher, { ...options, files: memory }).call(0, batch);
      if (answer.logits.data.length !== 16) throw new Error('an answer of another size');
    },
  };
}

const MONAI = ['unet-plain', 'unet-planes', 'unet-residual', 'basic-linear', 'dyn-plain', 'seg-linear'];

export const MODEL_KINDS: readonly InputKind[] = [
  {
    name: 'ONNX',
    examples: async () => [
      ...['teachers', 'model-ends', 'import-operators']
        .flatMap(folder => fixturesIn(folder, /\.onnx$/))
        .map(path => {
          const external = path.includes('external') ? { 'in/external.bin': fixture('teachers/external.bin') } : {};
          return onnx(fixture(path), external);
        }),
      onnx(tinyModel(1)),
    ],
  },
  {
    name: 'PyTorch',
    examples: async () => [
      ...MONAI.map(stateDict),
      ...['iso', 'planes'].map(name => modelFolder(`nnunet/${name}`, /(\.json|\.pth)$/)),
      modelFolder('monai/bundle', /(\.json|\.pt)$/),
    ],
  },
  {
    name: 'Keras',
    examples: async () =>
      ['any-size.keras', 'nested.keras', 'unet.keras', 'nested.h5', 'keras2.h5', 'unet.h5'].map(keras),
  },
  {
    name: 'safetensors',
    examples: async () => [checkpoints(), checkpoints(), await softLabels()],
  },
];
