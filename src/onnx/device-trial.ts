/**
 * Tries a device before it is used: a small convolution with its gradients must give the numbers of the processor's
 * standard operators, and a larger one is timed on both.
 */
import { random } from '../core/random.ts';
import { elementCount, type Shape } from '../core/shape.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { PLAIN_CONVOLUTION } from '../graph/convolution.ts';
import { type Graph, GraphBuilder } from '../graph/graph.ts';
import { spatial } from '../graph/infer.ts';
import type { DeviceTrial } from '../runtime/device.ts';
import type { Engine, Session } from '../runtime/engine.ts';
import { encodeModel } from './encode.ts';
import { lower } from './lower.ts';

/** The part of an engine that computes. */
export type Computes = Pick<Engine, 'block' | 'folded' | 'load'>;

/** Sizes of a convolution of 3x3x3: the image, and the channels of the result. */
interface Sizes {
  readonly image: Shape;
  readonly out: number;
}

const COMPARED: Sizes = { image: [2, 3, 5, 6, 7], out: 8 };
const TIMED: Sizes = { image: [1, 16, 24, 24, 24], out: 16 };
const TIMED_RUNS = 3;
/** Time that a device may take to compile its kernels; a slower one is not the faster one anyway. */
const COMPILING_MS = 5000;

/** y = conv(x, w), the gradient of sum(y^2) / 2 to x, and that to w. */
function convolutionWithGradients({ image, out }: Sizes): Graph {
  const builder = new GraphBuilder();
  const x = builder.input('x', image);
  const kernel = builder.input('kernel', [out, image[1] as number, ...PLAIN_CONVOLUTION.kernel]);
  const y = builder.apply('Conv', [x, kernel], PLAIN_CONVOLUTION);
  return {
    outputs: {
      y,
      toImage: builder.apply('ConvTranspose', [y, kernel], { ...PLAIN_CONVOLUTION, size: spatial(image) }),
      toKernel: builder.apply('ConvKernelGradient', [x, y], PLAIN_CONVOLUTION),
    },
  };
}

function drawFeeds({ image, out }: Sizes): Readonly<Record<string, Tensor>> {
  const source = random('device trial');
  const draw = (shape: Shape): Tensor =>
    tensor(
      'float32',
      Float32Array.from({ length: elementCount(shape) }, () => source.normal()),
      shape,
    );
  return { x: draw(image), kernel: draw([out, image[1] as number, ...PLAIN_CONVOLUTION.kernel]) };
}

async function withSession<T>(engine: Computes, sizes: Sizes, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await engine.load(encodeModel(lower(convolutionWithGradients(sizes), engine)));
  try {
    return await work(session);
  } finally {
    await session.dispose();
  }
}

/**
 * Largest difference of results from expected ones, relative to the largest number of each.
 * @returns infinity if a number is not finite or a result is missing
 */
export function largestDeviation(
  expected: Readonly<Record<string, Tensor>>,
  actual: Readonly<Record<string, Tensor>>,
): number {
  let worst = 0;
  for (const [name, { data }] of Object.entries(expected)) {
    const [values, others] = [data as Float32Array, actual[name]?.data as Float32Array | undefined];
    if (others?.length !== values.length) return Number.POSITIVE_INFINITY;
    const largest = values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    for (const [index, value] of values.entries()) {
      const difference = Math.abs(value - (others[index] as number)) / largest;
      worst = Number.isFinite(difference) ? Math.max(worst, difference) : Number.POSITIVE_INFINITY;
    }
  }
  return worst;
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1] as number;
}

/**
 * Median time of the runs after the first, which compiles what the device needs.
 * @param options.mostMs after a first run that is longer than this no other follows, and its time is returned
 */
async function medianMs(
  engine: Computes,
  { now, mostMs = Number.POSITIVE_INFINITY }: { readonly now: () => number; readonly mostMs?: number },
): Promise<number> {
  const feeds = drawFeeds(TIMED);
  return withSession(engine, TIMED, async session => {
    const timed = async (): Promise<number> => {
      const started = now();
      await session.run(feeds);
      return now() - started;
    };
    const first = await timed();
    if (first > mostMs) return first;
    const times: number[] = [];
    for (let run = 0; run < TIMED_RUNS; run++) times.push(await timed());
    return median(times);
  });
}

/**
 * Runs a convolution with its gradients on a device and on the processor.
 * @param options.now milliseconds from any origin
 * @param options.isTimed whether a larger one is timed too
 */
export async function tryDevice(
  device: Computes,
  cpu: Computes,
  { now, isTimed }: { readonly now: () => number; readonly isTimed: boolean },
): Promise<DeviceTrial> {
  const feeds = drawFeeds(COMPARED);
  const run = (engine: Computes): Promise<Record<string, Tensor>> =>
    withSession(engine, COMPARED, session => session.run(feeds));
  const deviation = largestDeviation(await run({ ...cpu, block: 0 }), await run(device));
  if (!isTimed) return { deviation };
  const cpuMs = await medianMs(cpu, { now });
  return { deviation, times: { cpuMs, deviceMs: await medianMs(device, { now, mostMs: COMPILING_MS + 20 * cpuMs }) } };
}
