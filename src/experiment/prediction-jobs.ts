/**
 * What one call of `predict` segments: the files of each volume, and the path of its labels. The inputs are volumes,
 * DICOM series, folders of these, or the files of the channels of one volume, joined by commas. For models with several
 * channels, files of one folder with nnU-Net's names (`case_0000`, `case_0001`, ...) belong together.
 */
import { InputError } from '../core/errors.ts';
import { isDicomFolder, type VolumeSources } from '../data/volume-file.ts';
import { formatOfName, RESULT_ENDINGS, VOLUME_ENDINGS, volumeStem } from '../data/volume-name.ts';

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
  /** Whether the input is one volume: neither a folder of volumes nor several inputs. */
  readonly isSingle: boolean;
}

interface JobOptions {
  /** Paths as {@link PredictOptions.input} has them, at least one. */
  readonly inputs: readonly string[];
  readonly output: string;
  readonly series?: string | undefined;
  /** Number of channels of the model. */
  readonly channels: number;
}

const CHANNEL_SUFFIX = /_\d{4}$/;

function withoutSlash(path: string): string {
  return path.replace(/(?<=.)\/+$/, '');
}

/** The volumes that a path stands for: itself, its files, or its folders with a DICOM series each. */
async function volumesAt(sources: VolumeSources, path: string): Promise<readonly string[]> {
  const names = (await sources.files.list(path)).filter(name => !name.startsWith('.'));
  if (names.length === 0 && formatOfName(path) !== undefined) return [path];
  const volumes = names.filter(name => (formatOfName(name) ?? 'dicom') !== 'dicom');
  if (volumes.length > 0) return volumes.map(name => `${path}/${name}`);
  if (await isDicomFolder(sources, path)) return [path];
  const series: string[] = [];
  for (const name of names) if (await isDicomFolder(sources, `${path}/${name}`)) series.push(`${path}/${name}`);
  if (series.length > 0) return series;
  if (await isDicomFolder(sources, path, { nested: true })) return [path];
  throw new InputError(
    'E_NO_INPUT',
    `${path} is neither a volume (${VOLUME_ENDINGS}) nor a folder with volumes or DICOM series.`,
  );
}

/** The files that an input joins by commas; undefined for another input, and for a file with a comma in its name. */
async function channelFiles({ files }: VolumeSources, input: string): Promise<readonly string[] | undefined> {
  if (!input.includes(',') || (await files.exists(input))) return undefined;
  const paths = input.split(',').map(withoutSlash);
  if (!paths.includes('')) return paths;
  throw new InputError('E_NO_INPUT', `the input ${input} lacks a file before or after a comma.`);
}

/** Joins the files of one folder that nnU-Net's names make channels of one volume; a file given twice is taken once. */
function groupChannels(volumes: readonly (readonly string[])[], channels: number): readonly (readonly string[])[] {
  const groups = new Map<string, [string, ...string[]]>();
  for (const [path, ...others] of volumes as readonly (readonly [string, ...string[]])[]) {
    const folder = path.slice(0, path.lastIndexOf('/') + 1);
    const stem = volumeStem(path);
    const isNumbered = others.length === 0 && channels > 1 && CHANNEL_SUFFIX.test(stem);
    const key = isNumbered ? `${folder}${stem.replace(CHANNEL_SUFFIX, '')}/` : [path, ...others].join(',');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [path, ...others]);
    else if (isNumbered && !group.includes(path)) group.push(path);
  }
  return [...groups.values()];
}

/** The name of a result: that of the input, without the number of a channel where all files have the same name else. */
function resultName(inputs: readonly string[], channels: number): string {
  const [first, ...others] = inputs.map(volumeStem) as [string, ...string[]];
  const name = first.replace(CHANNEL_SUFFIX, '');
  return channels > 1 && others.every(stem => stem.replace(CHANNEL_SUFFIX, '') === name) ? name : first;
}

/** Path of the labels of a single volume: the requested file, or a file in the requested folder. */
function singleOutput(name: string, output: string): string {
  if (RESULT_ENDINGS.test(output)) return output;
  if (formatOfName(output) === undefined) return `${withoutSlash(output)}/${name}.nii.gz`;
  throw new InputError(
    'E_OUTPUT_NAME',
    `results are written as .nii.gz, .nrrd, .mha or .mgz, compressed in one file, not as ${output}.`,
  );
}

/** Refuses the jobs whose results would replace each other. */
function withoutCollisions(jobs: readonly PredictionJob[]): Pick<Jobs, 'jobs' | 'refusals'> {
  const byOutput = new Map<string, PredictionJob[]>();
  for (const job of jobs) byOutput.set(job.output, [...(byOutput.get(job.output) ?? []), job]);
  const isAlone = ({ output }: PredictionJob): boolean => byOutput.get(output)?.length === 1;
  const refusals = [...byOutput].flatMap(([output, [first, ...others]]) =>
    others.length === 0
      ? []
      : [first!, ...others].map(({ inputs }) => {
          const names = [first!, ...others].map(job => job.inputs.join(',')).join(' and ');
          const message = `the results of ${names} would all be ${output}. Rename them, or segment them one at a time.`;
          return { inputs, error: new InputError('E_OUTPUT_NAME', message) };
        }),
  );
  return { jobs: jobs.filter(isAlone), refusals };
}

/**
 * Finds the volumes of the inputs and names their results.
 * @throws {InputError} E_OUTPUT_NAME if several results cannot all be the file that `output` names; for a single input
 * also E_NO_INPUT, which is a refusal for one of several
 */
export async function predictionJobs(sources: VolumeSources, options: JobOptions): Promise<Jobs> {
  const { channels, series } = options;
  const [inputs, output] = [options.inputs.map(withoutSlash), withoutSlash(options.output)];
  const volumes: (readonly string[])[] = [];
  const refusals: Refusal[] = [];
  for (const input of inputs) {
    try {
      const files = await channelFiles(sources, input);
      if (files !== undefined) volumes.push(files);
      else if (series !== undefined) volumes.push([input]);
      else volumes.push(...(await volumesAt(sources, input)).map(path => [path]));
    } catch (error) {
      if (inputs.length === 1) throw error;
      refusals.push({ inputs: [input], error });
    }
  }
  const [first = []] = volumes;
  if (inputs.length === 1 && (first.length > 1 || first[0] === inputs[0])) {
    const name = first.length > 1 ? resultName(first, channels) : volumeStem(inputs[0]!);
    return { jobs: [{ inputs: first, output: singleOutput(name, output) }], refusals, isSingle: true };
  }
  if (formatOfName(output) !== undefined) {
    const what = inputs.length === 1 ? `${inputs[0]} is a folder` : `there are ${inputs.length} inputs`;
    throw new InputError('E_OUTPUT_NAME', `${what}, so --output must be a folder too, not ${output}.`);
  }
  const named = withoutCollisions(
    groupChannels(volumes, channels).map(files => ({
      inputs: files,
      output: `${output}/${resultName(files, channels)}.nii.gz`,
    })),
  );
  return { jobs: named.jobs, refusals: [...refusals, ...named.refusals], isSingle: false };
}
