/** `sweep.json`: the plan of a sweep, its status and its results. Readers get the fields that are always present. */
import { z } from 'zod';
import { armFolder } from '../experiment/arm-folder.ts';
import { readEvaluation } from '../experiment/evaluation-file.ts';
import { ARMS, type Arm } from '../experiment/record.ts';
import type { Files } from '../runtime/files.ts';
import { type JsonForm, readSealedJson } from '../runtime/json-file.ts';
import type { Comparison, MarginJudgement, PairTest } from './comparison/comparison.ts';
import type { IncompleteArms } from './comparison/incomplete.ts';
import type { ArmPair } from './comparison/not-worse.ts';
import type { ArmEvaluations } from './comparison/score-tables.ts';
import type { Repeat } from './folder.ts';
import { DAMAGED_RECORD, type StudyRecord } from './record.ts';

/** Folders of the units of an arm, within the sweep. */
interface RecordedArm {
  readonly kind: Arm;
  readonly units: readonly (Repeat & { readonly folder: string })[];
}

/** Costs that are weighed against Dice. */
export const SWEEP_COSTS = ['parameters', 'bytes', 'secondsPerCase'] as const;
export type SweepCost = (typeof SWEEP_COSTS)[number];

/** The smallest student that is good enough, on the validation cases. */
export interface SweepChoice {
  /** Largest accepted loss of mean Dice against the student's teacher. */
  readonly within: number;
  /** Name of the arm; null if no student is good enough. */
  readonly student: string | null;
  /** Path of its model of the first fold and seed, within the sweep. */
  readonly model: string | null;
  /** The finding in a sentence for people. */
  readonly sentence: string;
}

/**
 * An arm of a sweep: pooled test scores and costs as in `comparison.json`, and the validation score that it was chosen
 * by.
 */
type SweptArm = Comparison['arms'][string] & { readonly kind: Arm; readonly validationDice: number };

export interface SweepResults {
  readonly arms: Readonly<Record<string, SweptArm>>;
  /** Tests of students against their baselines, one family, corrected together. */
  readonly againstBaseline: readonly PairTest[];
  /** Tests of students against their teachers, another family. */
  readonly againstTeacher: readonly PairTest[];
  /** Students judged against their teachers by the margin; empty where there is none. */
  readonly notWorse: readonly MarginJudgement[];
  /** Arms that find nothing on the validation cases; they are on no front. */
  readonly foundNothing: readonly string[];
  /** Which student to take where nothing else was asked for; null with fewer than two. */
  readonly recommendation: { readonly student: string; readonly sentence: string } | null;
  /** Names of the arms that no other beats in validation Dice and this cost, cheapest first. */
  readonly fronts: Readonly<Record<SweepCost, readonly string[]>>;
  /** The choice; null without `--within`. */
  readonly choice: SweepChoice | null;
  /** Arms with missing units. They are on no front and are not chosen. */
  readonly incomplete?: IncompleteArms;
}

export interface SweepRecord extends StudyRecord {
  readonly grid: Readonly<Record<string, readonly unknown[]>>;
  readonly combinations: readonly {
    readonly name: string;
    readonly values: Readonly<Record<string, unknown>>;
    /** Names of the arms of the combination. */
    readonly arms: Readonly<Partial<Record<Arm, string>>>;
  }[];
  readonly arms: Readonly<Record<string, RecordedArm>>;
  /** Limit of the requested choice. */
  readonly within: number | null;
  /**
   * By which students are judged against their teachers: `compare.margin` of the recipe as the sweep began. Where it
   * is null, `within` is used.
   */
  readonly margin: number | null;
  readonly results?: SweepResults;
}

const readable = z.looseObject({
  status: z.string(),
  startedAt: z.string(),
  dataHashes: z.record(z.string(), z.string()),
  settingHashes: z.record(z.string(), z.string()).default({}),
  files: z.record(z.string(), z.string()).default({}),
  timingsSeconds: z.record(z.string(), z.number()),
  waitingShares: z.record(z.string(), z.number()),
  warnings: z.array(z.looseObject({ code: z.string(), message: z.string() })).default([]),
  grid: z.record(z.string(), z.array(z.unknown())),
  results: z.unknown().optional(),
  within: z.number().nullable().default(null),
  margin: z.number().nullable().default(null),
  combinations: z.array(
    z.looseObject({ name: z.string(), arms: z.partialRecord(z.enum(ARMS as [Arm, ...Arm[]]), z.string()) }),
  ),
  arms: z.record(
    z.string(),
    z.looseObject({
      kind: z.enum(ARMS as [Arm, ...Arm[]]),
      units: z.array(z.object({ fold: z.int().nullable(), seed: z.int(), folder: z.string() })),
    }),
  ),
});

/** The fields of a sweep's record that are always present. */
export type ReadSweepRecord = z.output<typeof readable>;

const sweepFile: JsonForm<ReadSweepRecord> = { schema: readable, ...DAMAGED_RECORD.sweep };

/** Path of the record of a sweep. */
export function sweepRecordPath(folder: string): string {
  return `${folder}/sweep.json`;
}

/** Whether a folder holds a sweep. */
export async function isSweep(files: Files, folder: string): Promise<boolean> {
  return files.exists(sweepRecordPath(folder));
}

/**
 * Reads the record of a sweep.
 * @throws {InputError} E_SWEEP if it is not a sweep or its record is damaged
 */
export async function readSweepRecord(files: Files, folder: string): Promise<ReadSweepRecord> {
  return readSealedJson(files, sweepRecordPath(folder), sweepFile);
}

/** The evaluated arms of a sweep, and the pairs to compare: students with their baselines and teachers. */
export interface ReadSweep {
  readonly arms: readonly ArmEvaluations[];
  readonly pairs: readonly ArmPair[];
  /** The pairs of students with their teachers, and the sweep's margin. */
  readonly taught: readonly { readonly pair: ArmPair; readonly margin: number | null }[];
}

/**
 * Reads the finished evaluations of a sweep.
 * @throws {InputError} E_SWEEP, E_EVALUATION
 */
export async function readSweep(files: Files, folder: string): Promise<ReadSweep> {
  const record = await readSweepRecord(files, folder);
  const byName = new Map<string, ArmEvaluations>();
  for (const [name, { units }] of Object.entries(record.arms)) {
    const repeats: ArmEvaluations['repeats'][number][] = [];
    for (const { fold, seed, folder: own } of units) {
      const path = armFolder(`${folder}/${own}`).evaluation;
      if (!(await files.exists(path))) continue;
      repeats.push({ fold, seed, evaluation: await readEvaluation(files, path) });
    }
    if (repeats.length > 0) byName.set(name, { name, repeats });
  }
  const pairsWith = (kind: 'baseline' | 'teacher'): readonly ArmPair[] =>
    record.combinations.flatMap(({ arms }) => {
      const [student, other] = [byName.get(arms.student ?? ''), byName.get(arms[kind] ?? '')];
      return student === undefined || other === undefined ? [] : [[student, other] as const];
    });
  const withTeachers = pairsWith('teacher');
  return {
    arms: [...byName.values()],
    pairs: [...pairsWith('baseline'), ...withTeachers],
    taught: withTeachers.map(pair => ({ pair, margin: record.margin ?? record.within })),
  };
}
