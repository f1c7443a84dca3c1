/**
 * What one call of `predict` segments: the files of each volume, and the path of its labels. The inputs are volumes,
 * DICOM series, folders of these, or the files of the channels of one volume, joined by commas. For models with several
 * channels, files of one folder with nnU-Net's names (`case_0000`, `case_0001`, ...) belong together.
 */
import { InputError } from '../core/errors.ts';
import { listSome } from '../core/format.ts';
import { isDicomFile, type VolumeSources } from '../data/volume-file.ts';
import { type FolderContents, type FolderVolume, type PassedOver, volumesIn } from '../data/volume-folder.ts';
import { formatOfName, RESULT_ENDINGS, VOLUME_ENDINGS, volumeStem } from '../data/volume-name.ts';
import { bidsPath, bidsProbabilitiesPath } from './bids.ts';

/** Files of one volume, and the path of its labels. */
export interface PredictionJob {
  readonly inputs: readonly string[];
  readonly output: string;
}

/** An input that is not segmented, and why. */
interface Refusal {
  readonly inputs: readonly string[];
  readonly error: unknown;
}

interface Jobs {
  readonly jobs: readonly PredictionJob[];
  readonly refusals: readonly Refusal[];
  /** What is in folders of the inputs and is no volume. */
  readonly passedOver: readonly PassedOver[];
  /** Whether the input is one volume: neither a folder of volumes nor several inputs. */
  readonly isSingle: boolean;
}

/** What is written beside the labels of a volume. */
export interface Beside {
  readonly probabilities: boolean;
  readonly entropy: boolean;
  /** Whether names are those of a BIDS derivative; then `output` is its folder. */
  readonly bids: boolean;
  /** Paths that are written for a single volume alone. */
  readonly single?: readonly string[];
}

interface JobOptions {
  /** Paths as {@link PredictOptions.input} has them, at least one. */
  readonly inputs: readonly string[];
  readonly output: string;
  /** Ending of results in a folder, without its dot. */
  readonly format?: string | undefined;
  readonly series?: string | undefined;
  /** What is written beside the labels. */
  readonly beside: Beside;
  /** Number of channels of the model. */
  readonly channels: number;
}

const CHANNEL_SUFFIX = /_\d{4}$/;

function withoutSlash(path: string): string {
  return path.replace(/(?<=.)\/+$/, '');
}

/** One file or DICOM series of a volume, and what results are called after. */
type Part = Pick<FolderVolume, 'path' | 'name'>;

/** What an input is: one volume, or those of a folder. */
interface Looked extends Omit<FolderContents, 'volumes'> {
  readonly volumes: readonly Part[];
  readonly isSingle: boolean;
}

function oneVolume(path: string): Looked {
  return { volumes: [{ path, name: volumeStem(path) }], passedOver: [], refused: [], isSingle: true };
}

/** The volumes that a path stands for: itself, or those in its folder and the DICOM series below. */
async function volumesAt(sources: VolumeSources, path: string, output: string): Promise<Looked> {
  const isFolder = (await sources.files.list(path)).length > 0;
  if (!isFolder && (formatOfName(path) !== undefined || (await isDicomFile(sources, path)))) return oneVolume(path);
  const contents = isFolder ? await volumesIn(sources, path, { except: output }) : undefined;
  const { volumes = [], refused = [], passedOver = [] } = contents ?? {};
  if (volumes.length === 0 && refused.length === 1 && refused[0]!.path === path) throw refused[0]!.error;
  if (volumes.length + refused.length > 0) {
    const isSingle = volumes.length === 1 && volumes[0]!.isDicom && refused.length === 0;
    return { volumes, refused, passedOver, isSingle };
  }
  const there = passedOver.map(one => `${one.path} (${one.reason})`);
  const found = there.length === 0 ? '' : ` It holds ${listSome(there, '; ')}.`;
  throw new InputError(
    'E_NO_INPUT',
    `${path} is neither a volume (${VOLUME_ENDINGS}) nor a folder with volumes or DICOM series.${found}`,
  );
}

