/**
 * Measures what graphics cards get, on whatever adapter there is: `node --import tsx bench/gpu.ts [--device webgpu]
 * [--size D,H,W] [--large] [--count] [--json]`. For each configuration: milliseconds of a run (median, transfers
 * included) beside the processor's, nodes, nodes that ran on the processor by ONNX Runtime's own profile, and the share
 * of multiply-adds in matrix-shaped kernels. With --count nothing runs, so no adapter is needed. --large adds the U-Net
 * 32-64-128-256-320 on 128^3 with a batch of 2.
 */
import { parseArgs } from 'node:util';
import { random } from '../src/core/random.ts';
import { elementCount } from '../src/core/shape.ts';
import { type Tensor, tensor } from '../src/core/tensor.ts';
import { type Graph, isOp, reachable } from '../src/graph/graph.ts';
import { parameterCount } from '../src/nn/parameters.ts';
import { encodeModel } from '../src/onnx/encode.ts';
import { lower } from '../src/onnx/lower.ts';
import { matrixShare } from '../src/onnx/matrix-share.ts';
import { adam } from '../src/optim/adam.ts';
import { createNodeEngine } from '../src/platform/node/engine.ts';
import { loadRuntime } from '../src/platform/node/engine-parts.ts';
import { openProfileFolder } from '../src/platform/node/placement.ts';
import { providerOf } from '../src/platform/node/provider.ts';
import { sessionLoader } from '../src/platform/ort-session.ts';
import { DEVICE_KINDS } from '../src/runtime/device.ts';
import type { Engine } from '../src/runtime/engine.ts';
import { buildForward } from '../src/training/forward.ts';
import { median } from './child.ts';
import { benchStep, CLASSES, plainUnet } from './subject.ts';

/** What is measured: a training step or a forward pass. */
interface Configuration {
  readonly name: string;
  readonly features: readonly number[];
  /** Features of the frozen teacher that is part of the step. */
  readonly teacher?: readonly number[];
  readonly isTraining: boolean;
  readonly batch: number;
  readonly size: readonly number[];
}

const { values: flags } = parseArgs({
  options: {
    device: { type: 'string', default: 'webgpu' },
    size: { type: 'string', default: '40,56,40' },
    runs: { type: 'string', default: '5' },
    large: { type: 'boolean', default: false },
    count: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const size = flags.size.split(',').map(Number);
const device = DEVICE_KINDS.find(kind => kind === flags.device);
if (device === undefined) throw new Error(`--device must be one of ${DEVICE_KINDS.join(', ')}`);
const [TEACHER, STUDENT, WIDE] = [
  [16, 32, 64],
  [4, 8, 16],
  [32, 64, 128, 256, 320],
] as const;
const CUBE = [128, 128, 128];
const training = { isTraining: true, batch: 2, size };
const CONFIGURATIONS: readonly Configuration[] = [
  { name: 'step, teacher 16-32-64', features: TEACHER, ...training },
  { name: 'step, student 4-8-16', features: STUDENT, ...training },
  { name: 'distillation step, frozen teacher and student', features: STUDENT, teacher: TEACHER, ...training },
  { name: 'inference, teacher', features: TEACHER, ...training, isTraining: false },
  { name: 'inference, student', features: STUDENT, ...training, isTraining: false },
  ...(flags.large ? [{ name: 'step, 32-64-128-256-320 at 128^3', features: WIDE, ...training, size: CUBE }] : []),
];

function graphOf({ features, teacher, isTraining, batch, size: space }: Configuration): Graph {
  const imageShape = [batch, 1, ...space];
  const student = plainUnet(features, imageShape);
  if (!isTraining) return buildForward(student, imageShape);
  const frozen = teacher && plainUnet(teacher, imageShape);
  const optimizer = adam({ beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 }, count => new Float32Array(count));
  return benchStep({ student, teacher: frozen, imageShape, optimizer }).graph;
}

/** Numbers for every input of a graph: labels whole, the rest small. */
function feedsOf({ outputs }: Graph): Readonly<Record<string, Tensor>> {
  const source = random('bench');
  const inputs = reachable(Object.values(outputs)).filter(value => isOp(value, 'Input'));
  return Object.fromEntries(
    inputs.map(({ attributes: { name }, dataType, shape }) => {
      const count = elementCount(shape);
      if (dataType === 'int32') {
        return [
          name,
          tensor(
            'int32',
            Int32Array.from({ length: count }, () => source.integer(CLASSES)),
            shape,
          ),
        ];
      }
      return [
        name,
        tensor(
          'float32',
          Float32Array.from({ length: count }, () => 0.1 * source.uniform()),
          shape,
        ),
      ];
    }),
  );
}

async function medianMs(engine: Engine, graph: Graph): Promise<number> {
  const session = await engine.load(encodeModel(lower(graph, engine)));
  const feeds = feedsOf(graph);
  const times: number[] = [];
  for (let run = 0; run <= Number(flags.runs); run++) {
    const started = performance.now();
    await session.run(feeds);
    if (run > 0) times.push(performance.now() - started);
  }
  await session.dispose();
  return median(times);
}

/** Nodes of one run and those of them on the processor, by ONNX Runtime's profile. */
async function placed(graph: Graph, kind: 'webgpu' | 'cuda', folded: boolean) {
  const folder = openProfileFolder();
  const options = { executionProviders: [providerOf(kind)], enableProfiling: true, profileFilePrefix: folder.prefix };
  let found = { nodes: 0, onCpu: new Map<string, number>() as ReadonlyMap<string, number> };
  const load = sessionLoader(await loadRuntime(), options, session => {
    session.endProfiling();
    found = folder.take();
  });
  const session = await load(encodeModel(lower(graph, { block: 0, folded })));
  await session.run(feedsOf(graph));
  await session.dispose();
  return { nodes: found.nodes, onCpu: Object.fromEntries(found.onCpu) };
}

const engines = flags.count ? undefined : { card: await createNodeEngine({ device }), cpu: await createNodeEngine() };
const rows: object[] = [];
for (const configuration of CONFIGURATIONS) {
  const graph = graphOf(configuration);
  const model = lower(graph, { block: 0, folded: true });
  const { multiplyAdds, inMatrices } = matrixShare(model);
  const plain = matrixShare(lower(graph, { block: 0 }));
  const counted = {
    configuration: configuration.name,
    parameters: parameterCount(plainUnet(configuration.features, [1, 1, ...configuration.size]).specs),
    gigaMultiplyAdds: multiplyAdds / 1e9,
    shareInMatrices: inMatrices / multiplyAdds,
    plainShareInMatrices: plain.inMatrices / plain.multiplyAdds,
    modelNodes: model.nodes.filter(({ op }) => op !== 'Reshape' && op !== 'Identity').length,
  };
  const timed = engines && {
    device: engines.card.name,
    ms: await medianMs(engines.card, graph),
    cpuMs: await medianMs(engines.cpu, graph),
    ...(device === 'cpu' ? {} : await placed(graph, device, engines.card.folded === true)),
  };
  rows.push({ ...counted, ...timed });
  process.stderr.write(`${JSON.stringify(rows.at(-1))}\n`);
}
process.stdout.write(`${JSON.stringify(rows, null, flags.json ? 0 : 2)}\n`, () => process.exit(0));
