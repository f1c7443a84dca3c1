/** The rewrites before differentiation and lowering: they change what is stored, not what comes out. */
import { describe, expect, it } from 'vitest';
import { gradient } from '../../../src/autodiff/gradient.ts';
import type { Shape, Triple } from '../../../src/core/shape.ts';
import { PLAIN_CONVOLUTION } from '../../../src/graph/convolution.ts';
import { decompose } from '../../../src/graph/decompose.ts';
import { fuse } from '../../../src/graph/fuse.ts';
import { GraphBuilder, isOp, reachable, type Value } from '../../../src/graph/graph.ts';
import { dropLostBiases } from '../../../src/graph/lost-biases.ts';
import type { ConvAttributes, OpName } from '../../../src/graph/ops.ts';
import { findTransposedConvs } from '../../../src/graph/transposed-convs.ts';
import { relativeError } from '../../support/central-difference.ts';
import { evaluate } from '../../support/evaluate.ts';
import { draw } from '../../support/operator-cases.ts';

/** Inputs with values, and a convolution over whatever is built from them. */
function bench() {
  const builder = new GraphBuilder();
  const feeds: Record<string, Float64Array> = {};
  const input = (name: string, shape: Shape): Value => {
    feeds[name] = draw({ shape, draw: 'signed' }, name);
    return builder.input(name, shape);
  };
  const convolve = (image: Value, changes: Partial<ConvAttributes> = {}, channels = 3): Value => {
    const attributes = { ...PLAIN_CONVOLUTION, ...changes };
    const weight = input(`w${image.id}`, [channels, image.shape[1]! / attributes.group, ...attributes.kernel]);
    return builder.apply('Conv', [image, weight], attributes);
  };
  const resize = (image: Value, scales: Triple): Value => builder.apply('Resize', [image], { scales });
  return { builder, feeds, input, convolve, resize };
}

/** Fuses, and expects the same numbers; gives the operators that are left. */
function fused(y: Value, feeds: Readonly<Record<string, Float64Array>>): readonly OpName[] {
  const { outputs } = fuse(new GraphBuilder(), { outputs: { y } });
  expect(outputs['y']!.shape).toEqual(y.shape);
  expect(relativeError(evaluate(outputs, feeds)['y']!, evaluate({ y }, feeds)['y']!)).toBeLessThan(1e-13);
  return reachable(Object.values(outputs)).map(value => value.op);
}

