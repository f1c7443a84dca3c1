/** The part of a recipe's schema for what is known of the classes beside their names. */
import { z } from 'zod';

/** Longest texts that DICOM takes, and no sign that would end or divide them. */
const text = (longest: number) =>
  z
    .string()
    .min(1)
    .max(longest)
    .regex(/^[^\\\p{Cc}]+$/u, 'text on one line without a backslash');

/** A code of a class, as recipes and models have it. */
export const structureCodeSchema = z.strictObject({
  value: text(16).describe('The code, for example "10200004" for the liver.'),
  scheme: text(16)
    .default('SCT')
    .describe('Designator of its coding scheme. SCT: SNOMED CT. FMA, DCM, 99LOCAL and so on.'),
  meaning: text(64).describe('What the code means, for people.'),
});

export const labelsSchema = z.strictObject({
  codes: z
    .record(z.string().min(1), structureCodeSchema)
    .default({})
    .describe(
      'What a class is, by class name, for results in DICOM and for 3D Slicer: { Liver: { value: "10200004", meaning: Liver } }. Stored with the model. Common structures are known by their names and need no code.',
    ),
});
