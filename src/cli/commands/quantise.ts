/** `voxstill quantise RUN|M.onnx`: a smaller form of a model, refused where it loses a class. */
import { InputError } from '../../core/errors.ts';
import { formatBytes, formatDice, formatSeconds } from '../../core/format.ts';
import { isLabelled, openDataset } from '../../data/dataset.ts';
import { splitCases } from '../../data/splits.ts';
import { parseSplits } from '../../data/splits-file.ts';
import type { EvaluateOptions } from '../../experiment/evaluate.ts';
import { fileAbove } from '../../experiment/file-above.ts';
import type { Laboratory } from '../../experiment/laboratory.ts';
import { logNotes, type ModelFile } from '../../experiment/model-file.ts';
import { openModelSource } from '../../experiment/model-source.ts';
import { changeText, halvedModel, type Quantised, quantiseModel } from '../../experiment/quantise.ts';
import type { Evaluation } from '../../experiment/record.ts';
import { EVALUATION_DEFAULTS } from '../../recipe/evaluation-defaults.ts';
import { defaultSplits } from '../../recipe/schema.ts';
import { readText } from '../../runtime/json-file.ts';
import { type QuantisedArm, quantiseRun } from '../../study/quantise-run.ts';
import type { QuantiseFlags } from '../flags/quantise.ts';
import { type CommandSession, type Outcome, openLaboratory } from '../session.ts';

/** A run keeps the splits beside the folder of an arm, a sweep in it; further seeds are one level lower. */
const SPLITS = { names: ['splits.json'], levels: 2 } as const;

/** The validation cases of a model, and how they are scored. */
async function scoringOf(
  { files, progress }: Laboratory,
  model: string,
  {
    data,
    splits: named,
    signal,
  }: { readonly data: string; readonly splits: string | undefined; readonly signal: AbortSignal },
): Promise<Omit<EvaluateOptions, 'models' | 'label'>> {
  const dataset = await openDataset(files, data);
  const path = named ?? (await fileAbove(files, model, SPLITS));
  if (path === undefined) {
    const { seed, val } = defaultSplits;
    progress.log(
      `cases: the validation cases (${val}) of the default splits with seed ${seed}; --splits chooses others`,
    );
  } else progress.log(`cases: the validation cases of ${path}`);
  const splits =
    path === undefined
      ? splitCases(
          dataset.cases.filter(isLabelled).map(({ id }) => id),
          defaultSplits,
        )
      : parseSplits(await readText(files, path), { ids: dataset.cases.map(({ id }) => id), path });
  const { surfaceToleranceMm, ...window } = EVALUATION_DEFAULTS;
  return { dataset, ids: splits.val, split: 'val', window, surfaceToleranceMm, signal };
}

/** What was gained and lost, for people. */
function gainText(file: { readonly bytes: number }, { bytes, before, after, changes }: Quantised): string {
  return (
    `${formatBytes(file.bytes)} to ${formatBytes(bytes.length)}; Dice on ${after.cases.length} validation cases: ` +
    `${changes.map(changeText).join(', ')}; ${formatSeconds(before.model.secondsPerCase)} to ` +
    `${formatSeconds(after.model.secondsPerCase)} per case`
  );
}

function formJson({ bytes, before, after, changes }: Quantised): object {
  const of = ({ model, summary }: Evaluation): object => ({ ...model, summary });
  return { bytes: bytes.length, cases: after.cases.length, changes, before: of(before), after: of(after) };
}

/** The file beside a model: M-8bit.onnx. */
function besideModel(path: string, precision: string): string {
  return `${path.replace(/\.(onnx|pt|pth|ckpt|keras|h5)$/i, '')}-${precision}.onnx`;
}

async function quantiseFile(
  laboratory: Laboratory,
  source: string,
  {
    precision,
    data,
    splits,
    classLoss,
    meanLoss,
    out = besideModel(source, precision),
    signal,
  }: QuantiseFlags & { readonly signal: AbortSignal },
): Promise<Outcome> {
  const { files, progress } = laboratory;
  if (!/\.onnx$/i.test(out)) throw new InputError('E_OUTPUT_NAME', `--out is an .onnx file, not ${out}.`);
  const { file, notes } = await openModelSource(files, source);
  for (const note of notes) progress.warn(`${source}: ${note}`);
  logNotes([file], progress);
  if (data === undefined) return withoutCases(laboratory, file, { precision, out });
  const scoring = await scoringOf(laboratory, source, { data, splits, signal });
  const form = await quantiseModel(laboratory, { file, precision, limits: { classLoss, meanLoss }, scoring });
  await files.write(out, form.bytes);
  const sizes = { bytes: file.bytes.length };
  return { json: { source, out, precision, ...formJson(form) }, text: `${out}: ${gainText(sizes, form)}` };
}

/** Half precision needs no cases to be made; 8 bits do. */
async function withoutCases(
  laboratory: Laboratory,
  file: ModelFile,
  { precision, out }: { readonly precision: QuantiseFlags['precision']; readonly out: string },
): Promise<Outcome> {
  if (precision === '8bit') {
    throw new InputError(
      'E_QUANTISE',
      `the 8-bit form of ${file.path} needs cases on which the ranges of its tensors are seen. Name their data set with --data.`,
    );
  }
  const bytes = await halvedModel(laboratory, file);
  await laboratory.files.write(out, bytes);
  const text = `${out}: ${formatBytes(file.bytes.length)} to ${formatBytes(bytes.length)}; not scored, since no --data was given`;
  return { json: { source: file.path, out, precision, bytes: bytes.length }, text };
}

function studentText({ model, form, evaluation, fold, seed }: QuantisedArm, before: number): string {
  const place = fold === null ? `seed ${seed}` : `fold ${fold}, seed ${seed}`;
  const test = `on ${evaluation.cases.length} test cases mean Dice ${formatDice(evaluation.summary.meanDice.mean)}`;
  return `${model} (${place}): ${gainText({ bytes: before }, form)}; ${test}`;
}

async function quantiseStudents(
  laboratory: Laboratory,
  folder: string,
  { precision, classLoss, meanLoss, signal }: QuantiseFlags & { readonly signal: AbortSignal },
): Promise<Outcome> {
  const students = await quantiseRun(laboratory, folder, { precision, limits: { classLoss, meanLoss }, signal });
  const lines = students.map(student => studentText(student, student.form.before.model.bytes));
  lines.push(`the report gets one more arm, student-${precision}: voxstill collect ${folder}`);
  const json = students.map(({ model, form, evaluation, fold, seed }) => {
    return { model, fold, seed, ...formJson(form), test: evaluation.summary };
  });
  return { json: { source: folder, precision, students: json }, text: lines.join('\n') };
}

/** Makes the smaller form of a model, or those of all students of a run. */
export async function quantise(source: string, flags: QuantiseFlags, session: CommandSession): Promise<Outcome> {
  const laboratory = await openLaboratory(session, {});
  const asked = { ...flags, signal: session.signal };
  const isFile = /\.(onnx|pt|pth|ckpt|keras|h5)$/i.test(source);
  if (isFile) return quantiseFile(laboratory, source, asked);
  const misplaced = (['out', 'data', 'splits'] as const).filter(name => flags[name] !== undefined);
  if (misplaced.length > 0) {
    throw new InputError(
      'E_USAGE',
      `${misplaced.map(name => `--${name}`).join(', ')} is for a model file; ${source} is a folder, and a run knows its own data and writes beside its students.`,
    );
  }
  return quantiseStudents(laboratory, source, asked);
}