describe('fuse', () => {
  it('turns a convolution of a concatenation into a sum of convolutions', () => {
    const { builder, feeds, input, convolve } = bench();
    const parts = [input('a', [2, 2, 3, 2, 3]), input('b', [2, 1, 3, 2, 3]), input('c', [2, 3, 3, 2, 3])];
    const operators = fused(convolve(builder.concat(parts, 1)), feeds);
    expect(operators).not.toContain('Concat');
    expect(operators.filter(op => op === 'Conv')).toHaveLength(3);
  });

  it('folds an upsampling into the convolution that reads it', () => {
    const { feeds, input, convolve, resize } = bench();
    const operators = fused(convolve(resize(input('a', [2, 2, 2, 3, 2]), [2, 1, 3]), { strides: [1, 2, 1] }), feeds);
    expect(operators).toEqual(expect.not.arrayContaining(['Resize']));
    expect(operators.filter(op => op === 'Conv')).toHaveLength(1);
  });

  it('does both where they are nested, whatever the order', () => {
    const { builder, feeds, input, convolve, resize } = bench();
    const low = builder.concat([input('a', [1, 2, 2, 1, 2]), input('b', [1, 1, 2, 1, 2])], 1);
    const joined = builder.concat(
      [resize(low, [2, 2, 2]), input('c', [1, 2, 4, 2, 4]), resize(input('d', [1, 1, 2, 2, 4]), [2, 1, 1])],
      1,
    );
    const inside = fused(convolve(joined), feeds);
    expect(inside).not.toContain('Resize');
    const outside = fused(convolve(resize(convolve(joined), [1, 2, 2])), feeds);
    expect(outside).not.toContain('Resize');
  });

  it('writes groups as one group with zeros between them, also of a concatenation', () => {
    const { builder, feeds, input, convolve } = bench();
    const parts = [input('a', [2, 3, 2, 3, 2]), input('b', [2, 3, 2, 3, 2])];
    const y = convolve(builder.concat(parts, 1), { group: 3 }, 9);
    expect(fused(y, feeds)).not.toContain('Concat');
    const { outputs } = fuse(new GraphBuilder(), { outputs: { y } });
    const groups = reachable(Object.values(outputs)).flatMap(value =>
      isOp(value, 'Conv') ? [value.attributes.group] : [],
    );
    expect(groups).toEqual([1, 1]);
  });

  it('takes a 1x1x1 convolution before the upsampling, at the low resolution', () => {
    const { feeds, input, convolve, resize } = bench();
    const point = { kernel: [1, 1, 1], pads: [0, 0, 0, 0, 0, 0] } as const;
    const y = convolve(resize(input('a', [2, 2, 2, 3, 2]), [2, 1, 3]), point);
    expect(fused(y, feeds).at(-1)).toBe('Resize');
  });

  it('leaves alone what it cannot fold: depthwise, another axis, an upsampling on top of one', () => {
    const { builder, feeds, input, convolve, resize } = bench();
    const [a, b] = [input('a', [2, 2, 2, 3, 2]), input('b', [2, 2, 2, 3, 2])];
    expect(fused(convolve(builder.concat([a, b], 1), { group: 4 }, 4), feeds)).toContain('Concat');
    expect(fused(convolve(builder.concat([a, b], 2)), feeds)).toContain('Concat');
    expect(fused(convolve(resize(a, [1, 2, 1]), { upsample: [2, 1, 1] }), feeds)).toContain('Resize');
    expect(fused(convolve(resize(a, [1, 1, 2]), { group: 2 }, 2), feeds)).toContain('Resize');
  });

  it('keeps a concatenation and an upsampling that others read too', () => {
    const { builder, feeds, input, convolve, resize } = bench();
    const up = resize(input('a', [1, 3, 2, 1, 2]), [2, 2, 2]);
    expect(fused(builder.add(convolve(up), up), feeds)).toContain('Resize');
  });
});

describe('decompose', () => {
  it('spells out instance normalisation, its shared moments included, without changing values or derivatives', () => {
    const { builder, feeds, input } = bench();
    const x = input('x', [2, 3, 2, 3, 2]);
    const [scale, bias] = [input('scale', [3]), input('bias', [3])];
    const y = builder.apply('InstanceNormalization', [x, scale, bias], { epsilon: 1e-5 });
    const loss = builder.total(builder.mul(y, input('dy', y.shape)));
    const [dx, dScale, dBias] = gradient(builder, loss, [x, scale, bias]);
    const outputs = { y, dx: dx!, dScale: dScale!, dBias: dBias! };
    const spelledOut = decompose(new GraphBuilder(), { outputs });
    const values = reachable(Object.values(spelledOut.outputs));
    expect(values.some(value => isOp(value, 'InstanceNormalization'))).toBe(false);
    // the forward pass and both derivatives share one reciprocal deviation
    expect(values.filter(value => isOp(value, 'Sqrt'))).toHaveLength(1);
    const [before, after] = [evaluate(outputs, feeds), evaluate(spelledOut.outputs, feeds)];
    for (const [name, expected] of Object.entries(before))
      expect(relativeError(after[name]!, expected), name).toBeLessThan(1e-7);
  });

  it('survives a constant channel, whose variance comes out at zero', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [1, 1, 2, 2, 2]);
    const parameters = [builder.float([2], [1]), builder.float([0.5], [1])];
    const y = builder.apply('InstanceNormalization', [x, ...parameters], { epsilon: 1e-5 });
    const { outputs } = decompose(new GraphBuilder(), { outputs: { y } });
    const result = evaluate(outputs, { x: new Float64Array(8).fill(1 / 3) })['y']!;
    for (const value of result) expect(value).toBeCloseTo(0.5, 6);
  });
});

