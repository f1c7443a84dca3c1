/**
 * Estimates the cost of a study before it starts: core-hours from the times of training steps, and bytes of models and
 * checkpoints. Step times come from finished units of the study; otherwise a few steps are timed here, and the others
 * are scaled by their arithmetic. Evaluation is not included, nor is a finished teacher that runs outside the step.
 */

import { openDataset } from '../../data/dataset.ts';
import { isTrained } from '../../experiment/arm-content.ts';
import { type ArmPlan, type DataShape, dataShape, planArm } from '../../experiment/arm-plan.ts';
import type { Laboratory } from '../../experiment/laboratory.ts';
import { estimateStepMs, measureStepMs } from '../../experiment/step-time.ts';
import { meanOf } from '../../metrics/statistics.ts';
import { parameterCount } from '../../nn/parameters.ts';
import { isFinished } from '../../recipe/schema/teacher.ts';
import { readOutcome } from './outcome.ts';
import type { Unit } from './unit.ts';

const MS_PER_HOUR = 3.6e6;
const BYTES_PER_NUMBER = 4;
/** Number of copies of the parameters on disk: the last checkpoint, the best one, and the model. */
const COPIES_OF_PARAMETERS = 3;

export interface StudyEstimate {
  readonly units: number;
  /** Number of these units that are trained. */
  readonly trained: number;
  /** Core-hours of training steps. */
  readonly coreHours: number;
  /** Bytes of models and checkpoints. */
  readonly bytes: number;
  /** Source of the step times. */
  readonly basis: 'finished units' | 'steps tried out here';
  /** Number of kinds of steps, and of those that were timed. */
  readonly kinds: { readonly all: number; readonly timed: number };
}

/** A kind: units whose training steps take equally long. */
interface Kind {
  readonly plan: ArmPlan;
  /** Cost of a step by formula; only ratios count. */
  readonly formulaMs: number;
  /** Size of models and checkpoints of one training. */
  readonly bytes: number;
}

/** The part of a recipe that decides how long a step of a unit takes, as text. */
function kindKey({ arm, recipe }: Unit): string {
  const { teacher, student, patch, loss, distill, data, optimizer } = recipe;
  const { train, ...network } = arm === 'teacher' && !isFinished(teacher) ? teacher : student;
  const losses = distill.losses.map(term => Object.keys(term));
  const taught = arm === 'student' ? [teacher, losses, distill.unlabelled.batch] : [];
  return JSON.stringify([
    network,
    train.batch,
    train.accumulate,
    patch.size,
    loss,
    Object.keys(optimizer),
    taught,
    data.dataset,
    data.synthesize?.classes,
  ]);
}

function kindOf({ arm, recipe }: Unit, shape: DataShape): Kind {
  const hasOwnTeacher = arm === 'student' && !isFinished(recipe.teacher);
  const taught = hasOwnTeacher ? planArm(recipe, 'teacher', shape).model : undefined;
  const teacher = taught && { ...taught, theta: new Float32Array(parameterCount(taught.specs)) };
  const plan = planArm(recipe, arm, { ...shape, teacher });
  const { specs } = plan.model;
  const runMs = estimateStepMs(plan.model, plan.step.imageShape, { cores: 1, ...(taught && { frozen: taught }) });
  const formulaMs = runMs * plan.train.accumulate;
  const copies = COPIES_OF_PARAMETERS + plan.step.optimizer.stateNames.length;
  return { plan, formulaMs, bytes: copies * BYTES_PER_NUMBER * parameterCount(specs) };
}

/** The kinds of units that are trained, by their keys. */
async function kindsOf({ files }: Laboratory, units: readonly Unit[]): Promise<ReadonlyMap<string, Kind>> {
  const shapes = new Map<string, DataShape>();
  const kinds = new Map<string, Kind>();
  for (const unit of units) {
    const key = kindKey(unit);
    if (kinds.has(key)) continue;
    const { dataset, synthesize } = unit.recipe.data;
    const source = JSON.stringify([dataset, synthesize]);
    const shape = shapes.get(source) ?? dataShape(await openDataset(files, dataset, { synthesize }));
    shapes.set(source, shape);
    kinds.set(key, kindOf(unit, shape));
  }
  return kinds;
}

/** Core-milliseconds of a step by kind, from finished units. */
async function finishedSteps({ files }: Laboratory, units: readonly Unit[]): Promise<ReadonlyMap<string, number>> {
  const times = new Map<string, number[]>();
  for (const unit of units) {
    const outcome = await readOutcome(files, unit.folder.folder);
    const seconds = outcome?.timingsSeconds['train'];
    if (outcome?.status !== 'done' || seconds === undefined) continue;
    const key = kindKey(unit);
    times.set(key, [
      ...(times.get(key) ?? []),
      (1000 * seconds * outcome.threads) / (outcome.training?.steps ?? stepsOf(unit)),
    ]);
  }
  return new Map([...times].map(([key, values]) => [key, meanOf(values)]));
}

function stepsOf({ arm, recipe: { teacher, student } }: Unit): number {
  return (arm === 'teacher' && !isFinished(teacher) ? teacher : student).train.steps;
}

/** Core-milliseconds of a step for a few kinds that are timed here: the shortest, the longest, and one between. */
async function triedSteps(
  laboratory: Laboratory,
  kinds: ReadonlyMap<string, Kind>,
): Promise<ReadonlyMap<string, number>> {
  const sorted = [...kinds].sort(([, a], [, b]) => a.formulaMs - b.formulaMs);
  const last = sorted.length - 1;
  const chosen = new Set(
    [0, Math.round(last / 2), last].map(index => sorted[index]).filter(kind => kind !== undefined),
  );
  const times = new Map<string, number>();
  for (const [key, { plan }] of chosen) {
    times.set(key, (await measureStepMs(laboratory, plan)) * laboratory.threads);
  }
  return times;
}

/**
 * Estimates the cost of the unfinished units of a study.
 * @param units all units of the study
 */
export async function estimateStudy(laboratory: Laboratory, units: readonly Unit[]): Promise<StudyEstimate> {
  const { files } = laboratory;
  const trained = units.filter(({ recipe, arm }) => isTrained(recipe, arm));
  const kinds = await kindsOf(laboratory, trained);
  const finished = await finishedSteps(laboratory, trained);
  const timed = finished.size > 0 ? finished : await triedSteps(laboratory, kinds);
  const scale = meanOf([...timed].map(([key, coreMs]) => coreMs / (kinds.get(key) as Kind).formulaMs));
  const isOpen = await Promise.all(
    units.map(async ({ folder }) => (await readOutcome(files, folder.folder)) === undefined),
  );
  const open = units.filter((_, index) => isOpen[index]);
  const toTrain = open.filter(unit => trained.includes(unit));
  let [coreMs, bytes] = [0, 0];
  for (const unit of toTrain) {
    const key = kindKey(unit);
    const kind = kinds.get(key) as Kind;
    coreMs += stepsOf(unit) * (timed.get(key) ?? scale * kind.formulaMs);
    bytes += kind.bytes;
  }
  return {
    units: open.length,
    trained: toTrain.length,
    coreHours: coreMs / MS_PER_HOUR,
    bytes,
    basis: finished.size > 0 ? 'finished units' : 'steps tried out here',
    kinds: { all: kinds.size, timed: timed.size },
  };
}
