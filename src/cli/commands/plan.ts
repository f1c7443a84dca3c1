/** `voxstill plan DATASET`: measures a data set and writes a recipe for it. */
import { AXIS_NAMES, type Axis } from '../../core/axes.ts';
import { InputError } from '../../core/errors.ts';
import { formatNumber, formatShare, plural } from '../../core/format.ts';
import { type Dataset, openDataset } from '../../data/dataset.ts';
import { type Fingerprint, fingerprintDataset, type Spread } from '../../data/fingerprint.ts';
import { synthesisOfMaps } from '../../experiment/found-maps.ts';
import type { Laboratory } from '../../experiment/laboratory.ts';
import { type Plan, planCoarser, planExperiment } from '../../experiment/plan.ts';
import { divisionOf, formatPlan } from '../../experiment/plan-recipe.ts';
import { measurePlan } from '../../experiment/plan-time.ts';
import { spacingCeiling } from '../../experiment/spacing-ceiling.ts';
import { REGION_MARGIN_MM } from '../../recipe/evaluation-defaults.ts';
import type { PlanFlags } from '../flags/plan.ts';
import { planCascade } from '../plan-cascade.ts';
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

/** Plans networks that see whole cases. */
async function planWhole(
  { laboratory, signal }: { readonly laboratory: Laboratory; readonly signal: AbortSignal },
  fingerprint: Fingerprint,
  {
    full,
    coarser,
    opened,
    dataset,
  }: { readonly full: Plan; readonly coarser: Plan | undefined; readonly opened: Dataset; readonly dataset: string },
) {
  const plan = coarser ?? full;
  const { spacingMm } = plan;
  const { progress } = laboratory;
  const ceiling = coarser && (await spacingCeiling(laboratory, opened, { spacingMm, progress, signal }));
  const time = await measurePlan(laboratory, fingerprint, { plan, division: divisionOf(fingerprint) });
  const recipe = formatPlan(fingerprint, plan, { dataset, time, ...(ceiling && { instead: { full, ceiling } }) });
  return { plan, full, ceiling, time, recipe };
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
  const opened = await openDataset(files, folder, { synthesize });
  const dataset = (await files.realPath(fingerprint.folder)) ?? fingerprint.folder;
  const asked = { options, opened, dataset };
  const cascade = coarser && (await planCascade({ laboratory, signal }, fingerprint, { coarse: coarser, ...asked }));
  const planned = cascade ?? (await planWhole({ laboratory, signal }, fingerprint, { full, coarser, ...asked }));
  const { recipe, time, ceiling } = planned;
  if (out !== undefined) await files.write(out, recipe);
  const written = out === undefined ? [recipe.trimEnd()] : [`recipe: ${out}`, `train it with: voxstill run ${out}`];
  const end = [...(cascade === undefined ? [] : [cascade.text]), ...written].join('\n');
  const { grids: _, ...summary } = fingerprint;
  const warnings = absentClasses(fingerprint);
  const warned = warnings.map(({ code, message }) => `${code}: ${message}\n`).join('');
  return {
    json: {
      fingerprint: summary,
      plan: planned.plan,
      ...(cascade && { coarse: coarser }),
      time,
      ...(ceiling && { full: planned.full, ceiling }),
      recipe,
      warnings,
      ...(out !== undefined && { out }),
    },
    text: `${fingerprintText(fingerprint)}\n${warned}${end}`,
  };
}
