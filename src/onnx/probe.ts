/**
 * Finds out whether a runtime has ONNX Runtime's channel-blocked kernels and whether they compute what this project
 * expects of them. They are internal to ONNX Runtime, so every start checks them again: a model of one node reveals the
 * block, and a small convolution with its gradients is compared with the plain lowering.
 */
import { random } from '../core/random.ts';
import { elementCount, type Shape } from '../core/shape.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { PLAIN_CONVOLUTION } from '../graph/convolution.ts';
import { type Graph, GraphBuilder } from '../graph/graph.ts';
import type { Session } from '../runtime/engine.ts';
import { encodeModel } from './encode.ts';
import { lower } from './lower.ts';
import { BLOCKED_DOMAIN } from './model.ts';

type Load = (model: Uint8Array) => Promise<Session>;

const TOLERANCE = 1e-4;
const IMAGE: Shape = [1, 8, 4, 6, 6];
const KERNEL: Shape = [8, 8, 3, 3, 3];

/** Four channels, reordered, come out padded to one block. */
async function blockOf(load: Load): Promise<number> {
  const node = { name: 'probe', op: 'ReorderInput', domain: BLOCKED_DOMAIN, inputs: ['x'], outputs: ['y'] };
  const session = await load(
    encodeModel({
      nodes: [{ ...node, attributes: { channels_last: 0 } }],
      initializers: [],
      inputs: [{ name: 'x', dataType: 'float32', shape: [1, 4, 1, 1] }],
      outputs: [{ name: 'y', dataType: 'float32', shape: ['n', 'c', 'h', 'w'] }],
      metadata: {},
    }),
  );
  const { y } = await session.run({ x: tensor('float32', new Float32Array(4), [1, 4, 1, 1]) });
  await session.dispose();
  const block = y?.shape[1];
  return block === 8 || block === 16 ? block : 0;
}

/** y = conv(x, w), the adjoint of y, and the kernel's gradient. */
function sample(): Graph {
  const builder = new GraphBuilder();
  const [x, kernel] = [builder.input('x', IMAGE), builder.input('kernel', KERNEL)];
  const y = builder.apply('Conv', [x, kernel], PLAIN_CONVOLUTION);
  const adjoint = builder.apply('ConvTranspose', [y, kernel], { ...PLAIN_CONVOLUTION, size: [4, 6, 6] });
  return { outputs: { y, adjoint, gradient: builder.apply('ConvKernelGradient', [y, y], PLAIN_CONVOLUTION) } };
}

async function agrees(load: Load, block: number): Promise<boolean> {
  const source = random('probe');
  const draw = (shape: Shape): Tensor =>
    tensor(
      'float32',
      Float32Array.from({ length: elementCount(shape) }, () => source.normal()),
      shape,
    );
  const feeds = { x: draw(IMAGE), kernel: draw(KERNEL) };
  const results: Record<string, Tensor>[] = [];
  for (const choice of [0, block]) {
    const session = await load(encodeModel(lower(sample(), { block: choice })));
    results.push(await session.run(feeds));
    await session.dispose();
  }
  const [plain, blocked] = results as [Record<string, Tensor>, Record<string, Tensor>];
  return Object.entries(plain).every(([name, { data }]) => {
    const other = blocked[name]?.data as Float32Array;
    const largest = (data as Float32Array).reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    return (data as Float32Array).every((value, index) => Math.abs(value - other[index]!) <= TOLERANCE * largest);
  });
}

/**
 * The channel block of the runtime's blocked kernels, 8 or 16.
 * @returns 0 if there are none, or if they compute something else; standard operators work everywhere
 */
export async function probeBlock(load: Load): Promise<number> {
  try {
    const block = await blockOf(load);
    return block !== 0 && (await agrees(load, block)) ? block : 0;
  } catch {
    return 0;
  }
}
