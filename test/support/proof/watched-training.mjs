/**
 * A training by the built library that is watched from within: after every step the clock and the computing time, and
 * from time to time, after a collection of garbage, memory and open handles. Words: the recipe, the folder, the arm,
 * the number of looks. Prints one JSON document.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createNodeLaboratory, parseRecipe, trainOneArm } from '../../../dist/platform/node/index.js';

const [recipePath, out, arm, looks] = process.argv.slice(2);

const steps = [];
const watched = [];

function look(step) {
  globalThis.gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  const handles = process.getActiveResourcesInfo().length;
  // a folder that lists its own reader
  const descriptors = readdirSync('/proc/self/fd').length;
  watched.push({ step, rss, heapUsed, external, handles, descriptors });
}

const ignore = { update: () => {}, finish: () => {} };
const progress = {
  log: () => {},
  warn: text => process.stderr.write(`${text}\n`),
  task: (_label, total, unit) => {
    if (unit !== 'step') return ignore;
    const every = Math.max(1, Math.floor(total / Number(looks)));
    let before = { ms: performance.now(), cpu: process.cpuUsage() };
    return {
      ...ignore,
      update: done => {
        const cpu = process.cpuUsage(before.cpu);
        steps.push({ step: done, ms: performance.now() - before.ms, cpuMs: (cpu.user + cpu.system) / 1000 });
        if (done % every === 0) look(done);
        before = { ms: performance.now(), cpu: process.cpuUsage() };
      },
    };
  },
};

const recipe = parseRecipe(readFileSync(recipePath, 'utf8'), { path: recipePath });
const laboratory = await createNodeLaboratory({ threads: recipe.threads ?? undefined, progress });
await trainOneArm(laboratory, recipe, { arm, out, resume: true, signal: new AbortController().signal });
process.stdout.write(JSON.stringify({ steps, watched }));
