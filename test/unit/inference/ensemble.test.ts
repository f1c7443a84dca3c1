/** The mean of several models, slice by slice. */
import { describe, expect, it } from 'vitest';
import { type JointClasses, jointSlices, meanSlices, sharedClasses } from '../../../src/inference/ensemble.ts';
import type { ModelInfo } from '../../../src/inference/model-info.ts';

async function* slices(...values: readonly (readonly number[])[]): AsyncGenerator<Float32Array, void> {
  for (const value of values) yield Float32Array.from(value);
}

async function meansOf(streams: readonly AsyncGenerator<Float32Array, void>[]): Promise<number[][]> {
  const means: number[][] = [];
  for await (const mean of meanSlices(streams)) means.push([...mean]);
  return means;
}

it.each([
  [
    'one',
    [
      [
        [1, 2],
        [3, 4],
      ],
    ],
    [
      [1, 2],
      [3, 4],
    ],
  ],
  ['two', [[[1, 2]], [[3, 8]]], [[2, 5]]],
  [
    'three',
    [
      [
        [1, 2],
        [0, 0],
      ],
      [
        [4, 2],
        [3, 0],
      ],
      [
        [7, 5],
        [6, 9],
      ],
    ],
    [
      [4, 3],
      [3, 3],
    ],
  ],
  ['four', [[[1]], [[1]], [[1]], [[5]]], [[2]]],
])('of %s is the sum over their number', async (_, streams, expected) => {
  expect(await meansOf(streams.map(stream => slices(...stream)))).toEqual(expected);
});

it('of none is nothing', async () => {
  expect(await meansOf([])).toEqual([]);
});

it('leaves the slices of the streams as they are', async () => {
  const own = Float32Array.of(1, 5);
  async function* stream(): AsyncGenerator<Float32Array, void> {
    yield own;
  }
  expect(await meansOf([stream(), slices([3, 7])])).toEqual([[2, 6]]);
  expect([...own]).toEqual([1, 5]);
});

describe('the classes of an ensemble', () => {
  const info = (changes: Partial<ModelInfo>): ModelInfo =>
    ({
      labels: [
        { value: 0, name: 'background' },
        { value: 1, name: 'liver' },
      ],
      channels: 1,
      activation: 'softmax',
      ...changes,
    }) as ModelInfo;

  it('are those that all models have', () => {
    const { values } = sharedClasses([info({}), info({})]);
    expect([...values]).toEqual([0, 1]);
  });

  it('are refused where a model differs, which is named with both', () => {
    const spleen = info({
      labels: [
        { value: 0, name: 'background' },
        { value: 1, name: 'spleen' },
      ],
    });
    expect(() => sharedClasses([info({}), info({}), spleen])).toThrow(
      expect.objectContaining({
        code: 'E_ENSEMBLE',
        message: expect.stringMatching(
          /1 channel\(s\) in stored axes to exclusive classes 0 \(background\), 1 \(liver\); model 3 maps .* 1 \(spleen\)/,
        ),
      }),
    );
    expect(() => sharedClasses([info({}), info({ orientation: 'RAS' })])).toThrow(/model 2 maps .* in RAS axes/);
  });

  it('are those of one model at least', () => {
    expect(() => sharedClasses([])).toThrow(expect.objectContaining({ code: 'E_ENSEMBLE' }));
  });
});

describe('models that know different classes', () => {
  const label = (value: number) => ({ value, name: String(value) });
  const exclusive: JointClasses = {
    kind: 'softmax',
    values: [0, 1, 2],
    labels: [label(1), label(2)],
    members: [
      { weight: 1, channels: [undefined, 1] },
      { weight: 3, channels: [undefined, 2, 1] },
    ],
  };
  const jointly = async (joint: JointClasses, ...streams: readonly (readonly (readonly number[])[])[]) => {
    const result: number[][] = [];
    for await (const slice of jointSlices(
      streams.map(stream => slices(...stream)),
      joint,
    ))
      result.push([...slice]);
    return result;
  };

  it('give a class the weighted mean of those that know it, and the background what is left', async () => {
    // two voxels; the first model knows class 1, the second classes 2 and 1 in this order
    const [slice] = await jointly(exclusive, [[0.8, 0.2, 0.2, 0.8]], [[0.5, 0.25, 0.25, 0.25, 0.25, 0.5]]);
    const expected = [0.5125, 0.175, 0.2375, 0.575, 0.25, 0.25];
    slice!.forEach((value, index) => void expect(value).toBeCloseTo(expected[index]!, 6));
  });

  it('divide what they claim by its sum where it is more than 1', async () => {
    const members = [
      { weight: 1, channels: [undefined, 1] },
      { weight: 1, channels: [undefined, 2] },
    ];
    const [slice] = await jointly({ ...exclusive, members }, [[0.1, 0.9]], [[0.4, 0.6]]);
    [0, 0.6, 0.4].forEach((value, index) => void expect(slice![index]).toBeCloseTo(value, 6));
  });

  it('leave classes that are independent as they are', async () => {
    const members = [
      { weight: 2, channels: [0] },
      { weight: 1, channels: [undefined, 1] },
    ];
    const joint = { ...exclusive, kind: 'sigmoid', values: [1, 2], members } as const;
    expect(
      await jointly(
        joint,
        [[0.75], [0.5]],
        [
          [0.5, 1],
          [1, 0.25],
        ],
      ),
    ).toEqual([
      [0.75, 1],
      [0.5, 0.25],
    ]);
  });

  it('are one model where there is one: its own probabilities', async () => {
    const joint = { ...exclusive, members: [{ weight: 5, channels: [undefined, 1, 2] }] };
    expect(await jointly(joint, [[0.25, 0.5, 0.25]])).toEqual([[0.25, 0.5, 0.25]]);
  });
});
