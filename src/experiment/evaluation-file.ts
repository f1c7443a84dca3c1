/** Reads `evaluation.json`, ours or one made elsewhere to the same contract. Fields that are not known are left out. */
import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { postprocessingSchema, postprocessingTrialSchema } from '../recipe/postprocessing-schema.ts';
import type { Evaluation } from './record.ts';

/** JSON has no NaN, so a mean over nothing is null in the file. */
const nanAsNull = z
  .number()
  .nullable()
  .transform(value => value ?? Number.NaN);

const estimate = z.object({ mean: nanAsNull, ci95: z.tuple([nanAsNull, nanAsNull]), n: z.int().min(0) });
/** What the contract does not ask for may be missing. */
const unknownEstimate = { mean: Number.NaN, ci95: [Number.NaN, Number.NaN] as [number, number], n: 0 };
const moreEstimate = estimate.default(unknownEstimate);
const moreScore = z.number().nullable().default(null);

const classScore = z.object({
  presence: z.enum(['both', 'neither', 'reference-only', 'prediction-only']),
  dice: z.number().nullable(),
  iou: moreScore,
  sensitivity: moreScore,
  precision: moreScore,
  hd95Mm: z.number().nullable(),
  assdMm: z.number().nullable(),
  surfaceDice: z.number().nullable(),
  volumeMl: z.number(),
  referenceMl: z.number(),
  volumeErrorMl: moreScore,
  volumeErrorPercent: moreScore,
  ece: moreScore,
});

const reliabilityBin = z.object({
  voxels: z.number(),
  probability: z.number().nullable(),
  frequency: z.number().nullable(),
});

const evaluation = z.object({
  model: z.object({
    path: z.string(),
    sha256: z.string(),
    parameters: z.number(),
    multiplyAdds: nanAsNull,
    bytes: z.number(),
    secondsPerCase: nanAsNull,
    peakBytes: z.number(),
  }),
  dataset: z.string(),
  split: z.string(),
  cases: z.array(
    z.object({ id: z.string(), classes: z.record(z.string(), classScore), meanDice: z.number().nullable() }),
  ),
  summary: z.object({
    meanDice: estimate,
    classes: z.record(
      z.string(),
      z.object({
        dice: estimate,
        iou: moreEstimate,
        sensitivity: moreEstimate,
        precision: moreEstimate,
        hd95Mm: estimate,
        assdMm: estimate,
        surfaceDice: estimate,
        volumeErrorMl: moreEstimate,
        volumeErrorPercent: moreEstimate,
        ece: moreEstimate,
        bothEmpty: z.int(),
        oneEmpty: z.int(),
      }),
    ),
  }),
  calibration: z.record(z.string(), z.array(reliabilityBin)).default({}),
  postprocess: postprocessingSchema.default({}),
  postprocessTrials: z.array(postprocessingTrialSchema).default([]),
});

/**
 * Reads an evaluation.
 * @param path for messages
 * @throws {InputError} E_EVALUATION if the text is not JSON or not an evaluation, with every field that is wrong
 */
export function parseEvaluation(text: string, path: string): Evaluation {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw new InputError('E_EVALUATION', `${path} is not JSON: ${String(cause)}`, { cause });
  }
  const result = evaluation.safeParse(content);
  if (result.success) return result.data;
  const problems = result.error.issues.map(issue => `${path} ${issue.path.join('.')}: ${issue.message}`);
  throw new InputError('E_EVALUATION', problems.join('\n'));
}
