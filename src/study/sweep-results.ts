/**
 * Results of a sweep. Fronts and choice use the validation cases; test cases are reported and tested, and never choose
 * anything.
 */

import { formatDice } from '../core/format.ts';
import type { Arm } from '../experiment/record.ts';
import { crossedMean } from '../metrics/crossed-mean.ts';
import { paretoFront } from '../metrics/pareto.ts';
import { haveSameClasses, summarizeArms, testPairs } from './comparison/compare.ts';
import type { Comparison } from './comparison/comparison.ts';
import type { IncompleteArms } from './comparison/incomplete.ts';
import { type ArmPair, judgeNotWorse } from './comparison/not-worse.ts';
import { type ArmEvaluations, differenceStrata } from './comparison/score-tables.ts';
import { scoreOf } from './comparison/tested-metric.ts';
import { SWEEP_COSTS, type SweepChoice, type SweepCost, type SweepRecord, type SweepResults } from './sweep-record.ts';

/** An arm with its evaluations on both kinds of cases. */
export interface EvaluatedArm {
  readonly name: string;
  readonly kind: Arm;
  /** Path of the model of the first fold and seed, within the sweep. */
  readonly model: string;
  readonly validation: ArmEvaluations['repeats'];
  readonly test: ArmEvaluations['repeats'];
}

/** A combination by the names of its arms. */
type Combined = Pick<SweepRecord['combinations'][number], 'arms'>;

function pairsWith(
  kind: 'teacher' | 'baseline',
  combinations: readonly Combined[],
  tested: ReadonlyMap<string, ArmEvaluations>,
): readonly ArmPair[] {
  return combinations.flatMap(({ arms }) => {
    const [student, other] = [tested.get(arms.student ?? ''), tested.get(arms[kind] ?? '')];
    return student === undefined || other === undefined ? [] : [[student, other] as const];
  });
}

interface Candidate {
  readonly student: string;
  readonly teacher: string;
  readonly validationDice: number;
  readonly teacherDice: number;
  readonly parameters: number;
}

/** Fewest parameters first; for equal sizes the better one on the validation cases. */
function smallest(candidates: readonly Candidate[]): Candidate | undefined {
  return [...candidates].sort((a, b) => a.parameters - b.parameters || b.validationDice - a.validationDice)[0];
}

/**
 * The smallest student whose mean Dice on the validation cases is at most `within` below that of its teacher, if both
 * have the same classes.
 * @param found all results but the choice
 */
function choose(
  within: number,
  combinations: readonly Combined[],
  { arms, againstTeacher, notWorse }: Pick<SweepResults, 'arms' | 'againstTeacher' | 'notWorse'>,
): Omit<SweepChoice, 'model'> {
  const candidates = combinations.flatMap(({ arms: { student = '', teacher = '' } }): Candidate[] => {
    const [own, taught] = [arms[student], arms[teacher]];
    if (own === undefined || taught === undefined || !haveSameClasses(own, taught)) return [];
    const { validationDice, parameters } = own;
    return [{ student, teacher, validationDice, teacherDice: taught.validationDice, parameters }];
  });
  const loss = ({ teacherDice, validationDice }: Candidate): number => teacherDice - validationDice;
  const chosen = smallest(candidates.filter(candidate => loss(candidate) <= within));
  if (chosen === undefined) {
    const [nearest] = [...candidates].sort((a, b) => loss(a) - loss(b));
    const sentence =
      `No student is within ${within} Dice of its teacher on the validation cases` +
      (nearest === undefined
        ? '.'
        : `; the nearest is ${nearest.student} with ${formatDice(nearest.validationDice)} against ${formatDice(nearest.teacherDice)}.`);
    return { within, student: null, sentence };
  }
  const test =
    notWorse.find(({ a, b }) => a === chosen.student && b === chosen.teacher) ??
    againstTeacher.find(({ a, metric }) => a === chosen.student && metric === 'meanDice');
  const sentence =
    `The smallest student within ${within} Dice of its teacher on the validation cases is ${chosen.student}, with ` +
    `${formatDice(chosen.validationDice)} against ${formatDice(chosen.teacherDice)}. On the test cases: ${test?.sentence ?? 'not compared.'}`;
  return { within, student: chosen.student, sentence };
}

/** Mean Dice below which a network has found nothing: it is listed apart, and shrinks no chart. */
const NOTHING = 0.01;

/** Costs that are the same: files of one network differ by their metadata, and times by the load of the machine. */
const SAME_COST: Readonly<Record<SweepCost, number>> = { parameters: 1, bytes: 1.02, secondsPerCase: 1.25 };

