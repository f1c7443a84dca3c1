/**
 * The teacher of a student's step. A teacher that was trained here is rebuilt inside the step's graph, frozen; finished
 * ONNX models stay separate sessions and run on every batch, see external-teacher.ts.
 */
import type { Shape } from '../core/shape.ts';
import type { VolumeWarning } from '../volume/geometry.ts';
import type { TeacherCall } from './run-step.ts';
import type { TeacherInStep } from './teacher-in-step.ts';

export interface Teacher {
  /** Fingerprint of its outputs, for checkpoints of the student. */
  readonly sha256: string;
  readonly inStep: TeacherInStep;
  /** Short hashes of the images that finished models had seen before they taught, as far as their files say. */
  readonly seenImages?: readonly string[];
  /** What should be known of the models that teach. */
  readonly warnings?: readonly VolumeWarning[];
  /** Call of the teacher, if it is not in the step. */
  readonly call: TeacherCall | undefined;
  close(): Promise<void>;
}

/** A teacher beside the step. */
export interface AskedTeacher extends Teacher {
  readonly call: TeacherCall;
  /** SHA-256 of its models as they were read, by path. */
  readonly modelHashes: Readonly<Record<string, string>>;
  /** [N, K, D, H, W] of its logits. */
  readonly answerShape: Shape;
}
