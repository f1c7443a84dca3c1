/** `voxstill plan DATASET`: measures a data set and writes a recipe for it. */
import { AXIS_NAMES, type Axis } from '../../core/axes.ts';
import { InputError } from '../../core/errors.ts';
import { formatNumber, formatShare, plural } from '../../core/format.ts';
import { openDataset } from '../../data/dataset.ts';
import { type Fingerprint, fingerprintDataset, type Spread } from '../../data/fingerprint.ts';
import { synthesisOfMaps } from '../../experiment/found-maps.ts';
import { planCoarser, planExperiment } from '../../experiment/plan.ts';
import { divisionOf, formatPlan } from '../../experiment/plan-recipe.ts';
import { measurePlan } from '../../experiment/plan-time.ts';
import { spacingCeiling } from '../../experiment/spacing-ceiling.ts';
import { REGION_MARGIN_MM } from '../../recipe/evaluation-defaults.ts';
import { planFineStage } from '../fine-stage.ts';
import type { PlanFlags } from '../flags/plan.ts';
import { type CommandSession, type Outcome, openLaboratory } from '../session.ts';
import { alignColumns } from '../table.ts';

const BYTES_PER_GIGABYTE = 1e9;

function spreadText({ min, median, max }: Spread, digits: number): string {
  return `${formatNumber(median, digits)} (${formatNumber(min, digits)} to ${formatNumber(max, digits)})`;
}

/** The measurements as text, one row per axis, channel and class. */
function fingerprintText(fingerprint: Fingerprint): string {
  const { channels, classes, spacingMm, sizeVoxels } = fingerprint;
  const axes = AXIS_NAMES.map((name, axis) => [
    name,
    spreadText(sizeVoxels[axis as Axis], 0),
    spreadText(spacingMm[axis as Axis], 2),
  ]);
  const ofChannels = channels.map(({ name, foreground, nonZeroShare }) => [
    name,
    foreground === undefined
      ? 'nothing segmented'
      : `${formatNumber(foreground.mean, 1)} +- ${formatNumber(foreground.deviation, 1)}`,
    foreground === undefined ? '' : `${formatNumber(foreground.low, 1)} to ${formatNumber(foreground.high, 1)}`,
    formatShare(nonZeroShare, 1),
  ]);
  const ofClasses = classes.map(({ name, cases, voxelShare, volumeMl }) => [
    name,
    String(cases),
    formatShare(voxelShare, 1),
    volumeMl === undefined ? 'in no case' : spreadText(volumeMl, 2),
  ]);
  return [
    ...alignColumns([['axis', 'voxels: median (range)', 'mm'], ...axes]),
    ...alignColumns([['channel', 'intensity where segmented', '0.5 to 99.5 %', 'voxels not 0'], ...ofChannels]),
    ...alignColumns([['class', 'cases', 'share of voxels', 'ml: median (range)'], ...ofClasses]),
  ].join('\n');
}

function absentClasses({ classes, labelledCases }: Fingerprint) {
  const absent = classes.filter(({ cases }) => cases === 0).map(({ name }) => `"${name}"`);
  if (absent.length === 0) return [];
  const message = `none of the ${plural(labelledCases, 'labelled case')} has the class ${absent.join(', ')}, so no model can learn it. Check dataset.json and the labels.`;
  return [{ code: 'W_CLASS_ABSENT', message } as const];
}

/** Describes the data set and writes a recipe for it. */
export async function plan(
  folder: string,
  { out, memory, resolution, device }: PlanFlags,
  session: CommandSession,
): Promise<Outcome> {
  const { progress, signal } = session;
  const laboratory = await openLaboratory(session, { device });
  const { files, machine, engine } = laboratory;
  if (out !== undefined && (await files.exists(out))) {
    throw new InputError('E_OUT_EXISTS', `${out} already exists. Remove it, or choose another file with --out.`);
  }
  const synthesize = await synthesisOfMaps(laboratory, folder, { progress, signal });
  const measuring = { synthesize, progress, signal, regionMarginMm: REGION_MARGIN_MM };
  const fingerprint = await fingerprintDataset(laboratory, folder, measuring);
  if (fingerprint.foregroundShare === 0) {
    throw new InputError(
      'E_LABELS_EMPTY',
      `nothing is segmented in the ${fingerprint.labelledCases} labelled cases of ${folder}, so no network can learn from them. Check the label files.`,
    );
  }
  const { cores } = machine.provenance.host;
  const options = { memoryBytes: memory * BYTES_PER_GIGABYTE, cores, block: engine.block };
  const full = planExperiment(fingerprint, options);
  const coarser = resolution === 'full' ? undefined : planCoarser(fingerprint, full, options);
  const plan = coarser ?? full;
  const { spacingMm } = plan;
  const opened = await openDataset(files, folder, { synthesize });
  const ceiling = coarser && (await spacingCeiling(laboratory, opened, { spacingMm, progress, signal }));
  const dataset = (await files.realPath(fingerprint.folder)) ?? fingerprint.folder;
  const asked = { options, opened, dataset, out };
  const fine = coarser && (await planFineStage({ laboratory, signal }, fingerprint, { coarse: coarser, ...asked }));
  const time = await measurePlan(laboratory, fingerprint, { plan, division: divisionOf(fingerprint) });
  const recipe = formatPlan(fingerprint, plan, { dataset, time, ...(ceiling && { instead: { full, ceiling } }) });
  if (out !== undefined) await files.write(out, recipe);
  if (fine?.out !== undefined) await files.write(fine.out, fine.recipe);
  const written = out === undefined ? [recipe.trimEnd()] : [`recipe: ${out}`, `train it with: voxstill run ${out}`];
  const end = [...written, ...(fine?.lines ?? [])].join('\n');
  const { grids: _, ...summary } = fingerprint;
  const warnings = absentClasses(fingerprint);
  const warned = warnings.map(({ code, message }) => `${code}: ${message}\n`).join('');
  return {
    json: {
      fingerprint: summary,
      plan,
      time,
      ...(ceiling && { full, ceiling }),
      recipe,
      ...(fine && { fine: { plan: fine.plan, recipe: fine.recipe, ...(fine.out !== undefined && { out: fine.out }) } }),
      warnings,
      ...(out !== undefined && { out }),
    },
    text: `${fingerprintText(fingerprint)}\n${warned}${end}`,
  };
}
