/** The loss of coarser levels of the decoder: labels, weights, and what of the hard loss it keeps. */
import { describe, expect, it } from 'vitest';
import { gradient } from '../../../src/autodiff/gradient.ts';
import { GraphBuilder, type Value } from '../../../src/graph/graph.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import { coarseLabels, levelWeights, supervisionLoss } from '../../../src/training/deep-supervision.ts';
import { type HardLossOptions, hardLossTerms } from '../../../src/training/hard-loss.ts';
import { centralDifference, relativeError } from '../../support/central-difference.ts';
import { evaluate } from '../../support/evaluate.ts';
import { draw } from '../../support/operator-cases.ts';

describe('labels of a coarser grid', () => {
  it('are those of the nearest voxel, the later one of two', () => {
    const builder = new GraphBuilder();
    const label = builder.input('label', [1, 1, 2, 4, 6], 'int32');
    const values = Float64Array.from({ length: 48 }, (_, index) => index);
    const { coarse } = evaluate({ coarse: coarseLabels(builder, label, [1, 4, 2]) }, { label: values });
    // depth: plane 1 of 2; width: voxel 1 of 3
    expect([...coarse!]).toEqual([25, 28, 31, 34, 37, 40, 43, 46]);
  });
});

describe('weights of levels', () => {
  it('halve from level to level and add up to 1', () => {
    expect(levelWeights(1)).toEqual([1]);
    expect(levelWeights(3)).toEqual([4 / 7, 2 / 7, 1 / 7]);
  });
});

const PARTLY: HardLossOptions = {
  crossEntropy: { weight: 2, kind: 'categorical', classWeights: 'balanced' },
  dice: { weight: 0.5, batch: true, background: false, squared: false, smooth: 1e-5 },
  ignore: 3,
  isPartial: true,
};
const REGIONS: HardLossOptions = {
  crossEntropy: { weight: 1, kind: 'binary', classWeights: 'uniform' },
  dice: { weight: 1, batch: false, background: true, squared: false, smooth: 1e-5 },
  regions: [[1, 2], [2], [1]],
  ignore: 3,
};

