import { describe, expect, it } from 'vitest';
import { InputError, WorkError } from '../../../src/core/errors.ts';
import { elementCount, type Triple } from '../../../src/core/shape.ts';
import { type Tensor, tensor } from '../../../src/core/tensor.ts';
import { probabilitySlices, type SlidingWindowOptions, slidingWindow } from '../../../src/inference/sliding-window.ts';
import type { Session } from '../../../src/runtime/engine.ts';

type Model = (input: Float32Array, shape: readonly number[]) => Tensor;

/** A session whose one output is a function of its one input; remembers the shapes it was run with. */
function fakeSession(
  model: Model,
): Session & { readonly runs: (readonly number[])[]; readonly inputs: Float32Array[] } {
  const runs: (readonly number[])[] = [];
  const inputs: Float32Array[] = [];
  return {
    inputNames: ['image'],
    outputNames: ['logits'],
    runs,
    inputs,
    run: async feeds => {
      const input = feeds['image'] as Tensor<'float32'>;
      runs.push(input.shape);
      inputs.push(input.data.slice());
      return { logits: model(input.data, input.shape) };
    },
    dispose: async () => {},
  };
}

/** Output k at a voxel is a function of that voxel's channels. */
function voxelwise(classes: number, f: (channels: readonly number[]) => readonly number[]): Model {
  return (input, [batch = 0, channels = 0, ...window]) => {
    const count = elementCount(window);
    const output = new Float32Array(batch * classes * count);
    for (let n = 0; n < batch; n++) {
      for (let v = 0; v < count; v++) {
        const values = Array.from({ length: channels }, (_, c) => input[(n * channels + c) * count + v] ?? Number.NaN);
        f(values).forEach((value, k) => {
          output[(n * classes + k) * count + v] = value;
        });
      }
    }
    return tensor('float32', output, [batch, classes, ...window]);
  };
}

/** A distinct value for each voxel of each channel, in (0, 1]. */
function ramp(length: number): Float32Array {
  return Float32Array.from({ length }, (_, index) => ((index * 37) % length) / length + 1 / length);
}

function options(session: Session, size: Triple, more: Partial<SlidingWindowOptions> = {}): SlidingWindowOptions {
  const channels = more.channels ?? 1;
  return {
    session,
    image: ramp(channels * elementCount(size)),
    channels,
    size,
    window: [4, 4, 4],
    classes: 1,
    activation: 'none',
    inputName: 'image',
    outputName: 'logits',
    ...more,
  };
}

const wrongSum = (actual: Float32Array, expected: (index: number) => number): number =>
  actual.reduce((worst, value, index) => Math.max(worst, Math.abs(value - expected(index))), 0);

