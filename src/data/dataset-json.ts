/**
 * Reads a dataset.json in any of three layouts: the Medical Segmentation Decathlon's and nnU-Net's version 1 (a list of
 * training files), and nnU-Net's version 2 (names by rule, the folder is the list; or a table of files). Text in,
 * description out; touches no files.
 * Source: http://medicaldecathlon.com and nnU-Net's documentation/dataset_format.md, region_based_training.md
 */
import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { checkJson, type JsonForm, parseJson } from '../runtime/json-file.ts';
import { FILE_ENDINGS, isImageName } from './volume-name.ts';

/** A class of a segmentation. */
export interface LabelClass {
  /** The value of its voxels; for a region the value with which it is written unless a later region covers it. */
  readonly value: number;
  readonly name: string;
  /**
   * The label values that make up a region. Regions may overlap; each is learned and scored by itself. Absent for plain
   * classes.
   */
  readonly region?: readonly number[];
}

/** The files of a case as a dataset.json lists them, relative to its folder. */
export interface ListedCase {
  /** Case id; from the name of the image, or of a label without one, if not given. */
  readonly id?: string;
  /** Images: one per channel, or one for all; none where the case is a label map alone. */
  readonly images: readonly string[];
  readonly label?: string;
}

export interface DatasetDescription {
  readonly name: string;
  readonly channels: readonly string[];
  /**
   * Background first; plain classes by consecutive values, regions in the order in which they are written over each
   * other.
   */
  readonly labels: readonly LabelClass[];
  /** nnU-Net's ignore label: the value of voxels that nobody has looked at. */
  readonly ignore?: number | undefined;
  /** The training files by name, or the ending of the files to look for in imagesTr and labelsTr. */
  readonly files: { readonly listed: readonly ListedCase[] } | { readonly ending: string };
}

const names = z.record(z.string(), z.string());

const decathlon = z.object({
  name: z.string().optional(),
  modality: names,
  labels: names,
  training: z
    .array(
      z
        .object({ image: z.string().min(1).optional(), label: z.string().min(1).optional() })
        .refine(({ image, label }) => image !== undefined || label !== undefined, 'needs an image, a label, or both'),
    )
    .min(1),
});

const nnunet = z.object({
  name: z.string().optional(),
  channel_names: names,
  labels: z.record(z.string(), z.union([z.number(), z.array(z.number()).min(1)])),
  regions_class_order: z.array(z.number()).optional(),
  file_ending: z.string(),
  dataset: z
    .record(z.string(), z.object({ images: z.array(z.string().min(1)).min(1), label: z.string().min(1).optional() }))
    .optional(),
});

const MOST_CLASSES = 256;
const LARGEST_LABEL = 65_535;

function refuseFormat(path: string, reason: string): InputError {
  return new InputError(
    'E_DATASET_FORMAT',
    `${path} is not a dataset.json of the Medical Segmentation Decathlon or of nnU-Net: ${reason}.`,
  );
}

function refuseLabels(path: string, reason: string): InputError {
  return new InputError('E_DATASET_LABELS', `${path}: ${reason}`);
}

function datasetFile<Content>(schema: z.ZodType<Content>): JsonForm<Content> {
  return {
    schema,
    code: 'E_DATASET_FORMAT',
    advice: 'It must be a dataset.json of the Medical Segmentation Decathlon or of nnU-Net.',
  };
}

/**
 * Texts under the keys "0", "1", ... in the order of the numbers.
 * @throws {InputError} E_DATASET_FORMAT if the keys are others
 */
export function orderedNames(byIndex: Readonly<Record<string, string>>, path: string): string[] {
  const entries = Object.entries(byIndex).sort(([left], [right]) => Number(left) - Number(right));
  if (entries.length === 0 || !entries.every(([key], index) => key === String(index))) {
    throw refuseFormat(path, `channels must be numbered "0", "1", ... and are ${JSON.stringify(Object.keys(byIndex))}`);
  }
  return entries.map(([, name]) => name);
}

function orderedLabels(labels: readonly LabelClass[], path: string): LabelClass[] {
  const sorted = [...labels].sort((left, right) => left.value - right.value);
  const distinct = new Set(sorted.map(label => label.name)).size === sorted.length;
  const consecutive = sorted.every(({ value }, index) => value === index);
  if (sorted.length < 2 || sorted.length > MOST_CLASSES || !distinct || !consecutive) {
    throw refuseLabels(
      path,
      `the labels are ${sorted.map(({ value, name }) => `${value} = "${name}"`).join(', ') || '(none)'}. ` +
        'They must start at 0 (background), go up by 1, have different names, and be 2 to 256.',
    );
  }
  return sorted;
}

/**
 * Region-based labels: each is a list of values (or one), and regions_class_order says what is written where a region
 * is found.
 */
