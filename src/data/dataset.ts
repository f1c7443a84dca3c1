/**
 * A data set on disk: its name, channels, classes and cases. Reads dataset.json and the names of files through `Files`,
 * so it works with any source of files; see loaded-case.ts for voxels.
 */
import { InputError } from '../core/errors.ts';
import type { Files } from '../runtime/files.ts';
import { readText } from '../runtime/json-file.ts';
import { type CaseFiles, listCases } from './case-list.ts';
import { type DatasetDescription, type LabelClass, parseDatasetJson } from './dataset-json.ts';
import type { DataProblem } from './finding.ts';
import { labelRules } from './synthesis/label-rules.ts';
import type { SynthesisSettings } from './synthesis/settings.ts';
import { isImageName, volumeStem } from './volume-name.ts';

export interface Dataset {
  readonly name: string;
  readonly folder: string;
  readonly channels: readonly string[];
  /**
   * Background first; plain classes by consecutive values, regions in the order in which they are written over each
   * other.
   */
  readonly labels: readonly LabelClass[];
  /** Value of voxels that nobody has looked at, nnU-Net's ignore label; they count in no loss and in no score. */
  readonly ignore?: number | undefined;
  /** How images are painted of the cases that are label maps alone, and what the values of all label files are. */
  readonly synthesis?: SynthesisSettings | undefined;
  /** By id, those without a label among them. */
  readonly cases: readonly CaseFiles[];
}

/** A data set with all problems of its list of cases. */
export interface SurveyedDataset extends Dataset {
  /** Existing files of the cases that lack a file. */
  readonly broken: readonly CaseFiles[];
  readonly problems: readonly DataProblem[];
  /** Whether dataset.json lists the files, so that a case without a label is intentional. */
  readonly listsFiles: boolean;
}

const LISTED_IN_MESSAGES = 5;

/** What else than images with labels a data set may hold. */
export interface DatasetOptions {
  /**
   * How cases that are label maps alone are painted: then a data set may have such cases, and may be a plain folder of
   * label maps. null or not given: every case needs an image.
   */
  readonly synthesize?: SynthesisSettings | null | undefined;
}

/** The name of the channel that is painted. */
const PAINTED_CHANNEL = 'painted';

/** A folder without a dataset.json in which every volume is a label map. */
async function describeMaps(files: Files, root: string): Promise<DatasetDescription | undefined> {
  const names = await files.list(root).catch(() => []);
  const maps = names.filter(name => !name.startsWith('.') && isImageName(name)).sort();
  if (maps.length === 0) return undefined;
  return {
    name: root.split('/').at(-1) ?? 'dataset',
    channels: [PAINTED_CHANNEL],
    labels: [{ value: 0, name: 'background' }],
    files: { listed: maps.map(label => ({ id: volumeStem(label), images: [], label })) },
  };
}

/**
 * Reads a Decathlon or nnU-Net raw folder as far as possible: problems of single cases are listed beside the complete
 * ones.
 * @throws {InputError} E_DATASET_MISSING, E_DATASET_FORMAT, E_DATASET_LABELS, E_CHANNELS
 */
