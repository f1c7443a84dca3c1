/**
 * Estimated and measured memory of networks, in training and inference, by both lowerings: `npm run bench:memory`.
 * Every case runs in a fresh process of the built package; its peak resident size is what Linux reports. `node
 * bench/memory.mjs NAME` runs the cases whose name holds NAME; `--case NAME` is one case in this process.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  buildForward,
  buildTrainingStep,
  encodeModel,
  initialize,
  lower,
  parameterCount,
  random,
  tensor,
} from '../dist/index.js';
import { armCosts, createNodeEngine, parseRecipe, planArm } from '../dist/platform/node/index.js';

const DATA = { channels: 1, labels: 3 };
const STEPS = 3;
const NETWORKS = [
  ['unet 16-32-64', 'unet: { features: [16, 32, 64] }', '[40, 56, 40]', 2],
  ['unet 4-8-16', 'unet: { features: [4, 8, 16] }', '[40, 56, 40]', 2],
  ['unet 16-32-64, separable', 'unet: { features: [16, 32, 64], convolution: separable }', '[40, 56, 40]', 2],
  ['unet 16-32-64, grouped', 'unet: { features: [16, 32, 64], convolution: grouped }', '[40, 56, 40]', 2],
  [
    'unet 16-32-64-64, deep supervision',
    'unet: { features: [16, 32, 64, 64] }',
    '[40, 56, 40]',
    2,
    'deepSupervision: true',
  ],
  ['unet 4-8, small', 'unet: { features: [4, 8] }', '[24, 32, 24]', 2],
  ['residualUnet', 'residualUnet: { features: [16, 32, 64], blocks: [1, 2, 2] }', '[40, 56, 40]', 2],
  [
    'unet 16-32-64, thick slices',
    'unet: { features: [16, 32, 64], kernels: [[3, 3, 1], [3, 3, 3], [3, 3, 3]], pooling: [[2, 2, 1], [2, 2, 2]] }',
    '[96, 96, 8]',
    2,
  ],
  [
    'generalizedUnet',
    'generalizedUnet: { features: [[[16, 16], [16, 16]], [[32, 32], [32, 16]], [[64, 32], []]] }',
    '[40, 56, 40]',
    2,
  ],
  [
    'generalizedUnet, valid, linear',
    'generalizedUnet: { features: [[[16, 16], [16, 16]], [[32, 32], [32, 16]], [[64, 32], []]], padding: valid, upsampling: linear }',
    '[68, 68, 68]',
    1,
  ],
  ['meshnet 5', 'meshnet: {}', '[64, 64, 64]', 1],
  ['meshnet 21', 'meshnet: { features: 21 }', '[64, 64, 64]', 1],
  ['deepmedic', 'deepmedic: {}', '[57, 57, 57]', 1],
];

const CASES = NETWORKS.flatMap(([name, network, patch, batch, train]) =>
  ['blocked', 'plain'].flatMap(lowering =>
    ['training', 'inference'].map(mode => ({
      name: `${name}, ${lowering}, ${mode}`,
      network,
      patch,
      batch,
      train,
      lowering,
      mode,
    })),
  ),
);

function recipeOf({ network, patch, batch, train }) {
  const keys = [`steps: 1, batch: ${batch}`, ...(train === undefined ? [] : [train])].join(', ');
  const text = `data: { dataset: none }\npatch: { size: ${patch} }\nteacher: { onnx: none.onnx }\nstudent: { ${network}, train: { ${keys} } }\n`;
  return parseRecipe(text, { path: 'case' });
}

function blockOf({ lowering }, engine) {
  return lowering === 'plain' ? 0 : engine.block;
}

/** Peak resident size of this process so far. */
function peakBytes() {
  return 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
}

const flat = data => tensor('float32', data, [data.length]);
const filled = (shape, value) =>
  tensor('float32', Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, value), shape);

async function measure(job) {
  const engine = await createNodeEngine();
  const { step, model } = planArm(recipeOf(job), 'baseline', DATA);
  const isTraining = job.mode === 'training';
  const imageShape = isTraining ? step.imageShape : step.imageShape.with(0, 1);
  const built = isTraining ? buildTrainingStep(step) : undefined;
  const graph = built?.graph ?? buildForward(model, imageShape);
  const session = await engine.load(encodeModel(lower(graph, { block: blockOf(job, engine) })));
  const source = random('image');
  const image = filled(imageShape, () => source.normal());
  let theta = flat(initialize(model.specs, name => random(1, name)));
  if (built === undefined) {
    for (let run = 0; run < STEPS; run++) await session.run({ image, theta });
    return;
  }
  const labelShape = imageShape.with(1, 1);
  const label = tensor(
    'int32',
    Int32Array.from(filled(labelShape, () => source.integer(DATA.labels)).data),
    labelShape,
  );
  const heads = parameterCount(built.adapters);
  const count = heads + parameterCount(model.specs.filter(({ role }) => role !== 'buffer'));
  let state = Object.fromEntries(step.optimizer.stateNames.map(name => [name, flat(new Float32Array(count))]));
  if (heads > 0) state['adapters'] = flat(new Float32Array(heads));
  const names = Object.keys(state);
  const hyper = filled([built.hyperNames.length], () => 0.001);
  for (let run = 0; run < STEPS; run++) {
    const next = await session.run({ image, label, theta, hyper, ...state });
    theta = next['theta.next'];
    state = Object.fromEntries(names.map(name => [name, next[`${name}.next`]]));
  }
}

async function compare(cases) {
  const engine = await createNodeEngine();
  const megabytes = bytes => String(Math.round(bytes / 2 ** 20)).padStart(7);
  console.log(`${'case'.padEnd(52)}estimate measured  ratio (MB, ${engine.name})`);
  for (const job of cases) {
    const costs = armCosts(recipeOf(job), 'baseline', { ...DATA, block: blockOf(job, engine) });
    const estimate = job.mode === 'training' ? costs.trainingBytes : costs.inferenceBytes;
    const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), '--case', job.name], {
      encoding: 'utf8',
    });
    if (child.status !== 0) throw new Error(child.stderr);
    const measured = Number(child.stdout);
    console.log(
      `${job.name.padEnd(52)}${megabytes(estimate)} ${megabytes(measured)}    ${(estimate / measured).toFixed(2)}`,
    );
  }
}

const [flag, name] = process.argv.slice(2);
if (flag === '--case') {
  await measure(CASES.find(job => job.name === name));
  console.log(peakBytes());
} else await compare(CASES.filter(job => job.name.includes(flag ?? '')));