/** What an input stands for, whichever way it is written. */
async function lookAt(
  sources: VolumeSources,
  input: string,
  { output, series }: Pick<JobOptions, 'output' | 'series'>,
): Promise<Omit<Looked, 'volumes'> & { readonly volumes: readonly (readonly Part[])[] }> {
  const files = await channelFiles(sources, input);
  if (files !== undefined) {
    return { ...oneVolume(input), volumes: [files.map(path => ({ path, name: volumeStem(path) }))] };
  }
  const looked = series === undefined ? await volumesAt(sources, input, output) : oneVolume(input);
  return { ...looked, volumes: looked.volumes.map(part => [part]) };
}

/** The files that an input joins by commas; undefined for another input, and for a file with a comma in its name. */
async function channelFiles({ files }: VolumeSources, input: string): Promise<readonly string[] | undefined> {
  if (!input.includes(',') || (await files.exists(input))) return undefined;
  const paths = input.split(',').map(withoutSlash);
  if (!paths.includes('')) return paths;
  throw new InputError('E_NO_INPUT', `the input ${input} lacks a file before or after a comma.`);
}

/** Joins the files of one folder that nnU-Net's names make channels of one volume; a file given twice is taken once. */
function groupChannels(volumes: readonly (readonly Part[])[], channels: number): readonly (readonly Part[])[] {
  const groups = new Map<string, [Part, ...Part[]]>();
  for (const [part, ...others] of volumes as readonly (readonly [Part, ...Part[]])[]) {
    const folder = part.path.slice(0, part.path.lastIndexOf('/') + 1);
    const isNumbered = others.length === 0 && channels > 1 && CHANNEL_SUFFIX.test(part.name);
    const paths = [part, ...others].map(({ path }) => path).join(',');
    const key = isNumbered ? `${folder}${part.name.replace(CHANNEL_SUFFIX, '')}/` : paths;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [part, ...others]);
    else if (isNumbered && !group.some(({ path }) => path === part.path)) group.push(part);
  }
  return [...groups.values()];
}

/** The name of a result: that of the input, without the number of a channel where all files have the same name else. */
function resultName(parts: readonly Part[], channels: number): string {
  const [first, ...others] = parts.map(part => part.name) as [string, ...string[]];
  const name = first.replace(CHANNEL_SUFFIX, '');
  return channels > 1 && others.every(stem => stem.replace(CHANNEL_SUFFIX, '') === name) ? name : first;
}

/** Path of the labels of a single volume: the requested file, or a file in the requested folder. */
function singleOutput(name: string, { output, format = 'nii.gz' }: Pick<JobOptions, 'output' | 'format'>): string {
  if (RESULT_ENDINGS.test(output)) return output;
  if (formatOfName(output) === undefined) return `${withoutSlash(output)}/${name}.${format}`;
  throw new InputError(
    'E_OUTPUT_NAME',
    `results are written as .nii.gz, .nrrd, .seg.nrrd, .mha or .mgz, compressed in one file, or as .dcm, not as ${output}.`,
  );
}

/** The path of the probabilities of a job's labels. */
export function probabilitiesPath(output: string, { bids }: Pick<Beside, 'bids'>): string {
  return bids ? bidsProbabilitiesPath(output) : output.replace(RESULT_ENDINGS, '_probabilities.nii.gz');
}

/** The path of the entropy of a job's labels, in their format where that has numbers. */
export function entropyPath(output: string): string {
  return output.replace(RESULT_ENDINGS, (_, ending: string) => {
    const format = { dcm: 'nii.gz', 'seg.nrrd': 'nrrd' }[ending.toLowerCase()] ?? ending;
    return `_entropy.${format}`;
  });
}

/** Every volume that a job writes. */
export function pathsOf({ output }: PredictionJob, beside: Beside): readonly string[] {
  return [
    output,
    ...(beside.probabilities ? [probabilitiesPath(output, beside)] : []),
    ...(beside.entropy ? [entropyPath(output)] : []),
    ...(beside.single ?? []),
  ];
}

/**
 * Refuses jobs whose results would replace each other, before any work. Names that differ in the case of letters alone
 * are one name to many file systems.
 */
