/** Coarse to fine in `plan`: one recipe that trains a network to find the region first, where that pays. */
import { formatShare } from '../core/format.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Fingerprint } from '../data/fingerprint.ts';
import type { Laboratory } from '../experiment/laboratory.ts';
import { armsOf, type Plan, type PlanOptions } from '../experiment/plan.ts';
import { type FinePlan, planFine } from '../experiment/plan-fine.ts';
import { divisionOf, formatPlan, type StageCosts } from '../experiment/plan-recipe.ts';
import { measureCascade, type PlanTime } from '../experiment/plan-time.ts';
import { type SpacingCeiling, spacingCeiling } from '../experiment/spacing-ceiling.ts';
import { estimateStepMs } from '../experiment/step-time.ts';
import { parameterCount } from '../nn/parameters.ts';
import { REGION_MARGIN_MM } from '../recipe/evaluation-defaults.ts';
import { trainingMemory } from '../training/costs.ts';

/** A cascade that pays. */
interface PlannedCascade {
  /** The plan of the arms, inside the region. */
  readonly plan: FinePlan;
  /** The plan at full resolution inside the region, where that of the arms is coarser. */
  readonly full: Plan | undefined;
  /** What its spacing costs at best, where it is coarser than the cases. */
  readonly ceiling: SpacingCeiling | undefined;
  readonly time: PlanTime;
  readonly recipe: string;
  /** What is printed of it. */
  readonly text: string;
}

/** Costs of the coarse stage: the student of the plan of whole cases, without a teacher. */
function costsOfCoarse(fingerprint: Fingerprint, coarse: Plan, { block, cores }: PlanOptions): StageCosts {
  const { model, step } = armsOf(fingerprint, coarse).alone;
  return {
    parameters: parameterCount(model.specs.filter(spec => spec.role !== 'buffer')),
    trainingBytes: trainingMemory(step, { block }),
    stepMs: estimateStepMs(model, step.imageShape, { cores }),
  };
}

/** What `plan` says of a cascade, with the share of a case that the fine stage sees. */
export function describeCascade(of: {
  readonly share: number;
  readonly coarseMm: readonly number[];
  readonly fineMm: readonly number[];
}): string {
  const [coarse, fine] = [of.coarseMm, of.fineMm].map(spacing => `${spacing.join(' x ')} mm`);
  return `what is labelled takes ${formatShare(of.share, 1)} of a case: the recipe trains a network at ${coarse} that finds this region, and all arms inside it at ${fine}`;
}

/**
 * Plans a cascade, where it pays.
 * @param asked.coarse the plan of whole cases, where that is coarser than the cases
 */
export async function planCascade(
  { laboratory, signal }: { readonly laboratory: Laboratory; readonly signal: AbortSignal },
  fingerprint: Fingerprint,
  asked: {
    readonly coarse: Plan;
    readonly options: PlanOptions;
    readonly opened: Dataset;
    /** Path of the data set, as the recipe names it. */
    readonly dataset: string;
  },
): Promise<PlannedCascade | undefined> {
  const { coarse, options, opened, dataset } = asked;
  const { progress } = laboratory;
  const fine = planFine(fingerprint, coarse, options);
  if (fine === undefined) return undefined;
  const { full, regionShare, ...plan } = fine;
  const { spacingMm } = plan;
  const ceiling = full && (await spacingCeiling(laboratory, opened, { spacingMm, progress, signal }));
  const time = await measureCascade(laboratory, fingerprint, { coarse, fine: plan, division: divisionOf(fingerprint) });
  const recipe = formatPlan(fingerprint, plan, {
    dataset,
    time,
    region: {
      coarse,
      costs: costsOfCoarse(fingerprint, coarse, options),
      marginMm: REGION_MARGIN_MM,
      share: regionShare,
    },
    ...(full && ceiling && { instead: { full, ceiling } }),
  });
  const text = describeCascade({ share: regionShare, coarseMm: coarse.spacingMm, fineMm: spacingMm });
  return { plan: fine, full, ceiling, time, recipe, text };
}