export async function surveyDataset(
  files: Files,
  folder: string,
  { synthesize = null }: DatasetOptions = {},
): Promise<SurveyedDataset> {
  const root = folder.replace(/(?<=.)\/+$/, '');
  const source = `${root}/dataset.json`;
  const isDescribed = await files.exists(source);
  const described = isDescribed
    ? parseDatasetJson(await readText(files, source), source)
    : synthesize && (await describeMaps(files, root));
  if (!described) {
    const kinds = 'Give the folder of a Medical Segmentation Decathlon task or of an nnU-Net raw data set';
    const maps = synthesize ? ', or of label maps' : '; a plain folder of label maps needs data.synthesize in a recipe';
    throw new InputError('E_DATASET_MISSING', `there is no dataset.json in ${root}. ${kinds}${maps}.`);
  }
  const listsFiles = 'listed' in described.files;
  const list = await listCases(files, root, { ...described, acceptsMaps: synthesize !== null });
  const { name, channels, labels, ignore } = described;
  const facts = { name, folder: root, listsFiles, ...list };
  if (synthesize === null) return { ...facts, channels, labels, ...(ignore !== undefined && { ignore }) };
  const hasImages = [...list.cases, ...list.broken].some(({ images }) => images.length > 0);
  if (hasImages && channels.length !== 1) {
    throw new InputError(
      'E_CHANNELS',
      `${source} names ${channels.length} channels (${channels.join(', ')}); an image that is painted has one. Leave data.synthesize out.`,
    );
  }
  const own = hasImages ? channels : [PAINTED_CHANNEL];
  return { ...facts, channels: own, labels: labelRules(synthesize).labels, synthesis: synthesize };
}

/**
 * Opens a data set and checks that every file of every case is there. Reads no voxels.
 * @throws {InputError} as surveyDataset; E_DATASET_FORMAT, E_DATASET_PATH, E_DATASET_CASES, E_CASE_MISSING, E_CHANNELS
 * for its files
 */
export async function openDataset(files: Files, folder: string, options: DatasetOptions = {}): Promise<Dataset> {
  const { problems, ...dataset } = await surveyDataset(files, folder, options);
  const [first] = problems;
  const { name, folder: root, channels, labels, ignore, synthesis, cases } = dataset;
  if (first === undefined) {
    const more = { ...(ignore !== undefined && { ignore }), ...(synthesis !== undefined && { synthesis }) };
    return { name, folder: root, channels, labels, ...more, cases };
  }
  const alike = problems.filter(({ code }) => code === first.code);
  const shown = alike.slice(0, LISTED_IN_MESSAGES).map(({ message }) => message);
  const more = problems.length > shown.length ? `; ${problems.length - shown.length} more problem(s)` : '';
  throw new InputError(
    first.code,
    `${dataset.folder} cannot be used: ${shown.join('; ')}${more}. ${first.advice} All problems: voxstill validate ${dataset.folder}`,
  );
}

/** A case with a problem of its own. */
export interface CaseProblem extends Pick<DataProblem, 'code'> {
  readonly id: string;
  /** What is wrong and what to do. */
  readonly message: string;
}

/** Problems that concern one case and leave no doubt about the others. */
const OF_ONE_CASE: readonly DataProblem['code'][] = ['E_CASE_MISSING', 'E_CHANNELS'];

/**
 * Opens a data set although files of some cases are missing, or are one channel more than dataset.json names.
 * @returns the data set without these cases, and the first problem of each of them, by id
 * @throws {InputError} as openDataset for every other problem
 */
export async function openDatasetBesideFailures(
  files: Files,
  folder: string,
): Promise<{ readonly dataset: Dataset; readonly failures: readonly CaseProblem[] }> {
  const { problems, ...surveyed } = await surveyDataset(files, folder);
  const byId = new Map<string, CaseProblem>();
  for (const { code, caseId, message, advice } of problems) {
    if (caseId === undefined || !OF_ONE_CASE.includes(code)) {
      await openDataset(files, folder);
      continue;
    }
    if (!byId.has(caseId)) byId.set(caseId, { id: caseId, code, message: `${message}. ${advice}` });
  }
  const { name, folder: root, channels, labels, ignore, cases } = surveyed;
  const whole = cases.filter(({ id }) => !byId.has(id));
  return {
    dataset: { name, folder: root, channels, labels, ...(ignore !== undefined && { ignore }), cases: whole },
    failures: [...byId.values()].sort((left, right) => (left.id < right.id ? -1 : 1)),
  };
}

/** Whether the case is segmented. */
export function isLabelled(item: CaseFiles): item is CaseFiles & { readonly label: string } {
  return item.label !== undefined;
}
