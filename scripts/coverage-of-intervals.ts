/**
 * How often the 95 % intervals hold the truth: scores are drawn again and again from populations whose mean is known,
 * as folds, seeds and cases would give them, and the intervals of src/metrics/crossed-mean.ts are counted that hold it.
 * Writes the tables of docs/intervals.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { type Random, random } from '../src/core/random.ts';
import { crossedMean, type ScoreTerm } from '../src/metrics/crossed-mean.ts';

const REPETITIONS = 4000;
const CASES = [5, 6, 8, 10, 20, 60];

/** How cases differ, as a draw of mean 0 and variance 1. */
const SHAPES: Readonly<Record<string, (source: Random) => number>> = {
  normal: source => source.normal(),
  // 2 minus a gamma of shape 2: skewness -1.4, most cases good and some bad, as Dice scores are
  skewed: source => (2 + Math.log(1 - source.uniform()) + Math.log(1 - source.uniform())) / Math.SQRT2,
  // Student's t with 3 degrees of freedom: a few cases far off, as differences of two arms have them
  'heavy tails': source => {
    const chi = source.normal() ** 2 + source.normal() ** 2 + source.normal() ** 2;
    return source.normal() / Math.sqrt(chi);
  },
};

interface Setting {
  readonly shape: string;
  readonly folds: number;
  readonly seeds: number;
  readonly cases: number;
  /** Share of a score's variance that is its model's. */
  readonly models: number;
  /** Share that is the case's and the model's together, which no other score has. */
  readonly noise: number;
}

/** One study: its folds with scores by seed and case. */
function draw(
  { shape, folds, seeds, cases, models, noise }: Setting,
  source: Random,
): readonly (readonly ScoreTerm[])[] {
  const caseOf = SHAPES[shape] as (source: Random) => number;
  const [caseShare, modelShare, noiseShare] = [1 - models - noise, models, noise].map(Math.sqrt) as [
    number,
    number,
    number,
  ];
  return Array.from({ length: folds }, (_, fold) => {
    const size = Math.floor(((fold + 1) * cases) / folds) - Math.floor((fold * cases) / folds);
    const ofCases = Array.from({ length: size }, () => caseShare * caseOf(source));
    const table = Array.from({ length: seeds }, () => {
      const model = modelShare * source.normal();
      return ofCases.map(value => value + model + noiseShare * source.normal());
    });
    return [{ table, sign: 1 }];
  });
}

function coverage(setting: Setting): number {
  const source = random(1, ...Object.values(setting));
  let held = 0;
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    const { ci95 } = crossedMean(draw(setting, source));
    if (ci95[0] <= 0 && ci95[1] >= 0) held++;
  }
  return held / REPETITIONS;
}

function tableOf(models: number, noise: number): string {
  const rows = Object.keys(SHAPES).flatMap(shape =>
    [1, 3, 5].flatMap(folds =>
      [1, 3].map(seeds => {
        // of a single model nothing shows how models differ, so the interval is that of this one
        const own = folds === 1 && seeds === 1 ? 0 : models;
        const cells = CASES.map(cases => coverage({ shape, folds, seeds, cases, models: own, noise }).toFixed(3));
        return `| ${shape} | ${folds === 1 ? 'none' : folds} | ${seeds} | ${cells.join(' | ')} |`;
      }),
    ),
  );
  const header = `| cases differ | folds | seeds | ${CASES.map(cases => `${cases} cases`).join(' | ')} |`;
  return [header, `|${'---|'.repeat(3 + CASES.length)}`, ...rows].join('\n');
}

const path = new URL('../docs/intervals.md', import.meta.url);
let text = readFileSync(path, 'utf8');
for (const [name, models, noise] of [
  ['none', 0, 0],
  ['usual', 0.05, 0.2],
  ['large', 0.2, 0.3],
] as const) {
  const [begin, end] = [`<!-- ${name}: written by npm run coverage-of-intervals -->`, `<!-- end of ${name} -->`];
  const [first, last] = [text.indexOf(begin), text.indexOf(end)];
  if (first < 0 || last < 0) throw new Error(`docs/intervals.md lacks the marks of the table "${name}"`);
  text = `${text.slice(0, first + begin.length)}\n${tableOf(models, noise)}\n${text.slice(last)}`;
}
writeFileSync(path, text);
