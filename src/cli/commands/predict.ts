/** `voxstill predict`: segments volumes; a result has its input's exact grid and geometry. */

import { formatNumber, formatSeconds } from '../../core/format.ts';
import type { PredictionFailure } from '../../experiment/failure.ts';
import { type Prediction, predictFiles } from '../../experiment/predict.ts';
import type { PredictFlags } from '../flags/predict.ts';
import { readModels, windowChoice } from '../model-flags.ts';
import { type CommandSession, type Outcome, openLaboratory } from '../session.ts';

/** What `predict` prints: a line per result, then the volumes that failed, which make the exit code 1. */
export function predictionOutcome(predictions: readonly Prediction[], failed: readonly PredictionFailure[]): Outcome {
  const lines = predictions.map(({ output: path, seconds, volumesMl }) => {
    const volumes = Object.entries(volumesMl).map(([name, ml]) => `${name} ${formatNumber(ml, 2)} ml`);
    return `${path}: ${volumes.join(', ')} (${formatSeconds(seconds)})`;
  });
  if (failed.length > 0) lines.push(`${failed.length} of ${failed.length + predictions.length} volumes failed:`);
  for (const { inputs, code, message } of failed) lines.push(`  ${inputs.join(', ')}: ${code}: ${message}`);
  return { json: { predictions, failed }, text: lines.join('\n'), exitCode: failed.length === 0 ? 0 : 1 };
}

/** Segments the volumes that the flags name. */
export async function predict(flags: PredictFlags, session: CommandSession): Promise<Outcome> {
  const laboratory = await openLaboratory(session, null);
  const { input, output, series, probabilities } = flags;
  const failed: PredictionFailure[] = [];
  const predictions = await predictFiles(laboratory, {
    models: await readModels(laboratory, flags),
    input,
    output,
    series,
    probabilities,
    window: windowChoice(flags),
    postprocess: flags.postprocess,
    onFailure: failure => failed.push(failure),
    signal: session.signal,
  });
  return predictionOutcome(predictions, failed);
}
