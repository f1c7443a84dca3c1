/** `voxstill collect FOLDER`: writes tables and report from the finished units of a run or sweep. */

import { createNodeSources } from '../../platform/node/laboratory.ts';
import { thisMachine } from '../../platform/node/provenance.ts';
import { countsText } from '../../report/unit-text.ts';
import { collectStudy } from '../../study/open-study.ts';
import { readStudy } from '../../study/read-study.ts';
import { assertUnchanged } from '../../study/units/changed-results.ts';
import { LEASE_MS } from '../../study/units/claim.ts';
import { countStates, readStates, type UnitReport, unitsToRestart } from '../../study/units/state.ts';
import type { CollectFlags } from '../flags/collect.ts';
import { lookOutside, lookOutsideIfAny } from '../outside-states.ts';
import { submitAgain } from '../resubmission.ts';
import type { CommandSession, Outcome } from '../session.ts';
import { reportStudy } from '../study-report.ts';

/** Writes tables and report of the finished units. */
export async function collect(
  study: string,
  { again }: CollectFlags,
  { progress, signal }: CommandSession,
): Promise<Outcome> {
  const sources = createNodeSources();
  const world = { files: sources.files, machine: thisMachine };
  const found = await readStudy(sources.files, study);
  await assertUnchanged(world, study);
  const look = async (): Promise<readonly UnitReport[]> => {
    const outside = again
      ? await lookOutside(sources.files, study)
      : await lookOutsideIfAny(sources.files, study, progress.warn);
    return readStates(world, found, outside);
  };
  let reports = await look();
  if (again && reports.some(({ state }) => state === 'running')) {
    progress.log('checking whether the units that seem to run are still running');
    await thisMachine.wait(LEASE_MS, signal);
    reports = await look();
  }
  // resubmit first, since there may be nothing to collect yet
  const places = again ? unitsToRestart(reports) : [];
  const submitted = await submitAgain(sources.files, { ...found, places });
  const { json, text } = await reportStudy(
    { ...sources, machine: thisMachine },
    study,
    await collectStudy(world, found, reports),
  );
  const counts = countStates(reports);
  const lines = [text, countsText(reports), ...(submitted === undefined ? [] : [submitted])];
  return { json: { ...json, counts }, text: lines.join('\n') };
}
