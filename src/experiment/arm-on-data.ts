/**
 * The plan of an arm on the data of a study, identified by a fingerprint of everything that its training depends on,
 * and its network once it is trained.
 */
import { InputError } from '../core/errors.ts';
import { partlyAnnotated } from '../data/annotated-classes.ts';
import type { Model } from '../training/forward.ts';
import { armContent } from './arm-content.ts';
import type { ArmOptions } from './arm-options.ts';
import { type ArmPlan, dataShape, planArm } from './arm-plan.ts';
import { armStore } from './arm-store.ts';
import { readStartRecord, type StartRecord, startsFromModel } from './start/start.ts';
import { assertValidates } from './watched-validation.ts';

/** The plan of an arm on these data, with a fingerprint of everything that its training depends on. */
export function planOnData({
  laboratory,
  recipe,
  data,
  arm,
  seed,
  teacher,
  start,
}: Omit<ArmOptions, 'folder' | 'label' | 'signal'> & {
  /** What its training starts from. */
  readonly start?: StartRecord | undefined;
}): ArmPlan & { readonly fingerprint: string } {
  const { labels, ignore } = data.dataset;
  const { sha256 } = laboratory.machine;
  assertValidates(recipe, arm, data.splits);
  const plan = planArm(recipe, arm, { ...dataShape(data.dataset), teacher: teacher?.inStep, start });
  const annotated = partlyAnnotated(data.dataset);
  const transfer = plan.unlabelled === 0 ? {} : data.transferHashes;
  const depends = [
    armContent(recipe, arm),
    seed,
    data.splits,
    data.hashes,
    transfer,
    labels,
    teacher?.sha256 ?? null,
    ...(ignore === undefined ? [] : [{ ignore }]),
    ...(annotated.length === 0 ? [] : [{ annotated }]),
    ...(data.coarse === undefined ? [] : [{ coarse: data.coarse.models.map(({ bytes }) => sha256(bytes)) }]),
    ...(start === undefined ? [] : [{ start: start.sha256 }]),
  ];
  const text = JSON.stringify(depends);
  return { ...plan, fingerprint: sha256(new TextEncoder().encode(text)) };
}

/** A network trained by this run, with its best parameters, as a frozen part of another arm's step. */
export async function trainedModel(options: ArmOptions): Promise<Model & { readonly theta: Float32Array }> {
  const { laboratory, folder } = options;
  const start = startsFromModel(options) ? await readStartRecord(laboratory.files, folder.start) : undefined;
  const { model, fingerprint } = planOnData({ ...options, start });
  const stored = await armStore(options, model, fingerprint).load();
  if (stored === undefined) {
    throw new InputError(
      'E_TEACHER_MISSING',
      `there is no checkpoint in ${options.folder.checkpoint}. Train the teacher first`,
    );
  }
  return { ...model, theta: stored.bestTheta };
}