function regionLabels(
  { labels, regions_class_order: order }: Pick<z.output<typeof nnunet>, 'labels' | 'regions_class_order'>,
  path: string,
): LabelClass[] {
  const regions = Object.entries(labels)
    .map(([name, values]) => ({ name, region: [...new Set([values].flat())].sort((a, b) => a - b) }))
    .filter(({ region }) => region.join() !== '0');
  const used = new Set(regions.flatMap(({ region }) => region));
  if (order?.length !== regions.length) {
    throw refuseLabels(
      path,
      `there are ${regions.length} regions (${regions.map(({ name }) => name).join(', ')}), so "regions_class_order" must list ` +
        `${regions.length} label values, the one that each region is written as; it is ${JSON.stringify(order) ?? 'missing'}.`,
    );
  }
  const isLabel = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= LARGEST_LABEL;
  const wrong = [...used].filter(value => !isLabel(value));
  if (wrong.length > 0)
    throw refuseLabels(path, `regions hold the values ${wrong.join(', ')}; allowed are 1 to 65,535.`);
  const unused = order.filter(value => !used.has(value));
  if (unused.length > 0) {
    throw refuseLabels(path, `"regions_class_order" names ${unused.join(', ')}, which no region holds.`);
  }
  if (new Set(order).size !== order.length) {
    throw refuseLabels(
      path,
      `"regions_class_order" is ${JSON.stringify(order)}; every region needs a value of its own.`,
    );
  }
  const background = Object.entries(labels).find(([, values]) => [values].flat().join() === '0')?.[0] ?? 'background';
  return [{ value: 0, name: background }, ...regions.map((one, index) => ({ ...one, value: order[index] as number }))];
}

/**
 * The classes of nnU-Net's `labels`: values, or lists of values that are regions.
 * @param path for messages
 * @throws {InputError} E_DATASET_LABELS
 */
export function nnunetLabels(
  content: Pick<z.output<typeof nnunet>, 'labels' | 'regions_class_order'>,
  path: string,
): LabelClass[] {
  const { labels } = content;
  const plain = Object.entries(labels).flatMap(([name, value]) => (typeof value === 'number' ? [{ name, value }] : []));
  return plain.length === Object.keys(labels).length ? orderedLabels(plain, path) : regionLabels(content, path);
}

/**
 * The classes without nnU-Net's ignore label, and its value: the one above all others.
 * @throws {InputError} E_DATASET_LABELS for an ignore label that is none
 */
function withoutIgnored(labels: z.output<typeof nnunet>['labels'], path: string) {
  const { ignore, ...learnt } = labels;
  if (ignore === undefined) return { learnt };
  const value = [ignore].flat();
  const highest = Math.max(0, ...Object.values(learnt).flat());
  if (value.length !== 1 || value[0] !== highest + 1 || highest >= LARGEST_LABEL) {
    throw refuseLabels(
      path,
      `the ignore label is ${JSON.stringify(ignore)}; it must be the value after the highest of the others, ${highest + 1}.`,
    );
  }
  return { learnt, ignore: value[0] };
}

function describeNnunet(content: object, path: string): Omit<DatasetDescription, 'name'> & { name?: string } {
  const parsed = checkJson(content, path, datasetFile(nnunet));
  const ending = parsed.file_ending;
  if (!isImageName(`case${ending}`)) {
    throw refuseFormat(path, `"file_ending" is "${ending}"; only ${FILE_ENDINGS} are read, convert the images`);
  }
  const { learnt, ignore } = withoutIgnored(parsed.labels, path);
  const listed = Object.entries(parsed.dataset ?? {}).map(([id, { images, label }]) => ({
    id,
    images,
    ...(label !== undefined && { label }),
  }));
  return {
    ...(parsed.name !== undefined && { name: parsed.name }),
    channels: orderedNames(parsed.channel_names, path),
    labels: nnunetLabels({ ...parsed, labels: learnt }, path),
    ...(ignore !== undefined && { ignore }),
    files: parsed.dataset === undefined ? { ending } : { listed },
  };
}

function describeDecathlon(content: object, path: string): Omit<DatasetDescription, 'name'> & { name?: string } {
  const parsed = checkJson(content, path, datasetFile(decathlon));
  const labels = Object.entries(parsed.labels).map(([value, name]) => ({ value: Number(value), name }));
  const listed = parsed.training.map(({ image, label }) => ({
    images: image === undefined ? [] : [image],
    ...(label !== undefined && { label }),
  }));
  return {
    ...(parsed.name !== undefined && { name: parsed.name }),
    channels: orderedNames(parsed.modality, path),
    labels: orderedLabels(labels, path),
    files: { listed },
  };
}

/**
 * Reads the text of a dataset.json; the layout is recognised by its fields. A list of test files is ignored.
 * @param path for messages
 * @throws {InputError} E_DATASET_FORMAT, E_DATASET_LABELS
 */
export function parseDatasetJson(text: string, path: string): DatasetDescription {
  const content = parseJson(text, path, datasetFile(z.looseObject({})));
  const described = 'channel_names' in content ? describeNnunet(content, path) : describeDecathlon(content, path);
  return { name: path.split('/').at(-2) ?? 'dataset', ...described };
}

/**
 * The values that voxels of a label file may have, background first. @param ignore the ignore label, if there is one
 */
export function labelValues(labels: readonly LabelClass[], ignore?: number): number[] {
  const named = [0, ...labels.flatMap(({ value, region }) => region ?? [value])];
  return [...new Set(ignore === undefined ? named : [...named, ignore])].sort((a, b) => a - b);
}