describe('findTransposedConvs', () => {
  const spelledOut = (order: readonly number[], kernel = [2, 1, 3]) => {
    const { builder, feeds, input, convolve } = bench();
    const point = { kernel: [1, 1, 1], pads: [0, 0, 0, 0, 0, 0] } as const;
    const voxels = kernel.reduce((product, size) => product * size, 1);
    const made = convolve(input('a', [2, 3, 2, 3, 1]), point, 2 * voxels);
    const apart = builder.transpose(builder.reshape(made, [2, 2, ...kernel, 2, 3, 1]), order);
    const [d = 1, h = 1, w = 1] = kernel;
    return { y: builder.reshape(apart, [2, 2, 2 * d, 3 * h, w]), feeds };
  };
  const found = ({ y, feeds }: ReturnType<typeof spelledOut>) => {
    const { outputs } = findTransposedConvs(new GraphBuilder(), { outputs: { y } });
    expect(relativeError(evaluate(outputs, feeds)['y']!, evaluate({ y }, feeds)['y']!)).toBeLessThan(1e-13);
    return reachable(Object.values(outputs)).map(value => value.op);
  };

  it('finds one that is written as a 1x1x1 convolution and blocks of voxels', () => {
    const operators = found(spelledOut([0, 1, 5, 2, 6, 3, 7, 4]));
    expect(operators).toContain('ConvTranspose');
    expect(operators).not.toContain('Conv');
  });

  it('leaves another order of the axes alone', () => {
    expect(found(spelledOut([0, 1, 2, 5, 6, 3, 7, 4]))).not.toContain('ConvTranspose');
  });
});

describe('dropLostBiases', () => {
  const SHAPE = [2, 3, 4, 5, 6];
  /** Numbers of additions before and after, with the same values. */
  function additions(build: (made: ReturnType<typeof bench>, image: Value, bias: Value) => Value): [number, number] {
    const made = bench();
    const [image, bias] = [made.input('x', SHAPE), made.input('b', [1, 3, 1, 1, 1])];
    const before = { outputs: { y: build(made, image, bias) } };
    const after = dropLostBiases(new GraphBuilder(), before);
    const [expected, actual] = [before, after].map(({ outputs }) => evaluate(outputs, made.feeds)['y']!);
    expect(relativeError(actual!, expected!)).toBeLessThan(1e-12);
    const count = (y: Value): number => reachable([y]).filter(value => isOp(value, 'Add')).length;
    return [count(before.outputs.y), count(after.outputs['y']!)];
  }
  const normalize = ({ builder, input }: ReturnType<typeof bench>, image: Value): Value =>
    builder.apply('InstanceNormalization', [image, input('scale', [3]), input('shift', [3])], { epsilon: 1e-5 });

  it('leaves out numbers per channel before an instance normalisation, on either side of the sum', () => {
    expect(additions((made, image, bias) => normalize(made, made.builder.add(image, bias)))).toEqual([1, 0]);
    const both = additions((made, image, bias) =>
      normalize(made, made.builder.add(bias, made.builder.add(image, bias))),
    );
    expect(both).toEqual([2, 0]);
  });

  it('keeps them for others that read them, and keeps what is not the same in every voxel and sample', () => {
    const shared = additions((made, image, bias) => {
      const biased = made.builder.add(image, bias);
      return made.builder.mul(normalize(made, biased), biased);
    });
    expect(shared).toEqual([1, 1]);
    const perSample = additions((made, image) =>
      normalize(made, made.builder.add(image, made.input('s', [2, 3, 1, 1, 1]))),
    );
    expect(perSample).toEqual([1, 1]);
    const whole = additions((made, image) => normalize(made, made.builder.add(image, made.input('i', SHAPE))));
    expect(whole).toEqual([1, 1]);
    const widened = additions(made =>
      normalize(made, made.builder.add(made.input('one', [2, 3, 1, 1, 4]), made.input('line', [1, 3, 5, 1, 1]))),
    );
    expect(widened).toEqual([1, 1]);
  });
});
