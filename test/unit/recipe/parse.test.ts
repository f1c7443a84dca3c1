/** Recipes: defaults, messages with lines, overrides, and the way back to YAML. */

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { InputError } from '../../../src/core/errors.ts';
import { UNVARIED } from '../../../src/data/augment/augmentation.ts';
import { parseRecipe, resolveRecipe, stringifyRecipe } from '../../../src/recipe/parse.ts';
import { recipeJsonSchema } from '../../../src/recipe/schema.ts';

/** A soft-target term with every default. */
const KD = {
  temperature: 2,
  weight: { start: 0.1, end: 0, curve: 'linear', warmupSteps: 0 },
  classWeights: 'balanced',
  foregroundWeight: 1,
  boundaryWeight: 1,
};

const SMALL = `data: { dataset: some/folder }
patch: { size: [8, 16, 8] }
teacher:
  unet: { features: [8, 16] }
  train: { steps: 20, batch: 2 }
student:
  unet: { features: [4, 8] }
  train: { steps: 20, batch: 2 }
`;

function errorOf(text: string, overrides: readonly string[] = []): { code: string; lines: string[] } {
  try {
    parseRecipe(text, { path: 'recipe.yaml', overrides });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { code: error.code, lines: error.message.split('\n') };
  }
  throw new Error('the recipe was accepted');
}

