/** The fine stage of `plan`: its recipe beside that of the whole cases, and what is printed of it. */
import { InputError } from '../core/errors.ts';
import { formatShare } from '../core/format.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Fingerprint } from '../data/fingerprint.ts';
import type { Laboratory } from '../experiment/laboratory.ts';
import type { Plan, PlanOptions } from '../experiment/plan.ts';
import { type FinePlan, planFine } from '../experiment/plan-fine.ts';
import { formatPlan } from '../experiment/plan-recipe.ts';
import { spacingCeiling } from '../experiment/spacing-ceiling.ts';
import { REGION_MARGIN_MM } from '../recipe/evaluation-defaults.ts';
import { defaultRunFolder } from './recipe.ts';

/** Name of a recipe that is only printed. */
const UNNAMED_RECIPE = 'coarse.yaml';

/** A fine stage that pays. */
export interface FineStage {
  readonly plan: FinePlan;
  readonly recipe: string;
  /** File of the recipe; absent if it is not written. */
  readonly out?: string;
  /** What is printed. */
  readonly lines: readonly string[];
}

function textOf({ regionShare, spacingMm }: FinePlan): string {
  return `what is labelled lies in ${formatShare(regionShare, 0)} of a case: a fine stage at ${spacingMm.join(' x ')} mm inside that region pays`;
}

/**
 * Plans the fine stage, where it pays.
 * @param asked.coarse the plan of whole cases, where that is coarser than the cases
 * @param asked.out file of its recipe; that of the fine stage is beside it
 * @throws {InputError} E_OUT_EXISTS
 */
export async function planFineStage(
  { laboratory, signal }: { readonly laboratory: Laboratory; readonly signal: AbortSignal },
  fingerprint: Fingerprint,
  asked: {
    readonly coarse: Plan;
    readonly options: PlanOptions;
    readonly opened: Dataset;
    /** Path of the data set, as the recipe names it. */
    readonly dataset: string;
    readonly out: string | undefined;
  },
): Promise<FineStage | undefined> {
  const { coarse, options, opened, dataset } = asked;
  const { files, progress } = laboratory;
  const fine = planFine(fingerprint, coarse, options);
  if (fine === undefined) return undefined;
  const out = asked.out === undefined ? undefined : `${asked.out.replace(/\.ya?ml$/i, '')}-fine.yaml`;
  if (out !== undefined && (await files.exists(out))) {
    throw new InputError(
      'E_OUT_EXISTS',
      `${out}, the recipe of the fine stage, already exists. Remove it, or choose another file with --out.`,
    );
  }
  const { full, regionShare, ...plan } = fine;
  const { spacingMm } = plan;
  const ceiling = full && (await spacingCeiling(laboratory, opened, { spacingMm, progress, signal }));
  const recipe = formatPlan(fingerprint, plan, {
    dataset,
    region: { coarse: defaultRunFolder(asked.out ?? UNNAMED_RECIPE), marginMm: REGION_MARGIN_MM, share: regionShare },
    ...(full && ceiling && { instead: { full, ceiling } }),
  });
  const lines =
    out === undefined
      ? ['', `${textOf(fine)}; --out writes its recipe too`]
      : [textOf(fine), `recipe: ${out}`, `then: voxstill run ${out}`];
  return { plan: fine, recipe, ...(out !== undefined && { out }), lines };
}
