/**
 * What is chosen about a finished network on the validation cases, and goes into its file: its temperature, how near
 * its expected Dice is to the true one, thresholds of its classes (`decode: validated`) and its post-processing
 * (`postprocess: auto`). The cases are segmented once; twice for thresholds and where they are enough for the errors
 * of the expected Dice, which need the temperature.
 */
import type { CaseFiles } from '../data/case-list.ts';
import type { ModelInfo } from '../inference/model-info.ts';
import { FEWEST_FOR_INTERVAL } from '../metrics/expected-dice.ts';
import { fitTemperature } from '../metrics/temperature.ts';
import type { ThresholdTrial } from '../recipe/schema/confidence.ts';
import { type ArmOptions, regionsOf } from './arm-options.ts';
import { choosePostprocessing } from './choose-postprocessing.ts';
import { countThresholds, keptThresholds, tryThreshold, tryTogether } from './choose-thresholds.ts';
import { whyNotKept } from './judge-choice.ts';
import type { ModelMetadata } from './model-facts.ts';
import { readModelFile } from './model-file.ts';
import { openCascade } from './open-cascade.ts';
import { type LogitSampler, sampleLogits } from './sample-logits.ts';
import { observeValidation, type ValidationObserver } from './validation-pass.ts';
import { scoreValidation, type ValidationScores } from './validation-scores.ts';

/** The facts about a model that are chosen here. */
type Choices = Partial<
  Pick<
    ModelMetadata,
    | 'postprocess'
    | 'postprocessTrials'
    | 'thresholds'
    | 'thresholdTrials'
    | 'temperature'
    | 'temperatureFit'
    | 'expectedDiceErrors'
  >
>;

function fitted(sampler: LogitSampler, cases: number): Pick<Choices, 'temperature' | 'temperatureFit'> {
  const rows = sampler.rows();
  const fit = fitTemperature(rows);
  if (fit === undefined) return {};
  const { temperature, nllBefore, nllAfter } = fit;
  return { temperature, temperatureFit: { cases, voxels: rows.truth.length, nllBefore, nllAfter } };
}

/** What became of the thresholds, in words. */
function thresholdText(trials: readonly ThresholdTrial[], kept: Readonly<Record<string, number>>): string {
  const list = Object.entries(kept).map(([name, threshold]) => `${name} from ${threshold}`);
  const reasons = trials
    .filter(trial => trial.reason !== null && (trial.class === null || trial.reason !== 'no gain'))
    .map(trial => `${trial.class ?? 'all together'}: ${whyNotKept(trial)}`);
  if (list.length > 0) return `thresholds: ${list.join(', ')}`;
  return `thresholds: none, the most likely class wins; ${reasons.length === 0 ? 'no threshold helps' : reasons.join('; ')}`;
}

/** The thresholds that are kept in the end, by the scores without and with them. */
function judgedTogether(
  trials: readonly ThresholdTrial[],
  kept: Readonly<Record<string, number>>,
  scores: { readonly without: ValidationScores; readonly with: ValidationScores | undefined },
): { readonly thresholds: Readonly<Record<string, number>>; readonly trials: readonly ThresholdTrial[] } {
  if (scores.with === undefined) return { thresholds: {}, trials };
  const pairs = scores.without.meanDice.flatMap((before, index) => {
    const after = scores.with?.meanDice[index] ?? null;
    return before === null || after === null ? [] : [[before, after] as const];
  });
  const together = tryTogether(
    pairs.map(([before]) => before),
    pairs.map(([, after]) => after),
  );
  return { thresholds: together.kept ? kept : {}, trials: [...trials, together] };
}

function nonEmptyErrors(scores: ValidationScores | undefined): Pick<Choices, 'expectedDiceErrors'> {
  const errors = scores?.errors() ?? {};
  return Object.keys(errors).length === 0 ? {} : { expectedDiceErrors: errors };
}

/** Shows the validation cases to observers; the text says what for. */
type Look = (what: string, observers: readonly (ValidationObserver | undefined)[]) => Promise<void>;

/** Makes the choices of a model that is ready to run. */
async function choose(
  { laboratory, recipe, data, arm }: ArmOptions,
  { info, val, look }: { readonly info: ModelInfo; readonly val: readonly CaseFiles[]; readonly look: Look },
): Promise<Choices> {
  const cases = val.length;
  // regions are scored as a whole, but written over each other, so a step on label maps is not a step on a region
  const isAuto = recipe.postprocess === 'auto' && regionsOf(data) === undefined;
  const sampler = sampleLogits(info, cases);
  const counter = recipe.decode === 'validated' ? countThresholds(info) : undefined;
  const plain = isAuto ? scoreValidation(info, { pieces: true }) : undefined;
  await look('calibrating', [sampler, counter, plain]);
  const whole = val.filter(({ annotated }) => annotated === undefined).length;
  const temperature = fitted(sampler, whole);
  const tried = [...(counter?.scores() ?? [])].map(([name, scores]) => tryThreshold(name, scores));
  const candidates = keptThresholds(tried);
  const scoring = { temperature: temperature.temperature, pieces: false };
  const without = scoreValidation(info, scoring);
  const withThem =
    Object.keys(candidates).length > 0
      ? scoreValidation(info, { ...scoring, thresholds: candidates, pieces: isAuto })
      : undefined;
  if (withThem !== undefined || cases >= FEWEST_FOR_INTERVAL) {
    await look('checking the confidence of', [without, withThem]);
  }
  const { thresholds, trials } = judgedTogether(tried, candidates, { without, with: withThem });
  if (counter !== undefined) laboratory.progress.log(`${arm}: ${thresholdText(trials, thresholds)}`);
  const isThresholded = Object.keys(thresholds).length > 0;
  const post = isAuto ? choosePostprocessing(((isThresholded ? withThem : plain) ?? without).pieces) : undefined;
  if (post !== undefined) laboratory.progress.log(`post-processing of ${arm}: ${post.text}`);
  return {
    ...temperature,
    ...(counter && { thresholdTrials: [...trials] }),
    ...(isThresholded && { thresholds: { ...thresholds } }),
    ...nonEmptyErrors(isThresholded ? withThem : without),
    ...post?.chosen,
  };
}

/**
 * The choices about a model; of the recipe alone where there is no validation case.
 * @param model the file without them
 * @throws as observeValidation
 */
export async function choicesOf(options: ArmOptions, model: Uint8Array): Promise<Choices> {
  const { laboratory, recipe, data, arm, folder, signal } = options;
  const { dataset, splits } = data;
  const given = typeof recipe.postprocess === 'object' ? { postprocess: recipe.postprocess } : {};
  const cases = dataset.cases.filter(({ id }) => splits.val.includes(id));
  if (cases.length === 0) return given;
  const file = await readModelFile({ read: async () => model, exists: async () => false }, folder.model);
  const cascade = await openCascade(laboratory.engine, [file]);
  const look: Look = (what, observers) =>
    observeValidation(
      laboratory,
      { cascade, dataset, cases, window: recipe.evaluate, label: `${what} ${arm}`, signal },
      observers.filter(one => one !== undefined),
    );
  try {
    return { ...given, ...(await choose(options, { info: file.info, val: cases, look })) };
  } finally {
    await cascade.close();
  }
}
