/** `voxstill demo`: the whole experiment on generated phantoms, without any data. */

import { nodeFiles } from '../../platform/node/files.ts';
import { runDemo } from '../../study/demo.ts';
import { freshFolder } from '../../study/folder.ts';
import type { DemoFlags } from '../flags/demo.ts';
import { reportRun } from '../run-text.ts';
import { type CommandSession, type Outcome, openLaboratory } from '../session.ts';

/** Runs the experiment on phantoms and reports it. */
export async function demo({ out, quick, seed, device }: DemoFlags, session: CommandSession): Promise<Outcome> {
  const laboratory = await openLaboratory(session, { device });
  const folder = out ?? (await freshFolder(nodeFiles, 'runs/demo'));
  await runDemo(laboratory, { out: folder, quick, seed, device, signal: session.signal });
  return reportRun(laboratory, folder);
}
