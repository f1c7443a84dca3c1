/** `voxstill predict`: segments volumes; a result has its input's exact grid and geometry. */

import { formatNumber, formatSeconds } from '../../core/format.ts';
import { predictFiles } from '../../experiment/predict.ts';
import type { PredictFlags } from '../flags/predict.ts';
import { readModels, windowChoice } from '../model-flags.ts';
import { type Outcome, openLaboratory, type Session } from '../session.ts';

/** Segments the volumes that the flags name. */
export async function predict(flags: PredictFlags, session: Session): Promise<Outcome> {
  const laboratory = await openLaboratory(session, null);
  const { input, output, series, probabilities } = flags;
  const predictions = await predictFiles(laboratory, {
    models: await readModels(laboratory, flags),
    input,
    output,
    series,
    probabilities,
    window: windowChoice(flags),
    postprocess: flags.postprocess,
    signal: session.signal,
  });
  const lines = predictions.map(({ output: path, seconds, volumesMl }) => {
    const volumes = Object.entries(volumesMl).map(([name, ml]) => `${name} ${formatNumber(ml, 2)} ml`);
    return `${path}: ${volumes.join(', ')} (${formatSeconds(seconds)})`;
  });
  return { json: { predictions }, text: lines.join('\n') };
}
