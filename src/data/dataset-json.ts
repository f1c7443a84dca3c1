/**
 * What a dataset.json says, in either of two layouts: the Medical Segmentation Decathlon's (a list of training files) and nnU-Net's
 * raw format, version 2 (names by rule, the folder is the list). Text in, description out; touches no files.
 * Source: http://medicaldecathlon.com and nnU-Net's documentation/dataset_format.md
 */
import { z } from 'zod';
import { InputError } from '../core/errors.ts';

/** A class of a segmentation. */
export interface LabelClass {
  /** The value of its voxels. */
  readonly value: number;
  readonly name: string;
}

/** A file pair as a Decathlon dataset.json lists it, relative to its folder. */
export interface ListedCase {
  readonly image: string;
  readonly label?: string;
}

export interface DatasetDescription {
  readonly name: string;
  readonly channels: readonly string[];
  /** Background first, values consecutive. */
  readonly labels: readonly LabelClass[];
  /** The training files by name, or the ending of the files to look for in imagesTr and labelsTr. */
  readonly files: { readonly listed: readonly ListedCase[] } | { readonly ending: string };
}

const names = z.record(z.string(), z.string());

const decathlon = z.object({
  name: z.string().optional(),
  modality: names,
  labels: names,
  training: z.array(z.object({ image: z.string().min(1), label: z.string().min(1).optional() })).min(1),
});

const nnunet = z.object({
  name: z.string().optional(),
  channel_names: names,
  labels: z.record(z.string(), z.union([z.number(), z.array(z.number())])),
  file_ending: z.string(),
});

function refuseFormat(path: string, reason: string): InputError {
  return new InputError(
    'E_DATASET_FORMAT',
    `${path} is not a dataset.json of the Medical Segmentation Decathlon or of nnU-Net: ${reason}.`,
  );
}

function parseAs<T>(schema: z.ZodType<T>, content: unknown, path: string): T {
  const result = schema.safeParse(content);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw refuseFormat(path, `"${issue?.path.join('.') ?? ''}": ${issue?.message ?? 'not as expected'}`);
}

/** Texts under the keys "0", "1", ... in the order of the numbers. */
function orderedNames(byIndex: Readonly<Record<string, string>>, path: string): string[] {
  const entries = Object.entries(byIndex).sort(([left], [right]) => Number(left) - Number(right));
  if (entries.length === 0 || !entries.every(([key], index) => key === String(index))) {
    throw refuseFormat(path, `channels must be numbered "0", "1", ... and are ${JSON.stringify(Object.keys(byIndex))}`);
  }
  return entries.map(([, name]) => name);
}

function orderedLabels(labels: readonly LabelClass[], path: string): LabelClass[] {
  const sorted = [...labels].sort((left, right) => left.value - right.value);
  const distinct = new Set(sorted.map(label => label.name)).size === sorted.length;
  if (sorted.length < 2 || sorted.length > 256 || !distinct || !sorted.every(({ value }, index) => value === index)) {
    throw new InputError(
      'E_DATASET_LABELS',
      `${path} has the labels ${sorted.map(({ value, name }) => `${value} = "${name}"`).join(', ') || '(none)'}. ` +
        'They must start at 0 (background), go up by 1, have different names, and be 2 to 256.',
    );
  }
  return sorted;
}

function nnunetLabels(labels: Readonly<Record<string, number | number[]>>, path: string): LabelClass[] {
  const classes = Object.entries(labels).map(([name, value]) => {
    if (typeof value !== 'number') {
      throw new InputError(
        'E_DATASET_LABELS',
        `${path}: the label "${name}" is a region of several values (${value.join(', ')}). Regions are not supported; ` +
          'give every class a value of its own.',
      );
    }
    return { name, value };
  });
  if (Object.hasOwn(labels, 'ignore')) {
    throw new InputError(
      'E_DATASET_LABELS',
      `${path} has an "ignore" label. Partly labelled cases are not supported; remove the label and those cases.`,
    );
  }
  return orderedLabels(classes, path);
}

/**
 * Reads the text of a dataset.json; the layout is told apart by its fields.
 * @param path for messages
 * @throws {InputError} E_DATASET_FORMAT, E_DATASET_LABELS
 */
export function parseDatasetJson(text: string, path: string): DatasetDescription {
  let content: unknown;
  try {
    content = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw refuseFormat(path, `it is not JSON (${error instanceof Error ? error.message : String(error)})`);
  }
  if (typeof content !== 'object' || content === null) throw refuseFormat(path, 'it is not a JSON object');
  const folderName = path.split('/').at(-2) ?? 'dataset';
  if ('channel_names' in content) {
    const parsed = parseAs(nnunet, content, path);
    const ending = parsed.file_ending;
    if (ending !== '.nii.gz' && ending !== '.nii') {
      throw refuseFormat(path, `"file_ending" is "${ending}"; only .nii.gz and .nii are read, convert the images`);
    }
    return {
      name: parsed.name ?? folderName,
      channels: orderedNames(parsed.channel_names, path),
      labels: nnunetLabels(parsed.labels, path),
      files: { ending },
    };
  }
  const parsed = parseAs(decathlon, content, path);
  const labels = Object.entries(parsed.labels).map(([value, name]) => ({ value: Number(value), name }));
  return {
    name: parsed.name ?? folderName,
    channels: orderedNames(parsed.modality, path),
    labels: orderedLabels(labels, path),
    files: {
      listed: parsed.training.map(({ image, label }) => (label === undefined ? { image } : { image, label })),
    },
  };
}
