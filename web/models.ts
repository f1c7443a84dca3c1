/**
 * The models to choose from: those of the served run, and those that were dropped. All are checked when they are added.
 */
import { InputError } from '../src/core/errors.ts';
import type { MissingFactsError, ModelFile } from '../src/experiment/model-file.ts';
import type { ArmOverview, StudyOverview } from '../src/study/overview.ts';
import { droppedFiles } from './dropped-files.ts';
import { fetchOwn } from './own-files.ts';
import type { DroppedFile } from './protocol.ts';

/** What reads models, loaded with the first of them. */
const reader = () => import('../src/experiment/model-file.ts');

/** A model to choose, which may not be fetched yet. */
export interface ModelChoice {
  readonly name: string;
  /** @throws {InputError} as readModelFile */
  readonly read: () => Promise<ModelFile>;
}

/** The run or sweep that is served; undefined if there is none. */
export async function fetchStudy(): Promise<StudyOverview | undefined> {
  const response = await fetchOwn('run.json');
  return response.ok ? ((await response.json()) ?? undefined) : undefined;
}

function choiceOf({ label, model }: ArmOverview): readonly ModelChoice[] {
  if (model === undefined) return [];
  let file: Promise<ModelFile> | undefined;
  const fetchModel = async (): Promise<ModelFile> => {
    const response = await fetchOwn(`run/${model}`);
    if (!response.ok) throw new InputError('E_FILE_MISSING', `the server no longer has ${model}. Reload the page.`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    const { readModelFile } = await reader();
    return readModelFile({ read: async () => bytes, exists: async () => false }, model);
  };
  const read = (): Promise<ModelFile> => {
    // one that could not be fetched is asked for again
    file ??= fetchModel().catch(error => {
      file = undefined;
      throw error;
    });
    return file;
  };
  return [{ name: label, read }];
}

/** The models of a run or sweep. */
export function choicesOf({ arms }: StudyOverview): readonly ModelChoice[] {
  return arms.flatMap(choiceOf);
}

/** What to do about missing facts in a page, which has no flags. */
function missingFacts(path: string, { missing }: MissingFactsError): InputError {
  const name = path.replace(/^.*\//, '').replace(/\.onnx$/i, '.json');
  return new InputError(
    'E_MODEL_INFO',
    `${path} does not say its ${missing.join(', ')}. Write ${name} with them and open both files together, for example ` +
      '{ "labels": ["background", "tumour"], "normalize": "z-score", "activation": "softmax", "patch": [depth, height, width] }.',
  );
}

/**
 * The models among files, each with the JSON file of its name.
 * @throws {InputError} as readModelFile
 */
export async function readDroppedModels(dropped: readonly DroppedFile[]): Promise<readonly ModelChoice[]> {
  const files = droppedFiles(dropped);
  const choices: ModelChoice[] = [];
  const { MissingFactsError, readModelFile } = await reader();
  for (const { path } of dropped.filter(one => /\.onnx$/i.test(one.path))) {
    const file = await readModelFile(files, path).catch(error => {
      throw error instanceof MissingFactsError ? missingFacts(path, error) : error;
    });
    choices.push({ name: path.replace(/^.*\//, ''), read: async () => file });
  }
  return choices;
}
