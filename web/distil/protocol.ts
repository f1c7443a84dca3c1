/**
 * Messages between the view "Distil" and its worker. A worker does one job; `pause` may come while it trains. Every job
 * ends with `checked`, `done`, `paused` or `failed`.
 */
import type { ErrorCode } from '../../src/core/errors.ts';
import type { UncertainCase } from '../../src/metrics/foreground-uncertainty.ts';
import type { CodecSources } from '../../src/platform/frame-codecs.ts';
import type { ProbeWork } from '../../src/platform/web/device-probe.ts';
import type { DeviceChoice, DeviceProbe } from '../../src/runtime/device.ts';
import type { Corrections } from '../../src/study/correction/corrections.ts';
import type { LabelVolume } from '../../src/volume/volume.ts';
import type { DroppedFile } from '../protocol.ts';
import type { SessionFacts } from './session-storage.ts';

/** Files of a session by their paths in its folder. */
export type Contents = ReadonlyMap<string, Blob>;

/** Addresses of the page's own files. */
interface Places {
  readonly runtimes: ProbeWork['runtimes'];
  readonly codecs: CodecSources;
}

/** The model that teaches: a file, and what is written beside it where the file does not say its facts itself. */
export interface TeacherFile {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** JSON of its facts. */
  readonly facts?: string;
}

export const STUDENT_SIZES = { small: [2, 4, 8], medium: [4, 8, 16], large: [8, 16, 32] } as const;
export type StudentSize = keyof typeof STUDENT_SIZES;

/** What a person chooses. */
export interface Choices {
  readonly size: StudentSize;
  readonly steps: number;
  /** Whether the student's network is trained without the teacher too, for comparison. */
  readonly baseline: boolean;
}

/** What is to be checked. */
export interface CheckJob {
  readonly kind: 'check';
  readonly files: readonly DroppedFile[];
  readonly teacher: TeacherFile;
  readonly choices: Choices;
  /** The recipe as a person changed it; made from the choices if not given. */
  readonly recipe?: string;
  /** Bytes that the browser still lets this page store. */
  readonly freeBytes: number;
}

export type DistilJob = {
  readonly places: Places;
  readonly version: string;
  /** What is to compute: for a session `auto` is what its recipe says, for a new one the faster one. */
  readonly device: DeviceChoice;
} & (
  | CheckJob
  | {
      readonly kind: 'start';
      readonly session: string;
      readonly facts: Omit<SessionFacts, 'startedAt'>;
      readonly contents: Contents;
    }
  | { readonly kind: 'resume'; readonly session: string }
  | { readonly kind: 'import'; readonly session: string; readonly archive: Blob }
  | { readonly kind: 'measure'; readonly session: string }
  | {
      readonly kind: 'keep';
      readonly session: string;
      readonly id: string;
      readonly labels: LabelVolume;
      /** Whether a person changed them. */
      readonly isCorrected: boolean;
    }
  | { readonly kind: 'continue'; readonly session: string; readonly steps: number }
);

/** What was found and what it would take. */
export interface Checked {
  readonly kind: 'checked';
  /** Name of the data set, and whether its dataset.json was written here. */
  readonly title: string;
  readonly isPaired: boolean;
  /** Whether the student learns from the teacher alone. */
  readonly isUntested: boolean;
  /** Everything that the session needs. */
  readonly contents: Contents;
  readonly recipe: string;
  /** What the data are, in a sentence. */
  readonly facts: string;
  /** Time of a step of the student, and of the teacher's answer to its batch. */
  readonly stepMs: number;
  readonly teacherMs: number;
  /** Number of steps in which the teacher is asked. */
  readonly teacherSteps: number;
  /** All steps together, without validations and the evaluation. */
  readonly seconds: number;
  /** Largest memory of the engine while both were tried. */
  readonly engineBytes: number;
  /** Bytes of the cases as they stay in memory. */
  readonly dataBytes: number;
  /** Bytes that the session stores, at most. */
  readonly storedBytes: number;
}

/** How the trial of the graphics card went. */
export interface Probed {
  readonly kind: 'probed';
  readonly probe: DeviceProbe;
}

export type DistilReply =
  | Checked
  /** Asks the page to try the graphics card; the answer is a {@link Probed}. */
  | { readonly kind: 'probe'; readonly isTimed: boolean }
  | { readonly kind: 'computes'; readonly text: string }
  | { readonly kind: 'begun'; readonly label: string; readonly total: number; readonly unit: string }
  | {
      readonly kind: 'progress';
      readonly label: string;
      readonly done: number;
      readonly total: number;
      readonly unit: string;
      readonly note: string;
      readonly secondsLeft: number | undefined;
    }
  | { readonly kind: 'said'; readonly isWarning: boolean; readonly message: string }
  | { readonly kind: 'history'; readonly arm: string; readonly text: string }
  | { readonly kind: 'corrections'; readonly corrections: Pick<Corrections, 'cases' | 'next' | 'rounds' | 'student'> }
  | { readonly kind: 'measured'; readonly measured: UncertainCase }
  | { readonly kind: 'done' }
  | { readonly kind: 'paused' }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string };
