/**
 * Writes the histories of a run as TensorBoard event files: `tensorboard --logdir RUN/tensorboard` shows them side by
 * side.
 */
import { encodeEventFile } from '../experiment/event-file.ts';
import { parseHistory } from '../experiment/history.ts';
import { TRAINED_ARMS } from '../experiment/record.ts';
import type { Files } from '../runtime/files.ts';
import { readText } from '../runtime/json-file.ts';
import { repeatsOf, runFolder } from '../study/folder.ts';
import { readRun } from '../study/read-run.ts';

/**
 * Writes a file for every arm, fold and seed that has a history, as far as they are trained.
 * @returns the folder of the event files
 */
export async function writeEventFiles(files: Files, folder: string): Promise<string> {
  const { record, repeats } = await readRun(files, folder);
  const out = `${folder}/tensorboard`;
  const startedAt = Date.parse(record?.startedAt ?? '1970-01-01T00:00:00Z') / 1000;
  const paths = runFolder(folder, repeats);
  for (const repeat of repeatsOf(repeats)) {
    for (const arm of TRAINED_ARMS) {
      const { folder: own, history } = paths.arm(arm, repeat);
      if (!(await files.exists(history))) continue;
      const rows = parseHistory(await readText(files, history), history);
      const name = own.slice(folder.length + 1);
      await files.write(
        `${out}/${name}/events.out.tfevents.${Math.floor(startedAt)}.voxstill`,
        encodeEventFile(rows, startedAt),
      );
    }
  }
  return out;
}
