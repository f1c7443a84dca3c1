/**
 * What a model file can be used for as it stands: to predict, to teach, in the fast kernels; what is missing, and the
 * refusal that would come.
 */
import { InputError } from '../core/errors.ts';
import { modelShape } from '../inference/axes.ts';
import { type DecodedModel, decodeModel } from '../onnx/decode.ts';
import { importModel } from '../onnx/import.ts';
import { elementTypeName } from '../onnx/tensor-content.ts';
import type { Files } from '../runtime/files.ts';
import type { ModelMetadata } from './model-facts.ts';
import { MissingFactsError, type ModelFile, readModelFile } from './model-file.ts';
import { candidateOutputs, fixedTriple, isFixed } from './model-outputs.ts';

/** An answer: yes, or why not. */
type Answer = 'yes' | `yes, once these are given: ${string}` | `no: ${string}` | `not known: ${string}`;

/** What a model can be used for. */
export interface ModelOutlook {
  readonly predict: Answer;
  readonly teach: Answer;
  /** Facts that neither the file nor the JSON beside it states. */
  readonly missing: readonly string[];
  /** Order of the input's axes, [D, H, W] of its window where that is fixed, and the output that is used. */
  readonly axes?: string;
  readonly window?: readonly number[];
  readonly output?: string;
  readonly activation?: string;
  /** Whether it is recompiled to the fast kernels for three axes. */
  readonly fastKernels: Answer;
  /** Every output with what it is good for. */
  readonly outputs: readonly string[];
  /** Files of weights beside the model; a missing one is marked. */
  readonly weightFiles: readonly string[];
  readonly notes: readonly string[];
}

/** Stand for facts that are missing, so that what else is in the way shows. */
function placeholders(classes: number): Partial<ModelMetadata> {
  const labels = Array.from({ length: classes }, (_, value) => ({ value, name: `class ${value}` }));
  return { labels, channels: 1, normalize: 'none', activation: 'softmax' };
}

/** More classes than labels of two bytes can name. */
const MOST_CLASSES = 65_536;
const ANY_WINDOW = [64, 64, 64] as const;

type Readable = Pick<Files, 'read' | 'exists'>;

/** The model as it would be read, with the facts that are missing; or the refusal. */
async function tryToRead(
  files: Readable,
  path: string,
  { outputs }: DecodedModel,
): Promise<{ readonly file?: ModelFile; readonly missing: readonly string[]; readonly refusal?: string }> {
  let missing: readonly string[] = [];
  // as many classes as an output may have channels; its other axes may be of any size
  const sizes = outputs.flatMap(({ shape }) => shape.filter(isFixed)).filter(size => size <= MOST_CLASSES);
  const counts = [...new Set([2, ...sizes])];
  const guesses = counts.flatMap(count => [placeholders(count), { ...placeholders(count), patch: ANY_WINDOW }]);
  for (const assumed of [{}, ...guesses]) {
    try {
      return { file: await readModelFile(files, path, { assumed }), missing };
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      if (error instanceof MissingFactsError) missing = missing.length === 0 ? error.missing : missing;
      else if (!missing.includes('labels') || error.code !== 'E_MODEL_LABELS') {
        return { missing, refusal: `${error.code}: ${error.message}` };
      }
    }
  }
  return { missing };
}

function answer(refusal: string | undefined, missing: readonly string[]): Answer {
  if (refusal !== undefined) return `no: ${refusal}`;
  return missing.length === 0 ? 'yes' : `yes, once these are given: ${missing.join(', ')}`;
}

function fastKernels(model: DecodedModel, file: ModelFile | undefined, missing: readonly string[]): Answer {
  if (file === undefined || missing.includes('patch')) return 'not known: the window is not';
  const { info, metadata } = file;
  if (!metadata.axes.includes('Z')) return 'no: ONNX Runtime has fast kernels for planes by itself';
  const shape = modelShape([info.batch ?? 1, info.channels, ...info.patch], metadata.axes);
  // as it is loaded: with the weights of other files inside
  const whole = model.external.some(one => one !== undefined) ? decodeModel(file.bytes, file.path) : model;
  const graph = importModel(whole, { input: { name: info.inputName, shape }, outputs: [info.outputName] });
  return 'unsupported' in graph ? `no: ${graph.unsupported}` : 'yes';
}

/** Every output in a line. */
function describeOutputs(model: DecodedModel, file: ModelFile | undefined): readonly string[] {
  const axes = file?.metadata.axes ?? 'NCZYX';
  const window = file && fixedTriple(file.info.patch);
  return candidateOutputs(model, { axes, window, statedSize: file?.info.output, channels: undefined }).map(
    ({ info, gives, reason }) =>
      `${info.name} [${info.shape.join(', ')}] ${elementTypeName(info.elementType)}: ${reason ?? (gives === 'scores' ? 'a number per class' : 'one label per voxel')}`,
  );
}

/**
 * What a model file can be used for.
 * @param bytes of the file
 */
export async function modelOutlook(files: Readable, path: string, bytes: Uint8Array): Promise<ModelOutlook> {
  const model = decodeModel(bytes, path);
  const { file, missing, refusal } = await tryToRead(files, path, model);
  const folder = path.split('/').slice(0, -1);
  const locations = [...new Set(model.external.flatMap(one => one?.location ?? []))];
  const weightFiles: string[] = [];
  for (const location of locations) {
    weightFiles.push((await files.exists([...folder, location].join('/'))) ? location : `${location} (missing)`);
  }
  const labels =
    file?.givesLabels === true ? `no: its output "${file.info.outputName}" is one label per voxel` : undefined;
  return {
    predict: answer(refusal, missing),
    teach: labels === undefined ? answer(refusal, missing) : (labels as Answer),
    missing,
    ...(file && { axes: file.metadata.axes, output: file.info.outputName }),
    ...(file && !missing.includes('patch') && { window: file.info.patch }),
    ...(file && !missing.includes('activation') && { activation: file.info.activation }),
    fastKernels: fastKernels(model, file, missing),
    outputs: describeOutputs(model, file),
    weightFiles,
    notes: (file?.notes ?? []).filter(({ isDoubt }) => isDoubt).map(({ text }) => text),
  };
}