describe('defaults', () => {
  it('fills in every value that the recipe leaves out', () => {
    expect(parseRecipe(SMALL, { path: 'recipe.yaml' })).toEqual({
      data: {
        dataset: 'some/folder',
        annotated: null,
        synthesize: null,
        patients: null,
        cache: { folder: 'prepared-cases', limitMB: 20_000 },
        splits: { seed: 1, train: 0.7, val: 0.1, test: 0.2, labelled: null, teacherLabels: 'same' },
      },
      cascade: null,
      preprocess: {
        crop: 'none',
        spacingMm: null,
        orientation: 'canonical',
        imageInterpolation: 'linear',
        labelInterpolation: 'nearest',
        normalize: 'min-max',
      },
      patch: { size: [8, 16, 8], foreground: 0.33, padding: 'constant', repeatAfter: null, caseWeights: null },
      augment: UNVARIED,
      teacher: {
        unet: {
          features: [8, 16],
          kernels: [
            [3, 3, 3],
            [3, 3, 3],
          ],
          pooling: [[2, 2, 2]],
          convolutionsPerLevel: 2,
          convolution: 'full',
          groups: 4,
          normalization: 'instance',
          activation: 'leaky-relu',
          negativeSlope: 0.01,
        },
        train: {
          ...{ steps: 20, batch: 2, validateEvery: 2, accumulate: 1 },
          ...{ learningRate: null, schedule: null, earlyStop: null, deepSupervision: false, ema: null },
          ...{ from: null, oldLayersRate: 1 },
        },
      },
      student: {
        from: null,
        export: { precision: 'float32', meanLoss: 0.002, classLoss: 0.005 },
        unet: {
          features: [4, 8],
          kernels: [
            [3, 3, 3],
            [3, 3, 3],
          ],
          pooling: [[2, 2, 2]],
          convolutionsPerLevel: 2,
          convolution: 'full',
          groups: 4,
          normalization: 'instance',
          activation: 'leaky-relu',
          negativeSlope: 0.01,
        },
        train: {
          ...{ steps: 20, batch: 2, validateEvery: 2, accumulate: 1 },
          ...{ learningRate: null, schedule: null, earlyStop: null, deepSupervision: false, ema: null },
          ...{ from: null, oldLayersRate: 1 },
        },
      },
      loss: {
        crossEntropy: {
          ...{ weight: 1, kind: 'categorical', classWeights: 'annealed' },
          ...{ focalGamma: 0, topPercent: null },
        },
        dice: {
          ...{ weight: 1, batch: true, background: false, squared: false, smooth: 1e-5 },
          ...{ falsePositives: 0.5, falseNegatives: 0.5 },
        },
      },
      distill: {
        losses: [{ softDice: { temperature: 1, weight: 1, background: false } }],
        unlabelled: { batch: 0 },
        softLabels: 'step',
        cache: { folder: 'soft-labels', limitMB: 10_000 },
      },
      baseline: true,
      optimizer: {
        adam: { learningRate: 0.003, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
        schedule: {
          ...{ kind: 'cosine', warmupSteps: 0, power: 0.9 },
          ...{ factor: 0.5, patience: 2, smallestRate: 0 },
        },
        regularization: { l1: 0, l2: 0 },
        clipNorm: 12,
      },
      seeds: [1],
      evaluate: { overlap: 0.5, weighting: 'gaussian', mirror: null, surfaceToleranceMm: 1, lesions: [] },
      compare: { margin: null },
      labels: { codes: {} },
      groups: null,
      decode: 'argmax',
      device: 'cpu',
      postprocess: 'auto',
      threads: null,
    });
  });

  it('validates at least once per step, however short the training', () => {
    const recipe = parseRecipe(SMALL, { path: 'r', overrides: ['student.train.steps=3'] });
    expect(recipe.student.train.validateEvery).toBe(1);
  });

  it('reads alpha as a weight that falls to 0', () => {
    const recipe = parseRecipe(`${SMALL}distill: { losses: [{ kd: { alpha: 0.25 } }] }`, { path: 'r' });
    expect(recipe.distill.losses).toEqual([{ kd: { ...KD, weight: { ...KD.weight, start: 0.25 } } }]);
  });

  it('takes the decay and momentum of the optimizer that is named', () => {
    const adamw = parseRecipe(`${SMALL}optimizer: { adamw: {} }`, { path: 'r' }).optimizer;
    const sgd = parseRecipe(`${SMALL}optimizer: { sgd: {} }`, { path: 'r' }).optimizer;
    expect(adamw).toHaveProperty('adamw.weightDecay', 0.01);
    expect(adamw).not.toHaveProperty('adam');
    expect(sgd).toHaveProperty('sgd', { learningRate: 0.01, momentum: 0.9, nesterov: true });
  });
});

describe('messages', () => {
  it('names an unknown key with its line and the nearest known one', () => {
    const { code, lines } = errorOf(SMALL.replace('features: [4, 8]', 'features: [4, 8], activatoin: relu'));
    expect(code).toBe('E_RECIPE_KEY');
    expect(lines).toEqual(['recipe.yaml:7 student.unet.activatoin: unknown key; did you mean "activation"?']);
  });

  it('lists the known keys where none is near', () => {
    expect(errorOf(`${SMALL}evaluate: { zzz: 1 }`).lines).toEqual([
      'recipe.yaml:9 evaluate.zzz: unknown key; known keys are overlap, weighting, mirror, surfaceToleranceMm, lesions',
    ]);
  });

  it('says what was got and what is allowed, all problems at once in the order of the lines', () => {
    const text = `${SMALL.replace('steps: 20, batch: 2', 'steps: many, batch: -1')}evaluate: { overlap: 1 }
preprocess: { normalize: minmax, spacingMm: [1, 1] }
`;
    expect(errorOf(text)).toEqual({
      code: 'E_RECIPE_VALUE',
      lines: [
        'recipe.yaml:5 teacher.train.steps: got "many"; allowed: a whole number of at least 1',
        'recipe.yaml:5 teacher.train.batch: got -1; allowed: a whole number of at least 0',
        'recipe.yaml:9 evaluate.overlap: got 1; allowed: a number of at least 0 and below 1',
        'recipe.yaml:10 preprocess.spacingMm: got [1,1]; allowed: a list of 3, each a number above 0 or null',
        'recipe.yaml:10 preprocess.normalize: got "minmax"; allowed: min-max | percentile | z-score | z-score-nonzero | none | ct or { ct } or a list of at least 1, each min-max | percentile | z-score | z-score-nonzero | none | ct or { ct }',
      ],
    });
  });

  it('names the line above a key that is missing', () => {
    expect(errorOf(SMALL.replace('features: [4, 8]', '')).lines).toEqual([
      'recipe.yaml:7 student.unet.features: missing; allowed: a list of at least 1, each a whole number of at least 1',
    ]);
  });

  it('reports broken YAML with its line', () => {
    const { code, lines } = errorOf('data: 1\ndata: 2\n');
    expect(code).toBe('E_RECIPE');
    expect(lines[0]).toMatch(/^recipe\.yaml:2 /);
  });

  it.each([
    ['optimizer: { adam: {}, sgd: {} }', 'optimizer.sgd: cannot be combined with adam; choose one'],
    ['optimizer: { adm: {} }', 'optimizer.adm: unknown key; did you mean "adam"?'],
    ['seeds: [3, 3]', 'seeds: got [3,3]; a seed is listed twice'],
    ['augment: { scale: [1.1, 0.9] }', 'augment.scale: got [1.1,0.9]; the first value must not exceed the second'],
    [
      'augment: { elasticMm: 20 }',
      'augment: elasticMm must not exceed 0.4 of elasticSpacingMm, or the deformation folds',
    ],
    [
      'loss: { dice: { weight: 0 }, crossEntropy: { weight: 0 } }',
      'loss: crossEntropy.weight and dice.weight must not both be 0',
    ],
    [
      'loss: { crossEntropy: { topPercent: 0 } }',
      'loss.crossEntropy.topPercent: got 0; allowed: a number above 0 and at most 100 or null',
    ],
    [
      'loss: { dice: { falsePositives: 0, falseNegatives: 0 } }',
      'loss.dice.falsePositives: got 0; falsePositives and falseNegatives must not both be 0',
    ],
    [
      'loss: { dice: { squared: true, falsePositives: 0.3 } }',
      'loss.dice.falsePositives: got 0.3; squared is defined for Dice alone: leave it out, or falsePositives and falseNegatives at 0.5',
    ],
    [
      'distill: { losses: [{ kd: { alpha: 1, softWeight: 1 } }] }',
      'distill.losses.0.kd: weight, softWeight and alpha are the same; give one',
    ],
    [
      'distill: { losses: [{ kd: { weight: 1, warmupSteps: 5 } }] }',
      'distill.losses.0.kd: finalSoftWeight and warmupSteps lead on a plain softWeight alone; write weight: { start, end, warmupSteps } instead',
    ],
    [
      'distill: { losses: [{ kd: { softWeight: { start: 1, end: 0 }, warmupSteps: 9 } }] }',
      'distill.losses.0.kd: finalSoftWeight and warmupSteps lead on a plain softWeight alone; write weight: { start, end, warmupSteps } instead',
    ],
    ['distill: { losses: [{ hnt: {} }] }', 'distill.losses.0.hnt: unknown key; did you mean "hint"?'],
    ['distill: { losses: [{ kd: {}, dist: {} }] }', 'distill.losses.0.dist: cannot be combined with kd; choose one'],
    [
      'distill: { losses: [{ hint: { studentLayer: encoder0 } }] }',
      'distill.losses.0.hint.teacherLayer: missing; allowed: text',
    ],
    [
      'distill: { losses: [{ kd: { temperature: { start: 0, end: 1 } } }] }',
      'distill.losses.0.kd.temperature.start: got 0; allowed: a number above 0',
    ],
  ])('refuses %s', (line, message) => {
    expect(errorOf(SMALL + line).lines).toEqual([`recipe.yaml:9 ${message}`]);
  });

  it('refuses fractions that do not divide the cases', () => {
    expect(errorOf(SMALL.replace('some/folder', 'some/folder, splits: { train: 0.8 }')).lines).toEqual([
      'recipe.yaml:1 data.splits: train + val + test must be 1',
    ]);
  });

  it.each(['[0, 2]', '[2, -1]', '[4, 1.0e+30]'])('refuses %s channels in one line', features => {
    const { code, lines } = errorOf(SMALL, [`student.unet.features=${features}`]);
    expect([code, lines.length]).toEqual(['E_RECIPE_VALUE', 1]);
    expect(lines[0]).toMatch(/student\.unet\.features\.[01]: got/);
  });

  it('refuses a patch that the deepest model cannot halve, and names the nearest that it can', () => {
    expect(errorOf(SMALL, ['patch.size=[9, 16, 30]', 'teacher.unet.features=[1, 2, 3, 4]']).lines[0]).toContain(
      'the networks of teacher and student cannot take it; nearest sizes that work: [8, 16, 24] and [16, 16, 32]',
    );
  });
});

describe('YAML that cannot be read', () => {
  it.each([
    [
      'aliases of aliases',
      [
        'a: &a [x, x, x, x, x]',
        ...'bcdefgh'.split('').map((name, i) => `${name}: &${name} [${`*${'abcdefgh'[i]}, `.repeat(5)}]`),
      ].join('\n'),
    ],
    ['brackets in brackets', `data: ${'['.repeat(20_000)}`],
    ['a list that holds itself', `${SMALL}\nlabels: &own [1, *own]`],
    ['a map that holds itself', 'data: &own { splits: *own }'],
  ])('%s end in one message', (_, text) => {
    expect(errorOf(text).code).toBe('E_RECIPE');
  });

  it('ends in one message in an override too', () => {
    expect(errorOf(SMALL, ['seeds=&own [1, *own]']).lines[0]).toContain('an alias stands within the value');
  });

  it('may repeat a value by an alias', () => {
    const repeated = SMALL.replace(/train: (\{.*\})/, 'train: &steps $1');
    const recipe = parseRecipe(repeated.replace(/train: \{ steps.*/, 'train: *steps'), { path: 'r' });
    expect(recipe.student.train.steps).toBe(20);
    expect(recipe).toEqual(parseRecipe(SMALL, { path: 'r' }));
  });
});

describe('overrides', () => {
  it('win over the text and may add what it lacks', () => {
    const overrides = ['student.train.steps=7', 'teacher={onnx: [a.onnx, b.onnx]}', 'augment.flip=[x, y]', 'threads=2'];
    const recipe = parseRecipe(SMALL, { path: 'r', overrides });
    expect(recipe.student.train).toMatchObject({ steps: 7, batch: 2, validateEvery: 1, learningRate: null });
    expect(recipe.teacher).toMatchObject({ onnx: ['a.onnx', 'b.onnx'], ensemble: 'probability' });
    expect(recipe.augment.flip).toEqual(['x', 'y']);
    expect(recipe.threads).toBe(2);
  });

  it('reach into lists by number', () => {
    const text = `${SMALL}distill: { losses: [{ kd: { softWeight: 2 } }] }`;
    const recipe = parseRecipe(text, { path: 'r', overrides: ['distill.losses.0.kd.temperature=4'] });
    expect(recipe.distill.losses).toEqual([{ kd: { ...KD, temperature: 4, weight: { ...KD.weight, start: 2 } } }]);
  });

  it('make the list of distillation terms where the recipe leaves it to the default', () => {
    const recipe = parseRecipe(SMALL, { path: 'r', overrides: ['distill.losses.0.kd.temperature=4'] });
    expect(recipe.distill.losses).toEqual([{ kd: { ...KD, temperature: 4 } }]);
    expect(errorOf(SMALL, ['distill.losses.1.kd.temperature=4']).lines[0]).toContain('distill.losses.0: missing');
  });

  it('do not make lists of any length', () => {
    const { code, lines } = errorOf(SMALL, ['distill.losses.4000000000.kd.temperature=4']);
    expect(code).toBe('E_RECIPE_KEY');
    expect(lines[0]).toContain('--set distill.losses.4000000000.kd.temperature=4: a list has at most 1000 items');
  });

  it('are held to the schema like the text, and named in the message', () => {
    expect(errorOf(SMALL, ['student.trian.steps=7'])).toEqual({
      code: 'E_RECIPE_KEY',
      lines: ['--set student.trian.steps=7: student.trian: unknown key; did you mean "train"?'],
    });
    expect(errorOf(SMALL, ['threads=0']).lines).toEqual([
      '--set threads=0: threads: got 0; allowed: a whole number of at least 1 or null',
    ]);
  });

  it('need a key, a sign and YAML', () => {
    expect(errorOf(SMALL, ['threads']).lines[0]).toContain('--set needs key=value');
    expect(errorOf(SMALL, ['a..b=1']).lines[0]).toContain('--set needs key=value');
    expect(errorOf(SMALL, ['threads=[1']).code).toBe('E_RECIPE');
  });
});

describe('the preset of augmentation', () => {
  const named = `${SMALL}augment: nnunet`;

  it('stands for its values, which the complete recipe lists', () => {
    const recipe = parseRecipe(named, { path: 'r' });
    expect(recipe.augment).toMatchObject({ flip: ['x', 'y', 'z'], rotateDegrees: 30, channels: 'apart' });
    expect(recipe.augment).not.toHaveProperty('preset');
    expect(parseRecipe(`${SMALL}augment: { preset: nnunet }`, { path: 'r' })).toEqual(recipe);
    expect(parseRecipe(stringifyRecipe(recipe), { path: 'r' })).toEqual(recipe);
  });

  it('is changed, not replaced, by an override of one of its keys', () => {
    const overrides = ['augment.flip=[y]', 'augment.probability.noise=1'];
    const { augment } = parseRecipe(named, { path: 'r', overrides });
    const whole = parseRecipe(named, { path: 'r' }).augment;
    expect(augment).toEqual({ ...whole, flip: ['y'], probability: { ...whole.probability, noise: 1 } });
    expect(parseRecipe(SMALL, { path: 'r', grid: ['augment=nnunet'] }).augment).toEqual(whole);
  });

  it.each([
    ['augment: nnunett', 'recipe.yaml:9 augment: got "nnunett"; allowed: {'],
    ['augment: { preset: nnUNet }', 'recipe.yaml:9 augment.preset: got "nnUNet"; allowed: nnunet'],
    ['augment: { preset: nnunet, flipp: [x] }', 'recipe.yaml:9 augment.flipp: unknown key; did you mean "flip"?'],
    ['augment: { preset: nnunet, probability: 2 }', 'recipe.yaml:9 augment.probability: got 2'],
    ['augment: { channelProbability: { blur: 0.5 } }', 'recipe.yaml:9 augment: channelProbability needs channels'],
    ['augment: { blurVoxels: [2, 1] }', 'recipe.yaml:9 augment.blurVoxels: '],
  ])('%s is refused', (line, message) => {
    expect(errorOf(SMALL + line).lines[0]).toContain(message);
  });

  it('is refused where a patch has no size, by the size alone', () => {
    expect(errorOf(named.replace('size: [8, 16, 8]', 'size: [8, no]')).lines).toHaveLength(1);
  });
});

describe('the start of a student', () => {
  it('is at random unless the recipe says otherwise, and one alone', () => {
    expect(parseRecipe(SMALL, { path: 'r' }).student.from).toBe(null);
    expect(parseRecipe(SMALL, { path: 'r', overrides: ['student.from=teacher'] }).student.from).toBe('teacher');
    const both = errorOf(SMALL, ['student.from=teacher', 'student.train.from=m.onnx']);
    expect(both.lines[0]).toContain('cannot be combined with student.train.from; choose one start');
    const several = errorOf(SMALL, ['student.from=teacher', 'teacher={ onnx: [a.onnx, b.onnx] }']);
    expect(several.lines[0]).toContain('one teacher alone, and there are several');
    expect(errorOf(SMALL, ['teacher.from=teacher']).code).toBe('E_RECIPE_KEY');
  });
});

describe('the way back to YAML', () => {
  it('is complete: parsing it gives the same recipe', () => {
    const value = fc.record({
      seeds: fc.uniqueArray(fc.nat(1000), { minLength: 1, maxLength: 4 }),
      threads: fc.option(fc.integer({ min: 1, max: 64 })),
      baseline: fc.boolean(),
      optimizer: fc.oneof(
        fc.record({ sgd: fc.record({ learningRate: fc.double({ min: 1e-6, max: 1, noNaN: true }) }) }),
        fc.record({ adamw: fc.constant({}), clipNorm: fc.constant(null) }),
      ),
      teacher: fc.record({
        onnx: fc.oneof(fc.string({ minLength: 1 }), fc.array(fc.string({ minLength: 1 }), { minLength: 1 })),
      }),
    });
    fc.assert(
      fc.property(value, changes => {
        const overrides = Object.entries(changes).map(([key, change]) => `${key}=${JSON.stringify(change)}`);
        const recipe = parseRecipe(SMALL, { path: 'r', overrides });
        const text = stringifyRecipe(recipe);
        expect(parse(text)).toEqual(recipe);
        expect(parseRecipe(text, { path: 'r' })).toEqual(recipe);
      }),
      { numRuns: 30 },
    );
  });

  it('resolves every path in a recipe and nothing else', async () => {
    const overrides = [
      'student.train.from=m.onnx',
      'teacher={onnx: [a.onnx, b.onnx]}',
      'data.splits={file: s.json, fold: 1}',
      'data.patients={file: p.json}',
      'data.annotated={file: n.json}',
      'patch.caseWeights={file: w.json}',
    ];
    const recipe = parseRecipe(SMALL, { path: 'r', overrides });
    const resolved = await resolveRecipe(recipe, async path => `/root/${path}`);
    expect(resolved).toEqual({
      ...recipe,
      data: {
        dataset: '/root/some/folder',
        annotated: { file: '/root/n.json' },
        synthesize: null,
        patients: { file: '/root/p.json' },
        cache: recipe.data.cache,
        splits: { file: '/root/s.json', fold: 1, seed: 1, val: 0.1, labelled: null, teacherLabels: 'same' },
      },
      patch: { ...recipe.patch, caseWeights: { file: '/root/w.json' } },
      student: { ...recipe.student, train: { ...recipe.student.train, from: '/root/m.onnx' } },
      teacher: { ...recipe.teacher, onnx: ['/root/a.onnx', '/root/b.onnx'] },
    });
  });

  it('checks the network of a coarse stage as it checks the others, and resolves what its training starts from', async () => {
    const stage = (patch: string, train = '') =>
      `cascade.coarse={ spacingMm: [3, 3, 3], patch: { size: ${patch} }, unet: { features: [2, 4] }, train: { steps: 3, batch: 1${train} } }`;
    const firstLine = (override: string) => errorOf(SMALL, [override]).lines[0];
    expect(firstLine(stage('[8, 7, 8]'))).toContain(
      'cascade.coarse.patch.size: got [8,7,8]; the network of the coarse stage cannot take it; nearest sizes that work: [8, 6, 8] and [8, 8, 8]',
    );
    expect(firstLine(stage('[8, 8, 8]', ', deepSupervision: true'))).toContain('cascade.coarse.train.deepSupervision');
    expect(firstLine('cascade.coarse={ unet: { features: [2] }, train: { steps: 3, batch: 1 } }')).toContain(
      'cascade.coarse.spacingMm: missing',
    );
    const without = [stage('[8, 8, 8]'), 'cascade.coarse.train.batch=0'];
    expect(errorOf(SMALL, without).lines[0]).toContain('cascade.coarse.train.batch: got 0; must be at least 1');
    expect(firstLine('cascade.coarse={ onnx: a.onnx }')).toContain('cascade.coarse.onnx: unknown key');
    const recipe = parseRecipe(SMALL, { path: 'r', overrides: [stage('[8, 8, 8]', ', from: m.onnx')] });
    const { cascade } = await resolveRecipe(recipe, async path => `/root/${path}`);
    expect(cascade).toMatchObject({ coarse: { train: { steps: 3, from: '/root/m.onnx' } }, marginMm: 20 });
    expect(parseRecipe(stringifyRecipe(recipe), { path: 'r' })).toEqual(recipe);
  });

  it('resolves the models of several teachers, which each have the defaults of one', async () => {
    const overrides = ['teacher={models: [{onnx: [a.onnx, b.onnx], weight: 2}, {onnx: folder, classes: {x: y}}]}'];
    const recipe = parseRecipe(SMALL, { path: 'r', overrides });
    const { teacher } = await resolveRecipe(recipe, async path => `/root/${path}`);
    expect(teacher).toMatchObject({
      models: [
        { onnx: ['/root/a.onnx', '/root/b.onnx'], weight: 2, ensemble: 'probability', classes: {} },
        { onnx: '/root/folder', weight: 1, classes: { x: 'y' }, model: { labels: null } },
      ],
    });
    expect(parseRecipe(stringifyRecipe(recipe), { path: 'r' })).toEqual(recipe);
    expect(errorOf(SMALL, ['teacher={models: []}']).lines[0]).toContain('teacher.models');
    expect(errorOf(SMALL, ['teacher={models: [{onnx: a.onnx, weight: 0}]}']).lines[0]).toContain(
      'teacher.models.0.weight',
    );
  });
});

describe('a teacher with labels of its own', () => {
  it('is refused where the normalisation is measured on the training cases', () => {
    const asked = 'data.splits={ labelled: 2, teacherLabels: all }';
    expect(errorOf(SMALL, [asked, 'preprocess.normalize=ct']).lines.join('\n')).toMatch(
      /teacherLabels.*ct is measured on the training cases/,
    );
    const numbers = 'preprocess.normalize={ ct: { low: 0, high: 1, mean: 0.5, deviation: 0.1 } }';
    expect(parseRecipe(SMALL, { path: 'r', overrides: [asked, numbers] }).data.splits.teacherLabels).toBe('all');
  });
});

describe('shipped files', () => {
  it('have a JSON Schema that is the one of the code (npm run schema writes it)', () => {
    const file = readFileSync(new URL('../../../recipe.schema.json', import.meta.url), 'utf8');
    expect(JSON.parse(file)).toEqual(recipeJsonSchema());
  });

  it('have a JSON Schema in which networks stand once, referred to by objects that hold nothing else', () => {
    const schema = recipeJsonSchema();
    const references = new Map<string, number>();
    const visit = (part: unknown): void => {
      if (typeof part !== 'object' || part === null) return;
      if ('$ref' in part) {
        expect(Object.keys(part)).toEqual(['$ref']);
        references.set(String(part.$ref), (references.get(String(part.$ref)) ?? 0) + 1);
      }
      for (const child of Object.values(part)) visit(child);
    };
    visit(schema);
    const families = ['unet', 'residualUnet', 'generalizedUnet', 'meshnet', 'deepmedic'];
    expect(Object.keys(schema['definitions'] as object).sort()).toEqual([...families, 'finishedModel', 'train'].sort());
    // teacher, student and coarse stage; each of them names its training once per family; one teacher or several
    expect(Object.fromEntries(references)).toEqual({
      ...Object.fromEntries(families.map(family => [`#/definitions/${family}`, 3])),
      '#/definitions/train': 15,
      '#/definitions/finishedModel': 2,
    });
  });

  it('have a hippocampus recipe that is valid and compresses its teacher', () => {
    const text = readFileSync(new URL('../../../recipes/hippocampus.yaml', import.meta.url), 'utf8');
    const { teacher, student } = parseRecipe(text, { path: 'recipes/hippocampus.yaml' });
    expect('unet' in teacher && teacher.unet.features).toEqual([16, 32, 64]);
    expect('unet' in student && student.unet.features).toEqual([4, 8, 16]);
  });
});
