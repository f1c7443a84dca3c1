/** Part `flatness` of `npm run prove`: a long training of a small network, and one of the recipe that ships. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatSigned } from '../../../src/core/format.ts';
import { parseRecipe, stringifyRecipe } from '../../../src/recipe/parse.ts';
import { ROOT, voxstill } from '../program.ts';
import { type Flatness, growth, MEASURES, WARM_UP, watchTraining } from './flatness.ts';
import type { Ground } from './ground.ts';
import type { Part } from './part.ts';

/** By how much the last third may lie above the first, after the warm-up. */
const MOST_GROWTH = 0.02;
/** Looks at memory, each after a collection of garbage. */
const LOOKS = 300;
/** What must stay; time by the clock depends on what else the machine does, and the heap is part of the memory. */
const HELD = ['rss', 'handles', 'descriptors', 'cpuMs'] as const satisfies readonly (typeof MEASURES)[number][];

const UNITS: Readonly<Record<(typeof MEASURES)[number], readonly [number, string]>> = {
  rss: [1e6, 'MB resident'],
  heapUsed: [1e6, 'MB heap'],
  external: [1e6, 'MB outside of the heap'],
  handles: [1, 'handles'],
  descriptors: [1, 'open files'],
  ms: [1, 'ms a step'],
  cpuMs: [1, 'ms of computing a step'],
};

/** A recipe with other settings, as a file. */
function rewritten({ folder }: Ground, from: string, overrides: readonly string[]): string {
  const path = join(folder, 'flat.yaml');
  writeFileSync(path, stringifyRecipe(parseRecipe(readFileSync(from, 'utf8'), { path: from, overrides })));
  return path;
}

/** Trains `--steps` of a small network, and a twentieth of that of the recipe that ships. */
export const flatness: Part = async (ground, { steps, say }) => {
  say(`flatness: first and last third after a warm-up of ${100 * WARM_UP} % of the steps`);
  let isProven = true;
  const tell = (name: string, flat: Flatness): void => {
    for (const measure of MEASURES) {
      const [unit, text] = UNITS[measure];
      const [first, last] = [flat[measure].first, flat[measure].last].map(value => (value / unit).toFixed(2));
      const isHeld = HELD.some(held => held === measure);
      const isBroken = isHeld && growth(flat[measure]) > MOST_GROWTH;
      if (isBroken) isProven = false;
      const change = `${formatSigned(100 * growth(flat[measure]), 1)} %`;
      say(
        `  ${name}: ${first} to ${last} ${text}: ${change}${isHeld ? '' : ' (not held)'}${isBroken ? ', NOT FLAT' : ''}`,
      );
    }
  };
  const small = rewritten(ground, ground.recipe, [
    ...[`teacher.train.steps=${steps}`, `teacher.train.validateEvery=${Math.ceil(steps / 10)}`],
  ]);
  tell(
    `${steps} steps`,
    await watchTraining({ recipe: small, out: join(ground.folder, 'flat'), arm: 'teacher', looks: LOOKS }),
  );
  const whole = Math.ceil(steps / 20);
  const recipe = rewritten(ground, join(ROOT, 'recipes/hippocampus.yaml'), [
    ...[`data.dataset=${join(ground.folder, 'data')}`, 'teacher.train.steps=2', `student.train.steps=${whole}`],
    ...['teacher.train.validateEvery=2', `student.train.validateEvery=${Math.ceil(whole / 10)}`],
  ]);
  const out = join(ground.folder, 'flat of the recipe');
  const taught = await voxstill(['train', recipe, '--arm', 'teacher', '--out', out], { cwd: ground.folder });
  if (taught.code !== 0) throw new Error(`the teacher failed: ${taught.stderr}`);
  tell(`${whole} steps of the recipe`, await watchTraining({ recipe, out, arm: 'student', looks: LOOKS }));
  return isProven;
};