describe('the sliding window', () => {
  const grids: readonly (readonly [string, Triple, Triple, number])[] = [
    ['several windows per axis', [9, 13, 11], [4, 6, 5], 0.5],
    ['no overlap', [9, 13, 11], [4, 6, 5], 0],
    ['a large overlap', [7, 9, 8], [4, 6, 5], 0.9],
    ['an image as large as the window', [4, 6, 5], [4, 6, 5], 0.5],
    ['an image smaller than the window', [3, 4, 2], [4, 7, 5], 0.5],
    ['one axis smaller, one larger', [12, 3, 5], [5, 6, 5], 0.5],
    ['windows of one voxel', [3, 2, 2], [1, 1, 1], 0.5],
  ];

  for (const weighting of ['gaussian', 'constant'] as const) {
    it.each(grids)(
      `reproduces a voxelwise model everywhere, borders included: %s, ${weighting}`,
      async (_, size, window, overlap) => {
        const model = voxelwise(2, ([a = 0, b = 0]) => [a * a + b, 3 * b - a]);
        const given = options(fakeSession(model), size, { window, overlap, weighting, classes: 2, channels: 2 });
        const result = await slidingWindow(given);
        const count = elementCount(size);
        expect(result.length).toBe(2 * count);
        const at = (index: number): number => {
          const [a, b] = [given.image[index % count] ?? 0, given.image[count + (index % count)] ?? 0];
          return index < count ? a * a + b : 3 * b - a;
        };
        expect(wrongSum(result, at)).toBeLessThan(2e-6);
      },
    );
  }

  it('applies softmax to each window before it blends', async () => {
    const model = voxelwise(3, ([a = 0]) => [2 * a, 1, -a]);
    const given = options(fakeSession(model), [6, 5, 7], { classes: 3, activation: 'softmax' });
    const result = await slidingWindow(given);
    const at = (index: number): number => {
      const a = given.image[index % 210] ?? 0;
      const exponentials = [2 * a, 1, -a].map(Math.exp);
      return (exponentials[Math.floor(index / 210)] ?? 0) / exponentials.reduce((sum, value) => sum + value, 0);
    };
    expect(wrongSum(result, at)).toBeLessThan(1e-6);
  });

  it.each(['gaussian', 'constant'] as const)(
    'is the mean over windows weighted by the %s map where the output depends on the place in the window',
    async weighting => {
      const [size, window]: Triple[] = [
        [7, 4, 10],
        [4, 4, 4],
      ] as never;
      // Positions by hand: step 2 over a slack of 3, 0 and 6 voxels.
      const starts = [[0, 2, 3], [0], [0, 2, 4, 6]];
      const place = (z: number, y: number, x: number): number => Math.sin(z + 1) + 0.3 * y * y - 0.1 * x * z;
      const model: Model = (_, shape) => {
        const output = new Float32Array(elementCount(shape));
        output.forEach((__, i) => {
          output[i] = place(Math.floor(i / 16) % 4, Math.floor(i / 4) % 4, i % 4);
        });
        return tensor('float32', output, shape);
      };
      // sigma = 4 / 8 about the middle 1.5
      const weight = (i: number): number => (weighting === 'constant' ? 1 : Math.exp(-0.5 * ((i - 1.5) / 0.5) ** 2));
      const sum = new Float64Array(280);
      const norm = new Float64Array(280);
      for (const z0 of starts[0]!)
        for (const y0 of starts[1]!)
          for (const x0 of starts[2]!)
            for (let z = 0; z < 4; z++)
              for (let y = 0; y < 4; y++)
                for (let x = 0; x < 4; x++) {
                  const voxel = ((z0 + z) * 4 + y0 + y) * 10 + x0 + x;
                  const w = weight(z) * weight(y) * weight(x);
                  sum[voxel]! += w * Math.fround(place(z, y, x));
                  norm[voxel]! += w;
                }
      const result = await slidingWindow(options(fakeSession(model), size!, { window: window!, weighting }));
      expect(wrongSum(result, index => sum[index]! / norm[index]!)).toBeLessThan(1e-6);
    },
  );

  it('pads a small image on both sides with the minimum of its channel', async () => {
    const session = fakeSession(voxelwise(1, ([a = 0]) => [a]));
    const image = Float32Array.of(5, 7, 6, -1, -3, -2);
    const result = await slidingWindow(options(session, [1, 1, 3], { image, channels: 2, window: [1, 2, 6] }));
    expect(session.inputs).toEqual([
      Float32Array.of(5, 5, 7, 6, 5, 5, 5, 5, 5, 5, 5, 5, -3, -1, -3, -2, -3, -3, -3, -3, -3, -3, -3, -3),
    ]);
    expect(result).toEqual(Float32Array.of(5, 7, 6));
  });

  it('gives the same in batches, the last of which may be smaller', async () => {
    const model = voxelwise(1, ([a = 0]) => [a]);
    const [single, batched] = [fakeSession(model), fakeSession(model)];
    const one = await slidingWindow(options(single, [4, 4, 12], { overlap: 0.5 }));
    const four = await slidingWindow(options(batched, [4, 4, 12], { overlap: 0.5, batch: 4 }));
    expect(single.runs.map(([batch]) => batch)).toEqual([1, 1, 1, 1, 1]);
    expect(batched.runs.map(([batch]) => batch)).toEqual([4, 1]);
    expect(four).toEqual(one);
  });

  it('fills a group up to the one batch size that a model takes', async () => {
    const model = voxelwise(1, ([a = 0]) => [a]);
    const fixed = fakeSession(model);
    const given = options(fixed, [4, 4, 12], { fixedBatch: 3 });
    expect(wrongSum(await slidingWindow(given), index => given.image[index]!)).toBeLessThan(1e-6);
    expect(fixed.runs).toEqual([
      [3, 1, 4, 4, 4],
      [3, 1, 4, 4, 4],
    ]);
  });

  /** Mean over a cube of 3x3x3 voxels, without padding: the output is two voxels smaller along each axis. */
  const validMean: Model = (input, [batch = 0, , d = 0, h = 0, w = 0]) => {
    const shape = [batch, 1, d - 2, h - 2, w - 2];
    const output = new Float32Array(elementCount(shape));
    let to = 0;
    for (let n = 0; n < batch; n++)
      for (let z = 1; z < d - 1; z++)
        for (let y = 1; y < h - 1; y++)
          for (let x = 1; x < w - 1; x++, to++)
            for (let tap = 0; tap < 27; tap++) {
              const [dz, dy, dx] = [Math.floor(tap / 9) - 1, (Math.floor(tap / 3) % 3) - 1, (tap % 3) - 1];
              output[to]! += input[((n * d + z + dz) * h + y + dy) * w + x + dx]! / 27;
            }
    return tensor('float32', output, shape);
  };

  it.each<readonly [string, Triple, Triple, Triple, number]>([
    ['several windows per axis', [7, 9, 8], [5, 6, 7], [3, 4, 5], 0.5],
    ['windows side by side', [7, 9, 8], [5, 6, 7], [3, 4, 5], 0],
    ['an image smaller than the output', [2, 3, 4], [5, 6, 7], [3, 4, 5], 0.5],
  ])('tiles the smaller output of a model without padding: %s', async (_, size, window, output, overlap) => {
    const given = options(fakeSession(validMean), size, { window, output, overlap, batch: 2 });
    const result = await slidingWindow(given);
    const [depth, height, width] = size;
    // beyond the image lies its minimum
    const minimum = given.image.reduce((least, value) => Math.min(least, value));
    const at = (z: number, y: number, x: number): number =>
      z >= 0 && y >= 0 && x >= 0 && z < depth && y < height && x < width
        ? given.image[(z * height + y) * width + x]!
        : minimum;
    const expected = (index: number): number => {
      const [z, y, x] = [Math.floor(index / (height * width)), Math.floor(index / width) % height, index % width];
      let sum = 0;
      for (let tap = 0; tap < 27; tap++) {
        sum += at(z + Math.floor(tap / 9) - 1, y + (Math.floor(tap / 3) % 3) - 1, x + (tap % 3) - 1) / 27;
      }
      return sum;
    };
    expect(wrongSum(result, expected)).toBeLessThan(1e-6);
  });

  it('averages over the views of a window flipped along the axes that are asked for', async () => {
    const size: Triple = [2, 3, 4];
    // depends on the place in the window, so that a view that is not flipped back shows
    const place = (z: number, y: number, x: number): number => 100 * z + 10 * y + x;
    const model: Model = (input, shape) => {
      const output = input.map((value, i) => value + place(Math.floor(i / 12) % 2, Math.floor(i / 4) % 3, i % 4));
      return tensor('float32', output, shape);
    };
    const session = fakeSession(model);
    const given = options(session, size, { window: size, mirror: ['x', 'z'] });
    const result = await slidingWindow(given);
    expect(session.runs.length).toBe(4);
    const at = (index: number): number => {
      const [z, y, x] = [Math.floor(index / 12), Math.floor(index / 4) % 3, index % 4];
      const views = [place(z, y, x), place(z, y, 3 - x), place(1 - z, y, x), place(1 - z, y, 3 - x)];
      return given.image[index]! + views.reduce((sum, value) => sum + value, 0) / 4;
    };
    expect(wrongSum(result, at)).toBeLessThan(2e-5);
  });

  it('hands a slice on as soon as no later window touches it', async () => {
    const session = fakeSession(voxelwise(1, ([a = 0]) => [a]));
    const given = options(session, [10, 4, 4]);
    const runs: number[] = [];
    let z = 0;
    for await (const slice of probabilitySlices(given)) {
      expect(wrongSum(slice, index => given.image[z * 16 + index]!)).toBeLessThan(1e-6);
      runs.push(session.runs.length);
      z++;
    }
    // rows of windows start at 0, 2, 4 and 6
    expect(runs).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 4, 4]);
  });

  it('says how many windows are done', async () => {
    const seen: [number, number][] = [];
    const session = fakeSession(voxelwise(1, ([a = 0]) => [a]));
    await slidingWindow(
      options(session, [4, 4, 12], { batch: 2, onProgress: (done, total) => seen.push([done, total]) }),
    );
    expect(seen).toEqual([
      [2, 5],
      [4, 5],
      [5, 5],
    ]);
  });

  it('stops between windows when it is asked to', async () => {
    const controller = new AbortController();
    const session = fakeSession(voxelwise(1, ([a = 0]) => [a]));
    const running = slidingWindow(
      options(session, [4, 4, 12], {
        signal: controller.signal,
        onProgress: done => done === 2 && controller.abort(new Error('stop')),
      }),
    );
    await expect(running).rejects.toThrow('stop');
    expect(session.runs.length).toBe(2);
  });

  it.each([
    ['another number of classes', 2, undefined],
    ['a missing output', 1, 'elsewhere'],
  ])('refuses %s with a message that names both shapes', async (_, classes, outputName) => {
    const session = fakeSession(voxelwise(1, ([a = 0]) => [a]));
    const running = slidingWindow(options(session, [4, 4, 4], { classes, outputName: outputName ?? 'logits' }));
    await expect(running).rejects.toThrow(InputError);
    await expect(running).rejects.toMatchObject({ code: 'E_MODEL_OUTPUT' });
  });

  it('fails where the model gives NaN and says where', async () => {
    const session = fakeSession(voxelwise(1, ([a = 0]) => [a > 0.99 ? Number.NaN : a]));
    const running = slidingWindow(options(session, [4, 4, 8]));
    await expect(running).rejects.toThrow(WorkError);
    await expect(running).rejects.toThrow(/window at voxel \d, 0, 0/);
  });

  it.each([
    { overlap: 1 },
    { overlap: Number.NaN },
    { batch: 0 },
    { window: [4, 0, 4] as const },
    { image: new Float32Array(3) },
    { output: [4, 4, 6] as const },
    { output: [4, 4, 3] as const },
    { fixedBatch: 0.5 },
  ])('refuses impossible options: %j', async more => {
    const session = fakeSession(voxelwise(1, ([a = 0]) => [a]));
    await expect(slidingWindow(options(session, [4, 4, 4], more))).rejects.toMatchObject({ code: 'E_WINDOW' });
  });
});
