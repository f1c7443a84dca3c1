/** A recipe that crops, from data to evaluation: the same as without it on images that have no surroundings. */
import { expect, it } from 'vitest';
import { openDataset } from '../../src/data/dataset.ts';
import { evaluateModel } from '../../src/experiment/evaluate.ts';
import { readModelFile } from '../../src/experiment/model-file.ts';
import { replaceMetadata } from '../../src/onnx/edit.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { parseRecipe } from '../../src/recipe/parse.ts';
import { trainOneArm } from '../../src/study/run.ts';
import { writeFramedDataset } from '../support/framed-dataset.ts';
import { createLaboratory } from '../support/laboratory.ts';
import { memoryFiles } from '../support/memory-files.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';

const files = memoryFiles();
const laboratory = createLaboratory(await createNodeEngine({ threads: 1 }), files);

it('trains and evaluates with a crop as it does on images without surroundings', async () => {
  const FRAME = { before: [3, 5, 1], after: [4, 0, 2] } as const;
  await writeFramedDataset(files, FRAME, 3);
  const run = async (dataset: string, crop: string) => {
    const overrides = [
      'data.splits={ train: 0.66, val: 0, test: 0.34 }',
      `preprocess={ crop: ${crop}, normalize: z-score }`,
    ];
    const recipe = parseRecipe(tinyRecipe(dataset, 2), { path: 'recipe.yaml', overrides });
    const { models } = await trainOneArm(laboratory, recipe, {
      arm: 'teacher',
      out: `${dataset}-${crop}`,
      resume: false,
    });
    const model = await readModelFile(files, models[0]!);
    const evaluation = await evaluateModel(laboratory, {
      models: [model],
      dataset: await openDataset(files, dataset),
      ids: ['phantom_001'],
      split: 'all',
      window: {},
      surfaceToleranceMm: 1,
    });
    return { model, evaluation };
  };
  const [tight, framed] = [await run('tight', 'none'), await run('framed', 'nonzero')];
  const network = ({ model }: typeof tight) => Buffer.from(replaceMetadata(model.bytes, {}));
  expect(network(framed).equals(network(tight))).toBe(true);
  expect(framed.model.info.crop).toBe('nonzero');
  expect(tight.model.info).not.toHaveProperty('crop');
  const scores = ({ evaluation }: typeof tight) =>
    evaluation.cases.map(({ classes }) => Object.values(classes).map(({ dice, volumeMl }) => [dice, volumeMl]));
  expect(scores(framed)).toEqual(scores(tight));
  expect(scores(framed).flat(2)).not.toContain(null);
});
