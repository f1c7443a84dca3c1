/** Derivatives of whole layers and of a whole training loss, against central differences in float64. */
import { describe, expect, it } from 'vitest';
import { gradient } from '../../../src/autodiff/gradient.ts';
import { random } from '../../../src/core/random.ts';
import { elementCount } from '../../../src/core/shape.ts';
import { decompose } from '../../../src/graph/decompose.ts';
import { fuse } from '../../../src/graph/fuse.ts';
import { type Graph, GraphBuilder, isOp, reachable, type Value } from '../../../src/graph/graph.ts';
import { softTargetLoss } from '../../../src/losses/distillation/logits.ts';
import { type NetworkNormalization, normalize } from '../../../src/nn/layers.ts';
import { collectParameters, initialize, type ParameterSpec } from '../../../src/nn/parameters.ts';
import { unet } from '../../../src/nn/unet.ts';
import { hardLossTerms } from '../../../src/training/hard-loss.ts';
import { centralDifference, relativeError } from '../../support/central-difference.ts';
import { evaluate } from '../../support/evaluate.ts';
import { draw } from '../../support/operator-cases.ts';

const inputsOf = (graph: Graph): Map<string, Value> =>
  new Map(
    reachable(Object.values(graph.outputs)).flatMap(value =>
      isOp(value, 'Input') ? [[value.attributes.name, value] as const] : [],
    ),
  );

/** Derivatives of the output `loss` to the named inputs. */
function derivatives(
  builder: GraphBuilder,
  graph: Graph,
  names: readonly string[],
  feeds: Readonly<Record<string, Float64Array>>,
): Record<string, Float64Array> {
  const inputs = inputsOf(graph);
  const values = gradient(
    builder,
    graph.outputs['loss']!,
    names.map(name => inputs.get(name)!),
  );
  const outputs = Object.fromEntries(values.map((value, index) => [names[index]!, value]));
  // spelled out after differentiation too, as the training step does it
  const spelledOut = evaluate(decompose(new GraphBuilder(), { outputs }).outputs, feeds);
  const direct = evaluate(outputs, feeds);
  for (const name of names) expect(relativeError(spelledOut[name]!, direct[name]!), name).toBeLessThan(1e-6);
  return direct;
}

describe.each(['instance', 'batch', 'group'] satisfies NetworkNormalization[])('%s normalisation in training', kind => {
  // 9 channels: two groups do not divide them, three do
  const shape = [2, kind === 'group' ? 9 : 3, 2, 2, 2];
  const channels = shape[1]!;
  const builder = new GraphBuilder();
  const x = builder.input('x', shape);
  const updates = new Map<string, Value>();
  const result = normalize(
    {
      builder,
      name: 'norm',
      parameters: {
        training: true,
        get: ({ name, shape: own }) => builder.input(name, own),
        update: (name, next) => void updates.set(name, next),
      },
    },
    x,
    kind,
  );
  const loss = builder.total(builder.mul(builder.mul(result, builder.input('dy', shape)), result));
  const feeds: Record<string, Float64Array> = {
    x: draw({ shape, draw: 'signed' }, kind, 'x'),
    dy: draw({ shape, draw: 'signed' }, kind, 'dy'),
    'norm.scale': draw({ shape: [channels], draw: 'positive' }, kind, 'scale'),
    'norm.bias': draw({ shape: [channels], draw: 'signed' }, kind, 'bias'),
    'norm.runningMean': new Float64Array(channels).fill(0.5),
    'norm.runningVariance': new Float64Array(channels).fill(2),
  };

  it('has derivatives that agree with central differences', () => {
    const names = ['x', 'norm.scale', 'norm.bias'];
    const values = derivatives(builder, { outputs: { loss } }, names, feeds);
    for (const name of names)
      expect(relativeError(values[name]!, centralDifference(loss, feeds, name)), name).toBeLessThan(1e-6);
  });

  it('gives every normalised set of voxels mean 0 and variance 1 before scale and bias', () => {
    const ones = { 'norm.scale': new Float64Array(channels).fill(1), 'norm.bias': new Float64Array(channels) };
    const { y } = evaluate({ y: result }, { ...feeds, ...ones });
    const setOf = (flat: number): string => {
      const [sample, channel] = [Math.floor(flat / 8 / channels), Math.floor(flat / 8) % channels];
      return { instance: `${sample},${channel}`, batch: `${channel}`, group: `${sample},${Math.floor(channel / 3)}` }[
        kind
      ];
    };
    const sets = new Map<string, number[]>();
    y!.forEach((value, flat) => void sets.set(setOf(flat), [...(sets.get(setOf(flat)) ?? []), value]));
    expect(sets.size).toBe({ instance: 6, batch: 3, group: 6 }[kind]);
    for (const values of sets.values()) {
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
      expect(mean).toBeCloseTo(0, 6);
      expect(variance).toBeCloseTo(1, 3);
    }
  });

  it('moves running statistics only where there are any, a tenth of the way, with the unbiased variance', () => {
    if (kind !== 'batch') return expect(updates.size).toBe(0);
    const results = evaluate(Object.fromEntries(updates), feeds);
    for (let channel = 0; channel < channels; channel++) {
      const values = [0, 1].flatMap(sample => [...feeds['x']!.slice((sample * channels + channel) * 8).slice(0, 8)]);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
      expect(results['norm.runningMean']![channel]).toBeCloseTo(0.9 * 0.5 + 0.1 * mean, 6);
      expect(results['norm.runningVariance']![channel]).toBeCloseTo(0.9 * 2 + 0.1 * variance, 6);
    }
  });
});

