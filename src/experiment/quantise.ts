/**
 * A smaller form of a model: in 8 bits, with the ranges that its tensors have on some cases, or with weights in half
 * precision. Both forms are scored on the same cases, and one that loses too much of a class is refused.
 */
import { InputError, WorkError } from '../core/errors.ts';
import { formatDice } from '../core/format.ts';
import { modelShape } from '../inference/axes.ts';
import { decodeModel } from '../onnx/decode.ts';
import { replaceMetadata } from '../onnx/edit.ts';
import { type EightBitCandidate, eightBitCandidate } from '../onnx/eight-bit-form.ts';
import { halfForm } from '../onnx/half-form.ts';
import { SEAL_KEY, sealModel } from '../onnx/seal.ts';
import type { Engine } from '../runtime/engine.ts';
import { formatModelMetadata } from './embedded-coarse.ts';
import { type EvaluateOptions, evaluateModel } from './evaluate.ts';
import type { Laboratory } from './laboratory.ts';
import type { ModelMetadata } from './model-facts.ts';
import { type ModelFile, readModelFile } from './model-file.ts';
import type { Evaluation } from './record.ts';

/** In what the weights of a model are stored, and for 8bit what it mostly computes in. */
export type SmallPrecision = NonNullable<ModelMetadata['precision']>;

/** Largest losses of Dice with which a smaller form is kept. */
export interface LossLimits {
  /** Of the mean over cases of any class. */
  readonly classLoss: number;
  /** Of the mean over cases of the mean Dice. */
  readonly meanLoss: number;
}

/** Dice before and after, over the same cases. */
export interface DiceChange {
  readonly name: string;
  readonly before: number;
  readonly after: number;
}

export interface QuantiseOptions {
  readonly file: ModelFile;
  readonly precision: SmallPrecision;
  readonly limits: LossLimits;
  /** Cases that give the ranges and the scores, and how they are scored; never those of the test. */
  readonly scoring: Omit<EvaluateOptions, 'models' | 'label'>;
}

/** A smaller form that was scored. */
export interface Quantised {
  readonly bytes: Uint8Array;
  readonly before: Evaluation;
  readonly after: Evaluation;
  /** The mean Dice, then every class. */
  readonly changes: readonly DiceChange[];
}

/** The metadata of a model's smaller form. */
function metadataOf(
  { machine }: Pick<Laboratory, 'machine'>,
  { bytes, path, metadata, coarse }: ModelFile,
  precision: SmallPrecision,
): Readonly<Record<string, string>> {
  const { [SEAL_KEY]: _seal, ...own } = decodeModel(bytes, path).metadata;
  const facts = { ...metadata, precision, madeFrom: machine.sha256(bytes) };
  return { ...own, ...formatModelMetadata(facts, coarse?.models[0]?.bytes) };
}

function refused({ path }: ModelFile, reason: string): InputError {
  return new InputError(
    'E_QUANTISE',
    `${path} has no 8-bit form: ${reason}. --precision float16 stores its weights in half the space instead.`,
  );
}

/** Prepares the 8-bit form of a model. @throws {InputError} E_QUANTISE if it has none */
function candidateOf(file: ModelFile, block: number): EightBitCandidate {
  const { bytes, info, metadata } = file;
  if (metadata.precision === '8bit') throw refused(file, 'it is one already');
  const candidate = eightBitCandidate(bytes, {
    input: {
      name: info.inputName,
      shape: modelShape([info.batch ?? 1, info.channels, ...info.patch], metadata.axes),
    },
    outputs: [info.outputName],
    block,
    anyBatch: info.batch === undefined,
  });
  if ('unsupported' in candidate) throw refused(file, `its graph has ${candidate.unsupported}`);
  if (candidate.convolutions === 0) throw refused(file, 'it has no convolution of volumes at stride 1');
  return candidate;
}

/** An engine on which the model runs as usual, and its ranges are seen. */
function watchingEngine(engine: Engine, { observer, observe }: EightBitCandidate, file: ModelFile): Engine {
  const { info } = file;
  return {
    ...engine,
    // the observer is lowered already
    block: 0,
    load: async bytes => {
      // what finds the region of a cascade is not changed
      if (file.coarse !== undefined && bytes !== file.bytes) return engine.load(bytes);
      const session = await engine.load(observer);
      return {
        inputNames: session.inputNames,
        outputNames: [info.outputName],
        run: async feeds => {
          const { [info.outputName]: logits, ...ranges } = await session.run(feeds);
          observe(ranges);
          return logits === undefined ? {} : { [info.outputName]: logits };
        },
        dispose: () => session.dispose(),
      };
    },
  };
}