type IsBetter = (a: { readonly name: string }, b: { readonly name: string }) => boolean;

/** Whether the 95 % interval of the difference on the validation cases shows that a scores higher than b. */
function provenOn(evaluated: readonly EvaluatedArm[]): IsBetter {
  const byName = new Map(evaluated.map(({ name, validation }) => [name, { name, repeats: validation }]));
  return (a, b) => {
    const [own, other] = [byName.get(a.name), byName.get(b.name)];
    if (own === undefined || other === undefined) return false;
    return crossedMean(differenceStrata(own, other, scoreOf('meanDice'))).ci95[0] > 0;
  };
}

/** The smallest student that the validation cases do not show to be worse than the best one. */
function recommend(
  arms: readonly (readonly [name: string, arm: SweepResults['arms'][string]])[],
  isBetter: IsBetter,
): SweepResults['recommendation'] {
  const students = arms.filter(([, { kind }]) => kind === 'student');
  const best = [...students].sort(([, a], [, b]) => b.validationDice - a.validationDice)[0];
  if (best === undefined || students.length < 2) return null;
  const asGood = students.filter(([name]) => !isBetter({ name: best[0] }, { name }));
  const [name, arm] = [...asGood].sort(
    ([, a], [, b]) => a.parameters - b.parameters || b.validationDice - a.validationDice,
  )[0]!;
  const than =
    name === best[0]
      ? 'no smaller student is as good on the validation cases'
      : `it is the smallest that the validation cases do not show to be worse than ${best[0]} (${formatDice(best[1].validationDice)})`;
  const sentence = `Take ${name}: mean Dice ${formatDice(arm.validationDice)} on the validation cases and ${formatDice(arm.meanDice)} on the test cases; ${than}.`;
  return { student: name, sentence };
}

/**
 * Collects the results of a sweep.
 * @param options.within null if nothing is to be chosen
 * @param options.margin by which students are judged against their teachers on the test cases; null where they are not
 * @param options.incomplete arms with missing units: the tables show them with the units that they have, but they are
 * on no front and are not chosen
 */
export function sweepResults(
  combinations: readonly Combined[],
  evaluated: readonly EvaluatedArm[],
  {
    within,
    margin = null,
    incomplete = {},
  }: { readonly within: number | null; readonly margin?: number | null; readonly incomplete?: IncompleteArms },
): SweepResults {
  const tested = new Map(evaluated.map(({ name, test }) => [name, { name, repeats: test }]));
  const onTest = summarizeArms([...tested.values()]);
  const onValidation = summarizeArms(evaluated.map(({ name, validation }) => ({ name, repeats: validation })));
  const arms = Object.fromEntries(
    evaluated.map(({ name, kind }) => {
      const validationDice = onValidation[name]?.meanDice ?? Number.NaN;
      return [name, { kind, ...(onTest[name] as Comparison['arms'][string]), validationDice }] as const;
    }),
  );
  const whole = Object.fromEntries(Object.entries(arms).filter(([name]) => !(name in incomplete)));
  const foundNothing = Object.keys(whole).filter(name => whole[name]!.validationDice < NOTHING);
  const isBetter = provenOn(evaluated);
  const fronts = SWEEP_COSTS.map(cost => {
    const points = Object.entries(whole).flatMap(([name, arm]) =>
      foundNothing.includes(name) ? [] : [{ name, score: arm.validationDice, cost: arm[cost] }],
    );
    return [cost, paretoFront(points, { sameCost: SAME_COST[cost], isBetter })] as const;
  });
  const withTeachers = pairsWith('teacher', combinations, tested);
  const againstTeacher = testPairs(withTeachers);
  const notWorse = margin === null ? [] : judgeNotWorse(withTeachers, margin);
  const choice = within === null ? null : choose(within, combinations, { arms: whole, againstTeacher, notWorse });
  return {
    arms,
    againstBaseline: testPairs(pairsWith('baseline', combinations, tested)),
    againstTeacher,
    notWorse,
    foundNothing,
    recommendation: recommend(
      Object.entries(whole).filter(([name]) => !foundNothing.includes(name)),
      isBetter,
    ),
    fronts: Object.fromEntries(fronts) as SweepResults['fronts'],
    choice: choice && {
      ...choice,
      model: evaluated.find(({ name }) => name === choice.student)?.model ?? null,
    },
    ...(Object.keys(incomplete).length > 0 && { incomplete }),
  };
}
