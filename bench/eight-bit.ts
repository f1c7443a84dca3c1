/**
 * Times the 8-bit form of the plain U-Net beside the form that `predict` makes of the float file, that file as it is,
 * and PyTorch's forward pass: `node --import tsx bench/eight-bit.ts [--features 4,8,16] [--size D,H,W] [--threads N]
 * [--rounds N] [--web] [--python PATH]`. Medians of processor time (user and system, all threads), forms in turn; first
 * one window, then a whole volume with everything that segments it. Weights are random: time does not depend on them.
 * --web uses ONNX Runtime's WebAssembly. PyTorch (--python) runs eager, with channels last and compiled.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { random } from '../src/core/random.ts';
import { elementCount, type Triple } from '../src/core/shape.ts';
import { tensor } from '../src/core/tensor.ts';
import { segment } from '../src/inference/predictor.ts';
import { initialize } from '../src/nn/parameters.ts';
import { blockedForm } from '../src/onnx/blocked-form.ts';
import { eightBitCandidate } from '../src/onnx/eight-bit-form.ts';
import { createNodeEngine } from '../src/platform/node/engine.ts';
import { createWebEngine } from '../src/platform/web/index.ts';
import type { Engine, Session } from '../src/runtime/engine.ts';
import { exportModel } from '../src/training/export.ts';
import { child, median } from './child.ts';
import { CLASSES, plainUnet } from './subject.ts';

/** Voxels of the whole volume over those of the window, along each axis. */
const VOLUME_FACTOR = 1.5;

interface Forms {
  readonly float: Session;
  readonly plain: Session;
  readonly eight: Session;
}

async function openForms(engine: Engine, features: readonly number[], window: Triple): Promise<Forms> {
  const shape = [1, 1, ...window];
  const model = plainUnet(features, shape);
  const theta = initialize(model.specs, name => random(1, name));
  const file = exportModel(model, theta, { channels: 1, window, metadata: {} });
  const options = { input: { name: 'image', shape }, outputs: ['logits'] };
  const float = blockedForm(file, { ...options, block: engine.block });
  const candidate = eightBitCandidate(file, { ...options, block: engine.block, anyBatch: true });
  if ('unsupported' in candidate) throw new Error('the plain U-Net is known');
  const watching = await engine.load(candidate.observer);
  candidate.observe(await watching.run({ image: image(window) }));
  await watching.dispose();
  return {
    float: await engine.load(float instanceof Uint8Array ? float : file),
    plain: await engine.load(file),
    eight: await engine.load(candidate.finish({})),
  };
}

function image(size: Triple) {
  const source = random('image');
  const shape = [1, 1, ...size];
  return tensor(
    'float32',
    Float32Array.from({ length: elementCount(shape) }, () => source.uniform()),
    shape,
  );
}

/** Processor time of each form in turn, median over rounds after one to warm up. */
async function inTurn(
  forms: Forms,
  rounds: number,
  run: (session: Session) => Promise<unknown>,
): Promise<Readonly<Record<keyof Forms, number>>> {
  const times: Record<keyof Forms, number[]> = { float: [], plain: [], eight: [] };
  for (let round = -1; round < rounds; round++) {
    for (const name of ['float', 'plain', 'eight'] as const) {
      const before = process.cpuUsage();
      await run(forms[name]);
      const { user, system } = process.cpuUsage(before);
      if (round >= 0) times[name].push((user + system) / 1000);
    }
  }
  return { float: median(times.float), plain: median(times.plain), eight: median(times.eight) };
}

const { values } = parseArgs({
  options: {
    features: { type: 'string', default: '4,8,16' },
    size: { type: 'string', default: '40,56,40' },
    threads: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '15' },
    web: { type: 'boolean', default: false },
    python: { type: 'string' },
  },
});
const features = values.features.split(',').map(Number);
const window = values.size.split(',').map(Number) as unknown as Triple;
const [threads, rounds] = [Number(values.threads), Number(values.rounds)];
const engine = values.web ? await createWebEngine({ threads }) : await createNodeEngine({ threads });
const forms = await openForms(engine, features, window);
const fed = image(window);
const say = (what: string, times: Readonly<Record<keyof Forms, number>>): void => {
  const { float, plain, eight } = times;
  console.log(
    `${what}: 8 bits ${eight.toFixed(1)} ms, float ${float.toFixed(1)}, file as it is ${plain.toFixed(1)}; ` +
      `8 bits over float ${(eight / float).toFixed(2)}, over the file ${(eight / plain).toFixed(2)}`,
  );
};
console.log(`${engine.name}, U-Net ${values.features}, window ${values.size}, ${threads} thread(s), processor time`);
const perWindow = await inTurn(forms, rounds, session => session.run({ image: fed }));
say('one window', perWindow);
const [depth, height, width] = window.map(length => Math.round(VOLUME_FACTOR * length)) as [number, number, number];
const whole = image([depth, height, width]).data as Float32Array;
const volume = {
  sizeVoxels: [width, height, depth] as const,
  spacingMm: [1, 1, 1] as const,
  affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
  data: whole,
  channels: 1,
};
const info = {
  labels: Array.from({ length: CLASSES }, (_, value) => ({ value, name: `class ${value}` })),
  channels: 1,
  imageInterpolation: 'linear',
  normalize: 'min-max',
  patch: window,
  activation: 'softmax',
  inputName: 'image',
  outputName: 'logits',
} as const;
say('whole volume', await inTurn(forms, Math.max(3, rounds >> 2), session => segment(session, info, volume)));
if (values.python !== undefined) {
  const job = { task: 'infer', features, teacher: null, batch: 1, size: window, warmup: 3, steps: 9, threads };
  for (const form of ['eager', 'channels last', 'compiled']) {
    try {
      const script = fileURLToPath(new URL('step.py', import.meta.url));
      const { name, processorMs = [] } = child(values.python, [script, JSON.stringify({ ...job, form })]);
      const [theirs, { eight }] = [
        median(processorMs),
        await inTurn(forms, rounds, session => session.run({ image: fed })),
      ];
      console.log(`one window, ${name}: ${theirs.toFixed(1)} ms; 8 bits over it ${(eight / theirs).toFixed(2)}`);
    } catch (error) {
      console.log(`PyTorch ${form} did not run: ${String(error).split('\n').at(-2)}`);
    }
  }
}
