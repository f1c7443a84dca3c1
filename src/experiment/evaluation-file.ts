/**
 * Reads `evaluation.json`, written by voxstill or by another program in the same format. Unknown fields are dropped.
 */
import { z } from 'zod';
import { thresholdsSchema, thresholdTrialSchema } from '../recipe/schema/confidence.ts';
import { postprocessingSchema, postprocessingTrialSchema } from '../recipe/schema/postprocessing.ts';
import { DEVICE_KINDS } from '../runtime/device.ts';
import type { Files } from '../runtime/files.ts';
import { type JsonForm, readJson } from '../runtime/json-file.ts';
import type { Evaluation } from './record.ts';

/** JSON has no NaN, so a mean over no cases is null in the file. */
const nanAsNull = z
  .number()
  .nullable()
  .transform(value => value ?? Number.NaN);

const estimate = z.object({ mean: nanAsNull, ci95: z.tuple([nanAsNull, nanAsNull]), n: z.int().min(0) });
/** Default of estimates that the format does not require. */
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
  calibratedEce: moreScore,
  expectedDice: moreScore,
  lesionF1: moreScore,
  lesionDice: moreScore,
  panopticQuality: moreScore,
});

const reliabilityBin = z.object({
  voxels: z.number(),
  probability: z.number().nullable(),
  frequency: z.number().nullable(),
});

const confidence = z.object({
  temperature: z.number().nullable(),
  halfWidths: z.record(z.string(), z.number()),
  reliability: z.record(
    z.string(),
    z.object({
      n: z.int().min(0),
      spearman: z.number().nullable(),
      meanError: z.number().nullable(),
      meanAbsoluteError: z.number().nullable(),
      coverage: z.number().nullable(),
      intervals: z.int().min(0),
    }),
  ),
});

/** Fields in the order in which evaluateModel gives them: a copy of a file is the file again. */
const evaluation = z.object({
  model: z.object({
    path: z.string(),
    sha256: z.string(),
    parameters: z.number(),
    multiplyAdds: nanAsNull,
    bytes: z.number(),
    // absent in evaluations of earlier versions
    device: z.enum(DEVICE_KINDS).optional(),
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
        lesionF1: moreEstimate,
        lesionDice: moreEstimate,
        panopticQuality: moreEstimate,
        calibratedEce: moreEstimate,
        expectedDice: moreEstimate,
        bothEmpty: z.int(),
        oneEmpty: z.int(),
      }),
    ),
  }),
  calibration: z.record(z.string(), z.array(reliabilityBin)).default({}),
  postprocess: postprocessingSchema.default({}),
  postprocessTrials: z.array(postprocessingTrialSchema).default([]),
  thresholds: thresholdsSchema.default({}),
  thresholdTrials: z.array(thresholdTrialSchema).default([]),
  confidence: confidence.default({ temperature: null, halfWidths: {}, reliability: {} }),
  warnings: z.array(z.looseObject({ code: z.string(), message: z.string() })).optional(),
  failed: z.array(z.object({ id: z.string(), code: z.string(), message: z.string() })).optional(),
});

const evaluationFile: JsonForm<Evaluation> = {
  schema: evaluation,
  code: 'E_EVALUATION',
  advice:
    'Correct it, or remove it and have it made again with voxstill evaluate or by starting its run or sweep again.',
};

/**
 * Reads an evaluation.
 * @throws {InputError} E_EVALUATION if the file is not JSON or not an evaluation, naming the wrong fields
 */
export function readEvaluation(files: Pick<Files, 'read'>, path: string): Promise<Evaluation> {
  return readJson(files, path, evaluationFile);
}
