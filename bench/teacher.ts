/**
 * What a finished model costs as a teacher: `node --import tsx bench/teacher.ts [--threads T] [--rounds R]`. U-Nets as
 * they are exported, asked about batch 2 of 1x40x56x40 by ONNX Runtime as they are, and in blocked kernels as
 * distillation asks them. Both take turns, round after round; the ratio is that of medians.
 */
import { parseArgs } from 'node:util';
import { random } from '../src/core/random.ts';
import { elementCount } from '../src/core/shape.ts';
import { tensor } from '../src/core/tensor.ts';
import { initialize } from '../src/nn/parameters.ts';
import { blockedForm } from '../src/onnx/blocked-form.ts';
import { createNodeEngine } from '../src/platform/node/engine.ts';
import type { Session } from '../src/runtime/engine.ts';
import { exportModel } from '../src/training/export.ts';
import { plainUnet } from './subject.ts';

const SHAPE = [2, 1, 40, 56, 40];
const WIDTHS = [
  [16, 32, 64],
  [32, 64, 128],
];

const { values } = parseArgs({ options: { threads: { type: 'string' }, rounds: { type: 'string', default: '5' } } });
const engine = await createNodeEngine(values.threads === undefined ? {} : { threads: Number(values.threads) });
if (engine.block === 0) throw new Error('no blocked kernels here');

const source = random(3, 'image');
const image = tensor(
  'float32',
  new Float32Array(elementCount(SHAPE)).map(() => source.uniform()),
  SHAPE,
);

async function stepMs(session: Session): Promise<number> {
  const started = performance.now();
  await session.run({ image });
  return performance.now() - started;
}

const median = (times: readonly number[]): number => times.toSorted((a, b) => a - b)[times.length >> 1] ?? Number.NaN;

for (const features of WIDTHS) {
  const model = plainUnet(features, SHAPE);
  const theta = initialize(model.specs, name => random(1, name));
  const file = exportModel(model, theta, { channels: 1, window: [40, 56, 40], metadata: {} });
  const input = { name: 'image', shape: SHAPE };
  const form = blockedForm(file, { input, outputs: ['logits'], block: engine.block });
  if (!(form instanceof Uint8Array)) throw new Error(form?.unsupported ?? 'it would not pay');
  const sessions = [await engine.load(file), await engine.load(form)];
  const times: number[][] = [[], []];
  for (let round = -1; round < Number(values.rounds); round++) {
    for (const [index, session] of sessions.entries()) {
      const ms = await stepMs(session);
      if (round >= 0) times[index]?.push(ms);
    }
  }
  const [asItIs, blocked] = times.map(median) as [number, number];
  const ratio = (blocked / asItIs).toFixed(2);
  console.log(
    `U-Net ${features.join('-')}: ${asItIs.toFixed(0)} ms as it is, ${blocked.toFixed(0)} ms in blocks of ${engine.block}, ratio ${ratio}`,
  );
  for (const session of sessions) await session.dispose();
}
