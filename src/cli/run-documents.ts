/**
 * Writes what leaves a run besides its report: model card, bill of materials, CLAIM checklist, and the scores of all
 * cases as CSV.
 */

import type { Machine } from '../experiment/machine.ts';
import { casesCsv } from '../metrics/case-table.ts';
import { parseRecipe } from '../recipe/parse.ts';
import { billOfMaterials } from '../report/documents/bill-of-materials.ts';
import { claimChecklist } from '../report/documents/claim.ts';
import { modelCard, modelCardText, type RunFacts } from '../report/documents/model-card.ts';
import type { ReportInput } from '../report/report.ts';
import { dataFactsOf, withoutFolders } from '../report/run-facts.ts';
import type { Files } from '../runtime/files.ts';
import { writeJson } from '../runtime/json-file.ts';
import type { ReadRun } from '../study/read-run.ts';

/** What the writing needs: files and hashes. */
interface DocumentsWorld {
  readonly files: Files;
  readonly machine: Pick<Machine, 'sha256'>;
}

/**
 * Writes the documents into the run's folder.
 * @returns their paths; only cases.csv where the run has no record of its data
 */
export async function writeRunDocuments(
  { files, machine }: DocumentsWorld,
  run: ReadRun,
  { comparison, evaluations }: Pick<ReportInput, 'comparison' | 'evaluations'>,
): Promise<readonly string[]> {
  const written: string[] = [];
  const writeText = async (name: string, text: string): Promise<void> => {
    await files.write(`${run.folder}/${name}`, text);
    written.push(`${run.folder}/${name}`);
  };
  const arms = Object.entries(evaluations).map(([name, { cases }]) => ({ name, cases }));
  await writeText('cases.csv', casesCsv(arms));
  const data = await dataFactsOf(files, run);
  if (data === undefined) return written;
  // paths of this machine have no place in what is passed on
  const recipe = parseRecipe(withoutFolders(run.recipe), { path: `${run.folder}/recipe.yaml` });
  const facts: RunFacts = { run, recipe, data, comparison, evaluations };
  const card = modelCard(facts);
  if (card !== undefined) {
    await writeText('model-card.md', modelCardText(card));
    await writeJson(files, `${run.folder}/model-card.json`, card);
    written.push(`${run.folder}/model-card.json`);
  }
  const { startedAt, dataHashes, versions } = run.record ?? {};
  // what does not change when a finished run is looked at again
  const identity = JSON.stringify({ recipe: run.recipe, startedAt, dataHashes, versions });
  const serial = machine.sha256(new TextEncoder().encode(identity));
  const bill = billOfMaterials(facts, { serial });
  if (bill !== undefined) {
    await writeJson(files, `${run.folder}/bom.cdx.json`, bill);
    written.push(`${run.folder}/bom.cdx.json`);
  }
  await writeText('CLAIM.md', claimChecklist(facts));
  return written;
}