describe('the loss of a small U-Net with hard and soft targets', () => {
  const imageShape = [1, 1, 4, 4, 4];
  const network = unet({
    features: [2, 3],
    convolutionsPerLevel: 1,
    normalization: 'instance',
    negativeSlope: 0.1,
    classes: 3,
  });
  const specs = collectParameters(network, imageShape);
  const parameter = ({ name }: ParameterSpec): string => `parameter ${name}`;
  const builder = new GraphBuilder();
  const image = builder.input('image', imageShape);
  const logits = network(builder, image, {
    training: true,
    update: () => {},
    get: spec => builder.input(parameter(spec), spec.shape),
  });
  const terms = hardLossTerms(builder, logits, builder.input('label', imageShape, 'int32'), {
    crossEntropy: { weight: 1, kind: 'categorical', classWeights: 'uniform' },
    dice: { weight: 1, batch: false, background: true, squared: false, smooth: 1e-5 },
  });
  const soft = softTargetLoss(builder, logits, builder.input('teacher', logits.shape), {
    temperature: builder.input('temperature', []),
    weights: 'balanced',
  });
  const loss = terms.reduce((sum, { value }) => builder.add(sum, value), builder.mul(soft, 0.5));
  const feeds: Record<string, Float64Array> = {
    image: draw({ shape: imageShape, draw: 'signed' }, 'image'),
    label: draw({ shape: imageShape, draw: 'ties' }, 'label'),
    teacher: draw({ shape: logits.shape, draw: 'signed' }, 'teacher').map(value => 2 * value),
    temperature: Float64Array.of(2),
  };
  const theta = initialize(specs, name => random(1, name));
  let start = 0;
  for (const spec of specs) {
    const end = start + elementCount(spec.shape);
    feeds[parameter(spec)] = Float64Array.from(theta.subarray(start, end));
    start = end;
  }
  const names = specs.map(parameter);
  const original: Graph = { outputs: { loss } };
  const fusedBuilder = new GraphBuilder();
  const fused = fuse(fusedBuilder, original);

  it('keeps its value when concatenations and upsamplings are folded away, and when normalisation is spelled out', () => {
    const operators = new Set(reachable(Object.values(fused.outputs)).map(value => value.op));
    expect(operators).not.toContain('Resize');
    expect(operators).not.toContain('Concat');
    const spelledOut = decompose(new GraphBuilder(), fused);
    const value = evaluate(original.outputs, feeds)['loss']!;
    expect(relativeError(evaluate(fused.outputs, feeds)['loss']!, value)).toBeLessThan(1e-12);
    expect(relativeError(evaluate(spelledOut.outputs, feeds)['loss']!, value)).toBeLessThan(1e-7);
  });

  it('has derivatives to every parameter that agree with central differences, before and after the rewrites', () => {
    const before = derivatives(builder, original, names, feeds);
    const after = derivatives(fusedBuilder, fused, names, feeds);
    for (const name of names) {
      expect(relativeError(after[name]!, before[name]!), `${name}, after against before`).toBeLessThan(1e-6);
      const numeric = centralDifference(loss, feeds, name);
      expect(relativeError(before[name]!, numeric), name).toBeLessThan(1e-6);
    }
  });
});
