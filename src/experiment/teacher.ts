/**
 * The teacher as the student's step sees it. One that was trained here is rebuilt inside the step's graph, frozen; finished ONNX models
 * stay sessions of their own and give their logits for every batch (several of them: the logarithm of their mean probability).
 */
import { InputError } from '../core/errors.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import type { ModelInfo } from '../inference/model-info.ts';
import { activate } from '../inference/probabilities.ts';
import type { Session } from '../runtime/engine.ts';
import type { StepOptions } from '../training/step.ts';
import type { TeacherCall } from '../training/trainer.ts';

type InStep = NonNullable<StepOptions['distillation']>['teacher'];

export interface Teacher {
  /** Identifies the teacher, for checkpoints of the student. */
  readonly sha256: string;
  readonly inStep: InStep;
  /** Where the teacher is not in the step. */
  readonly call: TeacherCall | undefined;
}

/** A finished model that is open. */
export interface OpenModel {
  readonly path: string;
  readonly session: Session;
  readonly info: ModelInfo;
}

/** Keeps the logarithm of a probability finite. */
const SMALLEST_PROBABILITY = 1e-7;

/**
 * Checks that a finished model can teach on these data.
 * @throws {InputError} E_TEACHER_FIT naming both sides
 */
export function assertTeacherFits(
  { path, info }: Pick<OpenModel, 'path' | 'info'>,
  data: {
    readonly channels: number;
    readonly labels: readonly { readonly name: string }[];
    readonly window: readonly number[];
  },
): void {
  const problems: string[] = [];
  const names = (labels: readonly { readonly name: string }[]): string => labels.map(({ name }) => name).join(', ');
  if (info.channels !== data.channels)
    problems.push(`it takes ${info.channels} channels, the data have ${data.channels}`);
  if (info.labels.length !== data.labels.length) {
    problems.push(`it knows ${names(info.labels)}, the data ${names(data.labels)}`);
  }
  if (String(info.patch) !== String(data.window)) {
    problems.push(`its window is ${info.patch.join('x')} (z, y, x), the recipe's patch ${data.window.join('x')}`);
  }
  if (problems.length > 0) throw new InputError('E_TEACHER_FIT', `${path} cannot teach here: ${problems.join('; ')}`);
}

/** Class probabilities of one model for a batch, in place of its output. */
async function probabilities(
  { session, info }: OpenModel,
  image: Tensor,
): Promise<{ data: Float32Array; shape: readonly number[] }> {
  const results = await session.run({ [info.inputName]: image }, [info.outputName]);
  const output = results[info.outputName] as Tensor;
  const data = (output.data as Float32Array).slice();
  const [samples, classes] = output.shape as readonly [number, number];
  const size = data.length / samples;
  for (let sample = 0; sample < samples; sample++) {
    activate(data.subarray(sample * size, (sample + 1) * size), classes, info.activation);
  }
  return { data, shape: output.shape };
}

/** Logits of one model that gives logits, as they are; else log of the mean probability. */
export async function teacherLogits(models: readonly OpenModel[], image: Tensor): Promise<Tensor> {
  const [first] = models as readonly [OpenModel];
  if (models.length === 1 && first.info.activation !== 'none') {
    return (await first.session.run({ [first.info.inputName]: image }, [first.info.outputName]))[
      first.info.outputName
    ] as Tensor;
  }
  const all: { data: Float32Array; shape: readonly number[] }[] = [];
  for (const model of models) all.push(await probabilities(model, image));
  const [{ data, shape }, ...others] = all as [(typeof all)[number], ...typeof all];
  for (let index = 0; index < data.length; index++) {
    let sum = data[index]!;
    for (const other of others) sum += other.data[index]!;
    data[index] = Math.log(Math.max(SMALLEST_PROBABILITY, sum / models.length));
  }
  return tensor('float32', data, shape);
}
