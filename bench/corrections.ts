/**
 * Dice against the number of corrected cases, proposed by uncertainty and in random order: `node --import tsx
 * bench/corrections.ts RECIPE --out FOLDER [--counts 0,4,8,16] [--steps S] [--seeds 1,2,3] [--threads N] [--set
 * KEY=VALUE]`. The recipe is that of a student which learns from a finished teacher alone (student.train.batch: 0).
 * Its test cases only test; all others begin without a label, and get their true one where a person would correct
 * them. Every round goes on for S steps from the student of the round before, as the page does, but without a held-out
 * check: the test cases must choose nothing. Both orders begin with the same student, and a folder that exists is gone
 * on with. Writes FOLDER/corrections.csv and prints a table.
 */
import { parseArgs } from 'node:util';
import { formatDice } from '../src/core/format.ts';
import { random, shuffle } from '../src/core/random.ts';
import { openDataset } from '../src/data/dataset.ts';
import { evaluateModel } from '../src/experiment/evaluate.ts';
import type { Laboratory } from '../src/experiment/laboratory.ts';
import { readModelFile } from '../src/experiment/model-file.ts';
import { readSplits } from '../src/experiment/splits.ts';
import { byUncertainty } from '../src/metrics/foreground-uncertainty.ts';
import { meanOf } from '../src/metrics/statistics.ts';
import { locate, nodeFiles } from '../src/platform/node/files.ts';
import { createNodeLaboratory } from '../src/platform/node/laboratory.ts';
import { parseRecipe, resolveRecipe, stringifyRecipe } from '../src/recipe/parse.ts';
import type { Recipe } from '../src/recipe/schema.ts';
import { readText, writeJson } from '../src/runtime/json-file.ts';
import { roundRecipe } from '../src/study/correction/round-recipe.ts';
import { divideForRound } from '../src/study/correction/round-splits.ts';
import { measureUncertainty } from '../src/study/correction/uncertain-cases.ts';
import { trainOneArm } from '../src/study/run.ts';

const ORDERS = ['uncertainty', 'random'] as const;
type Order = (typeof ORDERS)[number];

/** Mean Dice on the test cases after some cases were corrected. */
interface Point {
  readonly order: Order;
  readonly seed: number;
  readonly corrected: number;
  readonly dice: number;
}

interface Setting {
  readonly laboratory: Laboratory;
  readonly recipe: Recipe;
  readonly out: string;
  readonly counts: readonly number[];
  readonly steps: number;
}

/** The recipe with splits from a file and one seed. */
async function withSplits(
  { laboratory, recipe }: Setting,
  path: string,
  { splits, seed }: { readonly splits: object; readonly seed: number },
): Promise<Recipe> {
  await writeJson(laboratory.files, path, splits);
  const overrides = [`data.splits={ file: ${JSON.stringify(path)} }`, `seeds=[${seed}]`];
  return parseRecipe(stringifyRecipe(recipe), { path: 'the recipe', overrides });
}

/** Trains a student, or goes on with what is in the folder. @returns path of its model */
async function trained(laboratory: Laboratory, recipe: Recipe, out: string): Promise<string> {
  const resume = (await laboratory.files.list(out)).length > 0;
  const { models } = await trainOneArm(laboratory, recipe, { arm: 'student', out, resume });
  return models[0] as string;
}

/** One seed: the first student, then every order with its rounds. */
async function runSeed(setting: Setting, seed: number): Promise<readonly Point[]> {
  const { laboratory, recipe, out, counts, steps } = setting;
  const { files } = laboratory;
  const dataset = await openDataset(files, recipe.data.dataset, recipe.data);
  const ids = dataset.cases.map(({ id }) => id);
  const { test, ...others } = await readSplits(files, recipe, dataset);
  const pool = [...others.train, ...others.val, ...others.unlabelled].sort();
  const first = { train: [], val: [], test, unlabelled: pool };
  const own = await withSplits(setting, `${out}/seed-${seed}/splits.json`, { splits: first, seed });
  const begun = await trained(laboratory, own, `${out}/seed-${seed}/first`);
  const diceOf = async (path: string): Promise<number> => {
    const models = [await readModelFile(files, path)];
    const { surfaceToleranceMm } = recipe.evaluate;
    const options = { models, dataset, ids: test, split: 'test', window: recipe.evaluate, surfaceToleranceMm };
    return (await evaluateModel(laboratory, options)).summary.meanDice.mean ?? Number.NaN;
  };
  const points: Point[] = [];
  for (const order of ORDERS) {
    const byChance = shuffle(pool, random(seed, 'random order'));
    let student = begun;
    let labelled: readonly string[] = [];
    for (const count of counts) {
      const left = pool.filter(id => !labelled.includes(id));
      const wanted = count - labelled.length;
      if (wanted > 0) {
        const measure = { model: await readModelFile(files, student), dataset, ids: left, window: recipe.evaluate };
        const ranked =
          order === 'random'
            ? byChance.filter(id => left.includes(id))
            : byUncertainty(await measureUncertainty(laboratory, measure)).map(({ id }) => id);
        labelled = [...labelled, ...ranked.slice(0, wanted)];
        const folder = `${out}/seed-${seed}/${order}-${count}`;
        const splits = divideForRound({ first, ids, labelled: [...labelled, ...test] });
        const splitsFile = `${folder}/splits.json`;
        await writeJson(files, splitsFile, splits);
        const changes = { dataset: recipe.data.dataset, splitsFile, splits, from: student, steps };
        student = await trained(laboratory, roundRecipe(own, changes), `${folder}/run`);
      }
      const dice = await diceOf(student);
      points.push({ order, seed, corrected: count, dice });
      process.stderr.write(`seed ${seed}, ${order}, ${count} corrected: mean Dice ${formatDice(dice)}\n`);
    }
  }
  return points;
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string', default: 'runs/corrections' },
    counts: { type: 'string', default: '0,4,8,16' },
    steps: { type: 'string', default: '200' },
    seeds: { type: 'string', default: '1,2,3' },
    threads: { type: 'string', default: '2' },
    set: { type: 'string', multiple: true, default: [] },
  },
});
const [path] = positionals;
if (path === undefined) throw new Error('name the recipe: node --import tsx bench/corrections.ts RECIPE');
const numbers = (text: string): readonly number[] => text.split(',').map(Number);
const recipe = await resolveRecipe(parseRecipe(await readText(nodeFiles, path), { path, overrides: flags.set }), name =>
  locate(name, path),
);
const laboratory = await createNodeLaboratory({ threads: Number(flags.threads) });
const setting = { laboratory, recipe, out: flags.out, counts: numbers(flags.counts), steps: Number(flags.steps) };
const points: Point[] = [];
for (const seed of numbers(flags.seeds)) {
  points.push(...(await runSeed(setting, seed)));
  const rows = points.map(({ order, seed: own, corrected, dice }) => [order, own, corrected, dice].join(','));
  await laboratory.files.write(`${flags.out}/corrections.csv`, ['order,seed,corrected,dice', ...rows, ''].join('\n'));
}
const meanAt = (order: Order, count: number): string =>
  formatDice(meanOf(points.filter(one => one.order === order && one.corrected === count).map(({ dice }) => dice)));
process.stdout.write(`corrected  ${ORDERS.join('  ')}\n`);
for (const count of setting.counts) {
  process.stdout.write(
    `${String(count).padStart(9)}  ${ORDERS.map(order => meanAt(order, count).padStart(order.length)).join('  ')}\n`,
  );
}
