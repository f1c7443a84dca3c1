/**
 * The start of a training from another model: what fits of it, how its images were prepared otherwise, and the record
 * of both in the folder of the arm (`start.json`), by which a training that goes on holds the file against the one that
 * it began with.
 */
import { z } from 'zod';
import { InputError, invariant } from '../../core/errors.ts';
import { formatWhole, listSome } from '../../core/format.ts';
import { elementCount, formatShape } from '../../core/shape.ts';
import { ChannelProblem, channelSpaces } from '../../nn/channel-spaces.ts';
import { collectParameters, type ParameterSpec, parameterCount } from '../../nn/parameters.ts';
import { architectureOf } from '../../recipe/network.ts';
import type { NetworkSettings } from '../../recipe/schema/network.ts';
import { isFinished } from '../../recipe/schema/teacher.ts';
import type { Recipe } from '../../recipe/schema.ts';
import type { Files } from '../../runtime/files.ts';
import { readJson, writeJson } from '../../runtime/json-file.ts';
import type { VolumeWarning } from '../../volume/geometry.ts';
import { type ArmOptions, activationOf } from '../arm-options.ts';
import { dataShape, logitChannels, planArm } from '../arm-plan.ts';
import { keyOfArm } from '../record.ts';
import { fitStart, type StartedNetwork, type StartFit } from './fit.ts';
import { channelNames, readStart, type StartSource, startFile } from './source.ts';
import { fitStrongest, type NarrowNetwork } from './strongest.ts';
import { namedAfter } from './structure.ts';

const names = z.array(z.string()).readonly();
const shape = z.array(z.int().min(0)).readonly();

const recordSchema = z.object({
  source: z.string(),
  sha256: z.string(),
  fitted: names,
  partly: names,
  classes: names,
  newClasses: names,
  otherShape: z.array(z.object({ name: z.string(), shape, source: shape })).readonly(),
  missing: names,
  unused: names,
  /** Where channels of a wider network were chosen: those that are kept, by the kernel that makes them. */
  channels: z.record(z.string(), z.array(z.int().min(0)).readonly()).optional(),
  warnings: names,
});

/** What a training started from and what of it fitted, as `start.json` has it. */
export type StartRecord = Readonly<z.output<typeof recordSchema>>;

/** An opened start. */
export interface Start {
  readonly record: StartRecord;
  readonly warnings: readonly VolumeWarning[];
  /** Replaces what fits in the initial parameters, which are in the order of these specs. */
  readonly apply: (theta: Float32Array, specs: readonly ParameterSpec[]) => void;
}

type TrainedSettings = NetworkSettings & Pick<Recipe['student'], 'train'>;

/** The settings of an arm's network; undefined for a teacher that is a finished model. */
function settingsOf({ recipe, arm }: Pick<ArmOptions, 'recipe' | 'arm'>): TrainedSettings | undefined {
  if (arm !== 'teacher') return recipe.student;
  return isFinished(recipe.teacher) ? undefined : recipe.teacher;
}

/** Whether an arm starts from the strongest channels of its teacher; the baseline has none. */
export function startsFromTeacher({ recipe, arm }: Pick<ArmOptions, 'recipe' | 'arm'>): boolean {
  return arm === 'student' && recipe.student.from === 'teacher';
}

/** Whether the training of an arm starts from a model. */
export function startsFromModel(options: Pick<ArmOptions, 'recipe' | 'arm'>): boolean {
  return startsFromTeacher(options) || typeof settingsOf(options)?.train.from === 'string';
}

type Named = Pick<ArmOptions, 'recipe' | 'data' | 'arm'>;

function classesOf({ recipe, data }: Pick<Named, 'recipe' | 'data'>): readonly string[] {
  return channelNames({ labels: [...data.dataset.labels], activation: activationOf(recipe) });
}

/** The network of an arm, with the parameters that have a row per class. */
function networkOf({ recipe, data, arm }: Named): StartedNetwork {
  const settings = settingsOf({ recipe, arm }) as TrainedSettings;
  const { model, step } = planArm(recipe, arm, dataShape(data.dataset));
  const classes = logitChannels(recipe, data.dataset.labels.length);
  const wider = collectParameters(architectureOf(settings, classes + 1).network, step.imageShape);
  const widerShape = new Map(wider.map(({ name, shape }) => [name, String(shape)]));
  return {
    specs: model.specs,
    classParameters: new Set(
      model.specs.filter(({ name, shape }) => widerShape.get(name) !== String(shape)).map(({ name }) => name),
    ),
    classes: classesOf({ recipe, data }),
  };
}

function regionOf({ cascade }: Recipe): number | string {
  return cascade?.marginMm ?? 'whole volumes';
}