describe.each([
  ['exclusive classes, one of them not looked for in a sample, with an ignore label', PARTLY],
  ['overlapping regions with an ignore label', REGIONS],
])('the loss of two coarser levels: %s', (_, options) => {
  const builder = new GraphBuilder();
  const layers = new Map([
    ['decoder1', builder.input('decoder1', [3, 2, 1, 2, 4])],
    ['decoder2', builder.input('decoder2', [3, 2, 1, 1, 2])],
  ]);
  // the third sample has no label
  const label = builder.input('label', [2, 1, 2, 4, 8], 'int32');
  const annotated = options.isPartial ? builder.input('annotated', [2, 3, 1, 1, 1]) : undefined;
  const names = ['decoder1', 'decoder2'].flatMap(name => [
    [`deepSupervision.${name}.weight`, [3, 2, 1, 1, 1]] as const,
    [`deepSupervision.${name}.bias`, [3]] as const,
  ]);
  const parameters = new Map<string, Value>(names.map(([name, shape]) => [name, builder.input(name, shape)]));
  const parameter = (name: string) => parameters.get(name)!;
  const loss = supervisionLoss(builder, [...layers.keys()], { layers, label, annotated, parameter, ...options });
  const feeds: Record<string, Float64Array> = {
    label: Float64Array.from({ length: 128 }, (_, index) => (index * 7 + (index >> 3)) % 4),
    annotated: Float64Array.of(1, 1, 1, 1, 0, 1),
    ...Object.fromEntries(
      [...layers, ...parameters].map(([name, { shape }]) => [name, draw({ shape, draw: 'signed' }, name)]),
    ),
  };

  it('is the weighted hard loss of each on the labels that its grid has', () => {
    const picked = (stride: readonly [number, number, number]): Float64Array => {
      const [depth, height, width] = stride;
      const values: number[] = [];
      for (let n = 0; n < 2; n++)
        for (let z = depth >> 1; z < 2; z += depth)
          for (let y = height >> 1; y < 4; y += height)
            for (let x = width >> 1; x < 8; x += width) values.push(feeds['label']![((n * 2 + z) * 4 + y) * 8 + x]!);
      return Float64Array.from(values);
    };
    const levels = [
      { name: 'decoder1', weight: 2 / 7, labels: picked([2, 2, 2]), space: [1, 2, 4] },
      { name: 'decoder2', weight: 1 / 7, labels: picked([2, 4, 4]), space: [1, 1, 2] },
    ];
    const expected = levels.map(({ name, weight, labels, space }) => {
      const own = new GraphBuilder();
      const voxels = space[0]! * space[1]! * space[2]!;
      const [kernel, bias] = ['weight', 'bias'].map(kind => feeds[`deepSupervision.${name}.${kind}`]!);
      const logits = Float64Array.from({ length: 2 * 3 * voxels }, (_, index) => {
        const [sample, channel, voxel] = [
          Math.floor(index / voxels / 3),
          Math.floor(index / voxels) % 3,
          index % voxels,
        ];
        const feature = (from: number): number => feeds[name]![(sample * 2 + from) * voxels + voxel]!;
        return kernel![2 * channel]! * feature(0) + kernel![2 * channel + 1]! * feature(1) + bias![channel]!;
      });
      const terms = hardLossTerms(
        own,
        own.input('logits', [2, 3, ...space]),
        own.input('label', [2, 1, ...space], 'int32'),
        { ...options, annotated: options.isPartial ? own.input('annotated', [2, 3, 1, 1, 1]) : undefined },
      );
      const values = evaluate(Object.fromEntries(terms.map(term => [term.name, term.value])), {
        ...{ logits, label: labels },
        annotated: feeds['annotated']!,
      });
      return weight * terms.reduce((sum, term) => sum + term.weight * values[term.name]![0]!, 0);
    });
    const { value } = evaluate({ value: loss }, feeds);
    expect(value![0]).toBeCloseTo(expected[0]! + expected[1]!, 6);
  });

  it('has derivatives that agree with central differences, none of them to samples without labels', () => {
    const targets = [...layers, ...parameters];
    const gradients = gradient(
      builder,
      loss,
      targets.map(([, value]) => value),
    );
    const values = evaluate(Object.fromEntries(gradients.map((value, index) => [`${index}`, value])), feeds);
    for (const [index, [name]] of targets.entries()) {
      expect(relativeError(values[`${index}`]!, centralDifference(loss, feeds, name)), name).toBeLessThan(1e-5);
    }
    expect([...values['0']!.subarray(2 * 2 * 8)]).toEqual(new Array(16).fill(0));
  });
});

describe('a recipe', () => {
  const recipe = (network: string, side: number) => () =>
    parseRecipe(
      `data: { dataset: d }\npatch: { size: [${side}, ${side}, ${side}] }\nteacher: { onnx: m.onnx }\nstudent: { ${network}, train: { steps: 1, batch: 1, deepSupervision: true } }\n`,
      { path: 'recipe.yaml' },
    );
  it.each([
    'unet: { features: [2, 2, 2] }',
    'residualUnet: { features: [2, 2, 2] }',
    'meshnet: {}',
    'generalizedUnet: { padding: valid, features: [[[1], [1]], [[1], [1]], [[1], [1]], [[1], []]] }',
  ])('has no deep supervision where no coarser level counts: %s', network => {
    expect(recipe(network, network.includes('valid') ? 46 : 16)).toThrow(
      /student.train.deepSupervision.*of at least 4 levels/,
    );
  });

  it.each([
    'unet: { features: [2, 2, 2, 2] }',
    'residualUnet: { features: [2, 2, 2, 2] }',
    'generalizedUnet: { features: [[[1], [1]], [[1], [1]], [[1], [1]], [[1], []]] }',
  ])('has it elsewhere: %s', network => {
    expect(recipe(network, 16)).not.toThrow();
  });
});