/** Mean Dice and Dice of every class, over the cases in which both have one. */
export function diceChanges(before: Evaluation, after: Evaluation): readonly DiceChange[] {
  const others = new Map(after.cases.map(one => [one.id, one]));
  const change = (
    name: string,
    diceOf: (score: Evaluation['cases'][number]) => number | null | undefined,
  ): DiceChange => {
    const pairs = before.cases.flatMap(one => {
      const other = others.get(one.id);
      const [left, right] = [diceOf(one), other && diceOf(other)];
      return typeof left === 'number' && typeof right === 'number' ? [[left, right] as const] : [];
    });
    const mean = (side: 0 | 1): number => pairs.reduce((sum, pair) => sum + pair[side], 0) / pairs.length;
    return { name, before: mean(0), after: mean(1) };
  };
  const classes = Object.keys(before.summary.classes);
  return [
    change('mean', ({ meanDice }) => meanDice),
    ...classes.map(name => change(name, score => score.classes[name]?.dice)),
  ];
}

/** A change for people, for example `anterior 0.861 to 0.860`. */
export function changeText({ name, before, after }: DiceChange): string {
  return `${name} ${formatDice(before)} to ${formatDice(after)}`;
}

/** @throws {WorkError} E_QUANTISE_LOSS if too much is lost */
function assertKept(changes: readonly DiceChange[], { classLoss, meanLoss }: LossLimits, { path }: ModelFile): void {
  const [mean, ...classes] = changes as readonly [DiceChange, ...DiceChange[]];
  const loses = ({ before, after }: DiceChange, limit: number): boolean => before - after > limit;
  const lost = [...(loses(mean, meanLoss) ? [mean] : []), ...classes.filter(one => loses(one, classLoss))];
  if (lost.length === 0) return;
  throw new WorkError(
    'E_QUANTISE_LOSS',
    `the smaller form of ${path} loses too much: Dice of ${lost.map(changeText).join(', of ')}; at most ${meanLoss} of the mean and ` +
      `${classLoss} of a class may be lost. Nothing was written. Use --precision float16, a wider student, or allow more with --mean-loss ` +
      'and --class-loss.',
  );
}

/**
 * Makes the smaller form of a model and scores it.
 * @throws {InputError} E_QUANTISE if the model has no such form, and as evaluateModel
 * @throws {WorkError} E_QUANTISE_LOSS if it loses too much
 */
export async function quantiseModel(
  laboratory: Laboratory,
  { file, precision, limits, scoring }: QuantiseOptions,
): Promise<Quantised> {
  const metadata = metadataOf(laboratory, file, precision);
  const score = (one: ModelFile, engine: Engine, label: string): Promise<Evaluation> =>
    evaluateModel({ ...laboratory, engine }, { ...scoring, models: [one], label });
  const { engine } = laboratory;
  const candidate = precision === '8bit' ? candidateOf(file, engine.block) : undefined;
  const before = await score(
    file,
    candidate === undefined ? engine : watchingEngine(engine, candidate, file),
    'scoring as it is',
  );
  const form =
    candidate === undefined ? replaceMetadata(halfForm(file.bytes).bytes, metadata) : candidate.finish(metadata);
  const bytes = await sealModel(form);
  const after = await score(await inMemory(file, bytes), engine, `scoring in ${precision}`);
  const changes = diceChanges(before, after);
  assertKept(changes, limits, file);
  return { bytes, before, after, changes };
}

/** The model with other bytes, read as its file will be. */
async function inMemory({ path }: ModelFile, bytes: Uint8Array): Promise<ModelFile> {
  return readModelFile({ read: async () => bytes, exists: async asked => asked === path }, path);
}

/** The half-precision form of a model that no cases are known for; nothing is scored. */
export async function halvedModel(laboratory: Pick<Laboratory, 'machine'>, file: ModelFile): Promise<Uint8Array> {
  return sealModel(replaceMetadata(halfForm(file.bytes).bytes, metadataOf(laboratory, file, 'float16')));
}