/** Where the images or classes of the source were others, one sentence each with both values. */
function differences(
  { recipe, data }: Pick<ArmOptions, 'recipe' | 'data'>,
  { facts, classes, path }: StartSource,
): readonly string[] {
  if (facts === undefined) {
    return [
      `nobody says which classes ${path} knows and how its images were prepared${classes === undefined ? '; channels of the last layer are taken over by their number' : ''}`,
    ];
  }
  const { preprocess } = recipe;
  if (facts.nnunet !== undefined) {
    const { spacingMm, normalize } = facts.nnunet;
    return [
      `${path} has nnU-Net's preparation of images: spacing in mm ${JSON.stringify(spacingMm)}, normalisation ${JSON.stringify(normalize)}; here ${JSON.stringify(preprocess.spacingMm)} and ${JSON.stringify(data.normalize)}`,
    ];
  }
  const pairs: readonly (readonly [what: string, source: unknown, here: unknown])[] = [
    ['channels', facts.channels, data.dataset.channels.length],
    ['normalisation', facts.normalize, data.normalize],
    ['spacing in mm', facts.spacingMm, preprocess.spacingMm],
    ['orientation', facts.orientation ?? 'stored', preprocess.orientation === 'canonical' ? 'RAS' : 'stored'],
    ['crop', facts.crop ?? 'none', preprocess.crop],
    ['margin of the region in mm', facts.cascade?.marginMm ?? 'whole volumes', regionOf(recipe)],
    ['interpolation of images', facts.imageInterpolation, preprocess.imageInterpolation],
    ['activation', facts.activation, activationOf(recipe)],
  ];
  const text = (value: unknown): string => {
    const [first, ...others] = [value].flat();
    return typeof first === 'string' && others.length === 0 ? first : JSON.stringify(value);
  };
  return pairs
    .filter(([, source, here]) => JSON.stringify(source) !== JSON.stringify(here))
    .map(([what, source, here]) => `${what}: ${text(source)} in ${path}, ${text(here)} here`);
}

function assertUsable(
  { fitted, partly, otherShape, missing }: StartFit,
  { network, theta, key, path }: { network: StartedNetwork; theta: Float32Array; key: string; path: string },
): void {
  const kernels = network.specs.filter(({ role }) => role === 'kernel').map(({ name }) => name);
  if (!kernels.some(name => fitted.includes(name) || partly.includes(name))) {
    const wrong = otherShape.map(
      ({ name, shape, source }) => `${name} is ${formatShape(source)} there and ${formatShape(shape)} here`,
    );
    throw new InputError(
      'E_START',
      `${key}: nothing of ${path} fits this network: ${listSome([...wrong, ...missing.map(name => `${name} is not there`)])}. Start from a model of the same family with the same features, or leave the key out.`,
    );
  }
  assertFinite(theta, key, path);
}

function assertFinite(theta: Float32Array, key: string, path: string): void {
  if (theta.every(Number.isFinite)) return;
  throw new InputError('E_START', `${key}: ${path} has parameters that are NaN or infinite. Start from another file.`);
}

/** The student's network with the spaces of its channels. @throws {InputError} E_START */
function narrowNetwork({ recipe, data }: Pick<Named, 'recipe' | 'data'>): NarrowNetwork {
  const { model, step } = planArm(recipe, 'student', dataShape(data.dataset));
  try {
    const spaces = channelSpaces(model.network, step.imageShape);
    return { specs: model.specs, spaces, classes: classesOf({ recipe, data }) };
  } catch (cause) {
    if (!(cause instanceof ChannelProblem)) throw cause;
    throw new InputError(
      'E_START',
      `student.from: channels of this network cannot be chosen, because ${cause.message}. Leave student.from out.`,
      { cause },
    );
  }
}

/** The student's start from a teacher's strongest channels. */
function startFromStrongest(options: Pick<Named, 'recipe' | 'data'>, source: StartSource): Start {
  const network = narrowNetwork(options);
  const theta = new Float32Array(parameterCount(network.specs));
  const fit = fitStrongest(theta, network, source);
  assertFinite(theta, 'student.from', source.path);
  const found = differences(options, source);
  return {
    record: { source: source.path, sha256: source.sha256, ...fit, warnings: found },
    warnings: found.map(text => ({ code: 'W_START', message: `student.from: ${text}.` })),
    apply: (initial, specs) => void fitStrongest(initial, { ...network, specs }, source),
  };
}

/**
 * Checks that a student lies in a teacher that is still to be trained.
 * @throws {InputError} E_START
 */
export function assertLiesInTeacher({ recipe, data }: Pick<Named, 'recipe' | 'data'>): void {
  const { model } = planArm(recipe, 'teacher', dataShape(data.dataset));
  const tensors = model.specs.map(({ name, shape }) => {
    return [name, { shape, data: new Float32Array(elementCount(shape)) }] as const;
  });
  const network = narrowNetwork({ recipe, data });
  fitStrongest(new Float32Array(parameterCount(network.specs)), network, {
    path: 'the teacher',
    sha256: '',
    tensors: new Map(tensors),
    classes: network.classes,
    facts: undefined,
  });
}

/**
 * Reads a source; one without names of ours is named after the network.
 * @throws {InputError} E_START, and as {@link readStart}
 */
