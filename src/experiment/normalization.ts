/** The normalisation of the recipe, completed by the numbers of the training cases if a method needs them. */
import { InputError } from '../core/errors.ts';
import type { CaseFiles } from '../data/case-list.ts';
import type { Dataset } from '../data/dataset.ts';
import { foregroundStatistics } from '../data/foreground-intensities.ts';
import type { ChannelNormalization } from '../data/normalize.ts';
import type { Recipe } from '../recipe/schema.ts';
import type { Progress } from '../runtime/progress.ts';

type Asked = Recipe['preprocess']['normalize'];
type AskedOfChannel = Exclude<Asked, readonly unknown[]>;

function perChannel(asked: Asked, { folder, channels }: Dataset): readonly AskedOfChannel[] {
  if (!isList(asked)) return channels.map(() => asked);
  if (asked.length === channels.length) return asked;
  throw new InputError(
    'E_CHANNELS',
    `preprocess.normalize lists ${asked.length} method(s), but ${folder} has ${channels.length} channel(s): ${channels.join(', ')}. ` +
      'Give one method for all, or one per channel.',
  );
}

function isList(asked: Asked): asked is readonly AskedOfChannel[] {
  return Array.isArray(asked);
}

/** Where the numbers come from. */
interface MeasuredData {
  readonly dataset: Dataset;
  /** The training cases. */
  readonly cases: readonly CaseFiles[];
  /** Intensities of the foreground of a case, one array per channel; undefined for a case without a label. */
  readonly foreground: (item: CaseFiles) => Promise<readonly Float32Array[] | undefined>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The normalisation of every channel. For `ct` the training cases are read once more; other cases are not used.
 * @throws {InputError} E_CHANNELS if the recipe does not fit the data set; E_INTENSITIES if ct finds nothing to measure
 */
export async function resolveNormalization(
  progress: Progress,
  asked: Asked,
  data: MeasuredData,
): Promise<readonly ChannelNormalization[]> {
  const { dataset, cases, foreground, signal } = data;
  const methods = perChannel(asked, dataset);
  if (!methods.includes('ct')) return methods as readonly ChannelNormalization[];
  const samples: (readonly Float32Array[])[] = [];
  const task = progress.task('measuring intensities', cases.length, 'case');
  for (const item of cases) {
    signal?.throwIfAborted();
    const sample = await foreground(item);
    if (sample !== undefined) samples.push(sample);
    task.update(samples.length);
  }
  task.finish();
  return methods.map((method, channel) => {
    if (method !== 'ct') return method;
    const statistics = foregroundStatistics(samples.map(sample => sample[channel] as Float32Array));
    if (statistics !== undefined) return { ct: statistics };
    throw new InputError(
      'E_INTENSITIES',
      `preprocess.normalize ct cannot measure the channel "${dataset.channels[channel]}": nothing is segmented in the training cases of ` +
        `${dataset.folder}, or all segmented voxels have one intensity. Choose another method.`,
    );
  });
}
