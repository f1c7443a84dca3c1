/**
 * The view of images as one file: an archive of session.json, which names images and model by their hashes, and of the
 * labels. Images and models are not in it. Knows no screen.
 */
import { z } from 'zod';
import { WARNING_CODES } from '../../src/core/error-codes.ts';
import { InputError, type WarningCode } from '../../src/core/errors.ts';
import { structureCodeSchema } from '../../src/recipe/schema/labels.ts';
import { formatJson, parseJson } from '../../src/runtime/json-file.ts';
import { POINTS } from '../measurements.ts';
import { refusedSession, SESSION_FILE, storedArchive, storedContents } from '../stored-archive.ts';

/** Version of the form of session.json. */
const FORM = 1;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits');
const text = z.string().max(4096);
const name = text.min(1);
const three = <T extends z.ZodType>(item: T) => z.tuple([item, item, item]).readonly();
const point = three(z.number());
const index = z.int().min(-1);
const share = z.number().min(0).max(1);
const labelValue = z.int().min(0).max(65_535);
const modelSchema = z.object({ name, sha256 });

const channelSchema = z.object({
  title: name,
  series: text.optional(),
  /** The one that was opened of an image with several, from 1. */
  frame: z.int().min(1).optional(),
  /** The first is the one that the others belong to. */
  files: z.array(z.object({ name, bytes: z.int().min(0), sha256 })).min(1),
});

const segmentationSchema = z.object({
  name,
  classes: z.array(
    z.object({
      value: labelValue,
      name,
      region: z.array(labelValue).min(1).readonly().optional(),
      code: structureCodeSchema.optional(),
    }),
  ),
  /** Absent of a reference. */
  model: modelSchema.optional(),
  madeAt: z.iso.datetime(),
  correctedAt: z.iso.datetime().optional(),
  cost: text,
  warnings: z.array(
    z.object({ code: z.custom<WarningCode>(code => Object.hasOwn(WARNING_CODES, String(code))), message: text }),
  ),
  hasEntropy: z.boolean(),
});

const measurementSchema = z
  .object({
    kind: z.enum(['length', 'angle', 'region']),
    plane: z.enum(['axial', 'coronal', 'sagittal']),
    points: z.array(point).readonly(),
  })
  .refine(({ kind, points }) => points.length === POINTS[kind], 'has a wrong number of points');

const viewSchema = z.object({
  layout: z.enum(['planes', 'axial', 'coronal', 'sagittal', 'render']),
  side: z.enum(['left', 'right']),
  opacity: share,
  labelsOnly: z.boolean(),
  surfaces: z.boolean(),
  uncertainty: z.boolean(),
  cut: z.enum(['none', 'left', 'right', 'anterior', 'posterior', 'superior', 'inferior']),
  cutShare: share,
  window: z.object({ low: z.number(), high: z.number() }).optional(),
  place: z
    .object({
      /** Voxel along right, anterior, superior. */
      crossHair: point,
      plane: z.enum(['axial', 'coronal', 'sagittal']),
      panMm: point,
      zoom: z.number().gt(0),
      azimuth: z.number(),
      elevation: z.number(),
    })
    .optional(),
});

const recordSchema = z.object({
  kind: z.literal('images'),
  form: z.literal(FORM, `must be ${FORM}; a later version of voxstill has written it`),
  voxstill: text,
  savedAt: z.iso.datetime(),
  image: z.object({
    name,
    /** None of the sample, which the page makes. */
    channels: z.array(channelSchema),
    sizeVoxels: three(z.int().min(1)),
    spacingMm: three(z.number().gt(0)),
    affine: z.array(z.number()).length(16).readonly(),
  }),
  /** The one that was chosen. */
  model: modelSchema.optional(),
  segmentations: z.array(segmentationSchema).max(200),
  shown: index,
  comparedWith: index,
  measurements: z.array(measurementSchema).max(10_000).readonly(),
  view: viewSchema,
});

/** Content of session.json. */
export type SessionRecord = z.infer<typeof recordSchema>;
export type SavedChannel = SessionRecord['image']['channels'][number];
export type SavedView = SessionRecord['view'];

/** A segmentation's own files, NIfTI. */
export interface SavedLabels {
  readonly labels: Uint8Array;
  readonly entropy?: Uint8Array | undefined;
}

export interface ImageSession {
  readonly record: SessionRecord;
  /** In the order of the record's segmentations. */
  readonly files: readonly SavedLabels[];
}

const pathOf = (what: 'labels' | 'entropy', place: number): string => `${what}/${place + 1}.nii.gz`;

/** The form of session.json of this version, for a record that is being made. */
export const SESSION_FORM = { kind: 'images', form: FORM } as const;

/** A session as one archive. */
export function encodeSession({ record, files }: ImageSession): Promise<Blob> {
  const stored = files.flatMap(({ labels, entropy }, place) => [
    { path: pathOf('labels', place), bytes: labels },
    ...(entropy ? [{ path: pathOf('entropy', place), bytes: entropy }] : []),
  ]);
  // last, so that an archive that has it is whole
  return storedArchive([...stored, { path: SESSION_FILE, bytes: new TextEncoder().encode(formatJson(record)) }]);
}

function isKnown(path: string): boolean {
  if (path === 'recipe.yaml') {
    const advice = 'Open that view, and press "Import a session".';
    throw new InputError('E_SESSION_FILE', `the file is a session of the view Distil. ${advice}`);
  }
  return path === SESSION_FILE || /^(labels|entropy)\/[1-9]\d{0,3}\.nii\.gz$/.test(path);
}

/**
 * Reads a session; labels are not decoded yet.
 * @throws {InputError} E_SESSION_FILE for another file, a damaged one, or one of the view Distil
 */
export async function decodeSession(archive: Blob): Promise<ImageSession> {
  const contents = await storedContents(archive, isKnown);
  const facts = contents.get(SESSION_FILE);
  if (facts === undefined) throw refusedSession(`it has no ${SESSION_FILE}`);
  const form = { schema: recordSchema, code: 'E_SESSION_FILE', advice: 'Save the session again.' } as const;
  const record = parseJson(new TextDecoder().decode(facts), SESSION_FILE, form);
  const wanted = (what: 'labels' | 'entropy', place: number): Uint8Array => {
    const bytes = contents.get(pathOf(what, place));
    if (bytes === undefined) throw refusedSession(`it has no ${pathOf(what, place)}`);
    return bytes;
  };
  const files = record.segmentations.map(({ hasEntropy }, place) => ({
    labels: wanted('labels', place),
    ...(hasEntropy && { entropy: wanted('entropy', place) }),
  }));
  return { record, files };
}
