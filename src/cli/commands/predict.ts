/** `voxstill predict`: segments volumes; a result has its input's exact grid and geometry. */

import { formatDice, formatInterval, formatNumber, formatSeconds } from '../../core/format.ts';
import type { PassedOver } from '../../data/volume-folder.ts';
import type { PredictionFailure } from '../../experiment/failure.ts';
import { type Prediction, predictFiles } from '../../experiment/predict.ts';
import { PLAUSIBILITY_CODES } from '../../inference/plausibility/bounds.ts';
import type { PredictFlags } from '../flags/predict.ts';
import { readCoarse, readModels, windowChoice } from '../model-flags.ts';
import { type CommandSession, type Outcome, openLaboratory } from '../session.ts';

function isAlarm(code: string): boolean {
  return code === 'W_CASCADE_EMPTY' || PLAUSIBILITY_CODES.some(known => known === code);
}

/** What the model expects of its own result, in one line; none where it gives no probabilities. */
function expectedDiceLines({ expectedDice, temperature }: Prediction): readonly string[] {
  if (expectedDice === undefined) return [];
  const classes = Object.entries(expectedDice).map(([name, { dice, interval }]) => {
    if (dice === null) return `${name} not found`;
    return `${name} ${formatDice(dice)}${interval === null ? '' : ` (${formatInterval(interval, formatDice)})`}`;
  });
  const isCalibrated = temperature !== null && temperature !== undefined;
  return [`  expected Dice: ${classes.join(', ')}${isCalibrated ? '' : '; not calibrated'}`];
}

/**
 * What `predict` prints: a line per result with its warnings below it, then the volumes that failed, which make the
 * exit code 1.
 */
export function predictionOutcome(
  predictions: readonly Prediction[],
  failed: readonly PredictionFailure[],
  passedOver: readonly PassedOver[] = [],
): Outcome {
  const lines = predictions.flatMap(prediction => {
    const { output: path, seconds, device, volumesMl, warnings, frame, frames } = prediction;
    const ofFrame = frame === undefined ? '' : `frame ${frame} of ${frames}, `;
    const volumes = Object.entries(volumesMl).map(([name, ml]) => `${name} ${formatNumber(ml, 2)} ml`);
    const result = `${path}: ${ofFrame}${volumes.join(', ')} (${formatSeconds(seconds)}${device === 'cpu' ? '' : ` by ${device}`})`;
    return [result, ...expectedDiceLines(prediction), ...warnings.map(({ code, message }) => `  ${code}: ${message}`)];
  });
  if (failed.length > 0) lines.push(`${failed.length} of ${failed.length + predictions.length} volumes failed:`);
  for (const { inputs, code, message } of failed) lines.push(`  ${inputs.join(', ')}: ${code}: ${message}`);
  return {
    json: { predictions, failed, passedOver },
    text: lines.join('\n'),
    exitCode: failed.length === 0 ? 0 : 1,
    isAlarming: predictions.some(({ warnings }) => warnings.some(({ code }) => isAlarm(code))),
  };
}

/** Segments the volumes that the flags name. */
export async function predict(flags: PredictFlags, session: CommandSession): Promise<Outcome> {
  const laboratory = await openLaboratory(session, flags);
  const { input, output, series, probabilities, entropy, bids, strict, format, segmentationType } = flags;
  const { rtstruct, measurements, surfaces, frame } = flags;
  const failed: PredictionFailure[] = [];
  const passedOver: PassedOver[] = [];
  const models = await readModels(laboratory, flags);
  const predictions = await predictFiles(laboratory, {
    models,
    coarse: await readCoarse(laboratory, flags, models),
    input,
    output,
    format,
    segmentationType,
    handover: { structureSet: rtstruct, measurements, surfaces },
    series,
    frame,
    probabilities,
    entropy,
    bids,
    window: windowChoice(flags),
    postprocess: flags.postprocess,
    strict,
    onFailure: failure => failed.push(failure),
    onPassedOver: one => passedOver.push(one),
    signal: session.signal,
  });
  return predictionOutcome(predictions, failed, passedOver);
}