async function namedStart(
  { laboratory, ...own }: StartOptions,
  { path, key }: { readonly path: string; readonly key: string },
): Promise<StartSource> {
  const settings = settingsOf(own) as TrainedSettings;
  const { model } = planArm(own.recipe, own.arm, dataShape(own.data.dataset));
  const source = await readStart(
    laboratory,
    path,
    model.specs.map(({ name }) => name),
  );
  if (!('file' in source)) return source;
  if (startsFromTeacher(own)) {
    throw new InputError(
      'E_START',
      `${key}: the parameters of ${path} have no names of voxstill, so its channels cannot be identified. Train a network of the same layers from it by teacher.train.from, or leave the key out.`,
    );
  }
  return namedAfter(laboratory.engine, { ...source, classes: channelNames(source.file.metadata), settings, key });
}

/** What a start needs: the arm, and the model file of the student's teacher where it starts from that. */
export type StartOptions = Pick<ArmOptions, 'laboratory' | 'recipe' | 'data' | 'arm' | 'teacherModel'>;

/**
 * Opens what the training of an arm starts from; undefined if it starts at random.
 * @throws {InputError} E_START if nothing fits, and as {@link readStart}
 */
export async function openStart(options: StartOptions): Promise<Start | undefined> {
  const { laboratory, arm, teacherModel } = options;
  if (startsFromTeacher(options)) {
    invariant(teacherModel !== undefined, 'a student that starts from its teacher is given its file');
    const key = 'student.from';
    return startFromStrongest(options, await namedStart(options, { path: teacherModel, key }));
  }
  const from = settingsOf(options)?.train.from;
  if (typeof from !== 'string') return undefined;
  const key = `${keyOfArm(arm)}.train.from`;
  const path = await startFile(laboratory.files, from, { arm: arm === 'baseline' ? 'student' : arm, key });
  const source = await namedStart(options, { path, key });
  const network = networkOf(options);
  const theta = new Float32Array(parameterCount(network.specs));
  const fit = fitStart(theta, network, source);
  assertUsable(fit, { network, theta, key, path });
  const found = differences(options, source);
  return {
    record: { source: path, sha256: source.sha256, ...fit, warnings: found },
    warnings: found.map(text => ({ code: 'W_START', message: `${key}: ${text}.` })),
    apply: (initial, specs) => void fitStart(initial, { ...network, specs }, source),
  };
}

const FORM = {
  schema: recordSchema,
  code: 'E_START_CHANGED',
  advice: 'Put it back from a copy, or remove the folder of this arm and go on with --resume, which trains it anew.',
} as const;

/** The start of a training that has begun; undefined if it began at random. */
export async function readStartRecord(
  files: Pick<Files, 'read' | 'exists'>,
  path: string,
): Promise<StartRecord | undefined> {
  return (await files.exists(path)) ? readJson(files, path, FORM) : undefined;
}

/**
 * Writes the record of a start, unless the training has begun before.
 * @throws {InputError} E_START_CHANGED if it has begun from another file
 */
export async function keepStartRecord(files: Files, path: string, { record }: Start): Promise<void> {
  const before = await readStartRecord(files, path);
  if (before === undefined) {
    await writeJson(files, path, record);
    return;
  }
  if (before.sha256 === record.sha256) return;
  throw new InputError(
    'E_START_CHANGED',
    `${record.source} is not the file that this training started from (${before.source}, SHA-256 ${before.sha256}). Put that file back, or start in another folder.`,
  );
}

function channelsText(channels: NonNullable<StartRecord['channels']>): string {
  const kept = Object.values(channels).reduce((sum, own) => sum + own.length, 0);
  return `the strongest channels of each layer are kept, by the sum of absolute weights of their filters: ${kept} in ${Object.keys(channels).length} layers`;
}

/** What fitted and what did not, for people. */
export function startText({ record }: Start, specs: readonly ParameterSpec[]): readonly string[] {
  const { source, fitted, partly, classes, newClasses, otherShape, missing, unused } = record;
  const taken = parameterCount(specs.filter(({ name }) => fitted.includes(name)));
  const lines = [
    `starts from ${source}: ${fitted.length} of ${specs.length} parameters are taken over (${formatWhole(taken)} of ${formatWhole(parameterCount(specs))} numbers)`,
    ...(record.channels === undefined ? [] : [channelsText(record.channels)]),
    ...(newClasses.length > 0 || partly.length > 0
      ? [`classes taken over: ${classes.join(', ') || 'none'}; new: ${newClasses.join(', ') || 'none'}`]
      : []),
    ...(otherShape.length > 0
      ? [
          `of another shape, so at random: ${listSome(otherShape.map(one => `${one.name} (${formatShape(one.source)} there, ${formatShape(one.shape)} here)`))}`,
        ]
      : []),
    ...(missing.length > 0 ? [`not in the source, so at random: ${listSome(missing)}`] : []),
    ...(unused.length > 0 ? [`of the source, not used: ${listSome(unused)}`] : []),
  ];
  return lines;
}