function assertDistinct(jobs: readonly PredictionJob[], beside: Beside): void {
  const owners = new Map<string, string>();
  const clashes: string[] = [];
  for (const job of jobs) {
    const owner = job.inputs.join(',');
    for (const path of pathsOf(job, beside)) {
      const other = owners.get(path.toLowerCase());
      if (other === undefined) owners.set(path.toLowerCase(), owner);
      else clashes.push(`${other} and ${owner} (${path})`);
    }
  }
  if (clashes.length === 0) return;
  throw new InputError(
    'E_OUTPUT_NAME',
    `results of different inputs would have one name: ${listSome(clashes, '; ')}. Rename inputs, or segment them one at a time.`,
  );
}

/** Refuses files of a single volume where there are several. */
function assertNoSingles({ single = [] }: Beside): void {
  if (single.length === 0) return;
  throw new InputError(
    'E_OUTPUT_NAME',
    `${listSome(single, '; ')} can be written for one volume alone. Give one input, or segment them one at a time.`,
  );
}

/** The jobs of volumes with names of BIDS; a name that is none is a refusal, or an error for a single volume. */
function bidsJobs(
  volumes: readonly (readonly string[])[],
  { output, isSingle }: { readonly output: string; readonly isSingle: boolean },
): Pick<Jobs, 'jobs' | 'refusals'> {
  if (formatOfName(output) !== undefined) {
    throw new InputError('E_OUTPUT_NAME', `--bids writes a folder of files, so --output must be one, not ${output}.`);
  }
  const jobs: PredictionJob[] = [];
  const refusals: Refusal[] = [];
  for (const inputs of volumes) {
    try {
      jobs.push({ inputs, output: bidsPath(inputs, output) });
    } catch (error) {
      if (isSingle) throw error;
      refusals.push({ inputs, error });
    }
  }
  return { jobs, refusals };
}

/**
 * Finds the volumes of the inputs and names their results.
 * @throws {InputError} E_OUTPUT_NAME if several results cannot all be the file that `output` names, or would have one
 * name; E_BIDS_NAME; for a single input also E_NO_INPUT, which is a refusal for one of several
 */
export async function predictionJobs(sources: VolumeSources, options: JobOptions): Promise<Jobs> {
  const { channels, series, beside, format } = options;
  const [inputs, output] = [options.inputs.map(withoutSlash), withoutSlash(options.output)];
  const volumes: (readonly Part[])[] = [];
  const refusals: Refusal[] = [];
  const passedOver: PassedOver[] = [];
  let isSingle = false;
  for (const input of inputs) {
    try {
      const looked = await lookAt(sources, input, { output, series });
      volumes.push(...looked.volumes);
      refusals.push(...looked.refused.map(({ path, error }) => ({ inputs: [path], error })));
      passedOver.push(...looked.passedOver);
      isSingle = inputs.length === 1 && looked.isSingle;
    } catch (error) {
      if (inputs.length === 1) throw error;
      refusals.push({ inputs: [input], error });
    }
  }
  const [first] = volumes;
  if (beside.bids) {
    const groups = groupChannels(volumes, channels).map(parts => parts.map(({ path }) => path));
    const named = bidsJobs(groups, { output, isSingle });
    assertDistinct(named.jobs, beside);
    return { jobs: named.jobs, refusals: [...refusals, ...named.refusals], passedOver, isSingle };
  }
  if (isSingle && first !== undefined) {
    const path = singleOutput(resultName(first, channels), { output, format });
    const job = { inputs: first.map(part => part.path), output: path };
    assertDistinct([job], beside);
    return { jobs: [job], refusals, passedOver, isSingle };
  }
  if (formatOfName(output) !== undefined) {
    const what = inputs.length === 1 ? `${inputs[0]} is a folder` : `there are ${inputs.length} inputs`;
    throw new InputError('E_OUTPUT_NAME', `${what}, so --output must be a folder too, not ${output}.`);
  }
  assertNoSingles(beside);
  const jobs = groupChannels(volumes, channels).map(parts => ({
    inputs: parts.map(({ path }) => path),
    output: `${output}/${resultName(parts, channels)}.${format ?? 'nii.gz'}`,
  }));
  assertDistinct(jobs, beside);
  return { jobs, refusals, passedOver, isSingle };
}
