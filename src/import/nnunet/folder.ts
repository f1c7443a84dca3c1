/**
 * The results folder of an nnU-Net v2 training: `plans.json`, `dataset.json` and `fold_*` with a checkpoint each.
 * Several folds become one model whose logits are the mean of theirs, which is nnU-Net's own way of asking them
 * together.
 * Source: nnunetv2/inference/predict_from_raw_data.py, version 2.8.1.
 */
import { InputError } from '../../core/errors.ts';
import { GraphBuilder, type Value } from '../../graph/graph.ts';
import type { MirrorAxis } from '../../inference/mirroring.ts';
import type { ModelInfo } from '../../inference/model-info.ts';
import type { NnunetPipeline } from '../../inference/nnunet/pipeline.ts';
import { IMAGE, type ImportChoice, type ImportedModel, type Importer, type ImportFiles, LOGITS } from '../imported.ts';
import { readDescription } from '../json.ts';
import { type DynamicUnet, dynamicUnet, isRepeatedName } from '../networks/dynamic-unet.ts';
import { type Space, toVolume } from '../networks/space.ts';
import { openCheckpoint, type TorchCheckpoint } from '../torch/checkpoint.ts';
import { entryOf, weightsOf } from '../torch/state-dict.ts';
import type { Weights } from '../weights.ts';
import { networkOf } from './architecture.ts';
import { readFingerprint } from './fingerprint.ts';
import { parseNnunetDataset } from './labels.ts';
import { type Configuration, configurationOf, lastName, type Plans, parsePlans, refusePlan } from './plans.ts';
import { pipelineOf, spaceOf } from './preprocessing.ts';

/** A training's folder and the folds of it that are wanted. */
interface Place {
  readonly folder: string;
  readonly folds?: readonly string[];
  readonly checkpoint?: ImportChoice['checkpoint'];
}

const FOLD = /^fold_(\d+|all)$/;

function withoutSlash(path: string): string {
  return path.replace(/(?<=.)\/+$/, '');
}

async function isTraining(files: ImportFiles, folder: string): Promise<boolean> {
  return (await files.exists(`${folder}/plans.json`)) && (await files.exists(`${folder}/dataset.json`));
}

/** Trainings in a data set's folder, `<trainer>__<plans>__<configuration>` each. */
async function trainingsIn(files: ImportFiles, folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of await files.list(folder)) {
    if (/__.+__/.test(name) && (await isTraining(files, `${folder}/${name}`))) found.push(`${folder}/${name}`);
  }
  return found;
}

/**
 * The training that a path stands for: its folder, that of a data set with one training, a fold, or a checkpoint in
 * one; undefined if none.
 */
async function placeOf(files: ImportFiles, path: string): Promise<Place | undefined> {
  const whole = withoutSlash(path);
  if (await isTraining(files, whole)) return { folder: whole };
  const parts = whole.split('/');
  const file = /^checkpoint_(final|best)\.pth$/.exec(parts.at(-1) ?? '');
  const checkpoint = file === null ? {} : { checkpoint: file[1] as 'final' | 'best' };
  const inside = file === null ? parts : parts.slice(0, -1);
  const fold = FOLD.exec(inside.at(-1) ?? '')?.[1];
  const above = inside.slice(0, -1).join('/');
  if (fold !== undefined && (await isTraining(files, above))) return { folder: above, folds: [fold], ...checkpoint };
  const trainings = file === null ? await trainingsIn(files, whole) : [];
  if (trainings.length > 1) {
    throw new InputError(
      'E_IMPORT_KIND',
      `${path} holds several trainings; name one of them: ${trainings.join(', ')}.`,
    );
  }
  return trainings[0] === undefined ? undefined : { folder: trainings[0] };
}

/** The checkpoint of every fold that is wanted. */
async function checkpointsOf(
  files: ImportFiles,
  place: Place,
  choice: ImportChoice,
): Promise<{ readonly paths: readonly string[]; readonly notes: readonly string[] }> {
  const { folder } = place;
  const there = (await files.list(folder)).flatMap(name => FOLD.exec(name)?.[1] ?? []);
  const numbered = there.filter(fold => fold !== 'all');
  const wanted = place.folds ?? choice.folds ?? (numbered.length > 0 ? numbered : there);
  const missing = wanted.filter(fold => !there.includes(fold));
  if (wanted.length === 0 || missing.length > 0) {
    const has = there.length === 0 ? 'no fold_*' : `fold ${there.join(', ')}`;
    throw new InputError(
      'E_IMPORT_MISSING',
      `${folder} has ${has}${missing.length > 0 ? `, not ${missing.join(', ')}` : ''}.`,
    );
  }
  const pathsOf = (kind: string): string[] => wanted.map(fold => `${folder}/fold_${fold}/checkpoint_${kind}.pth`);
  const lackingOf = async (kind: string): Promise<string[]> => {
    const lacking: string[] = [];
    for (const path of pathsOf(kind)) if (!(await files.exists(path))) lacking.push(path);
    return lacking;
  };
  const asked = place.checkpoint ?? choice.checkpoint;
  const [kind, other] = asked === 'best' ? ['best', 'final'] : ['final', 'best'];
  const lacking = await lackingOf(kind as string);
  if (lacking.length === 0) return { paths: pathsOf(kind as string), notes: [] };
  if (asked === undefined && (await lackingOf(other as string)).length === 0) {
    return {
      paths: pathsOf('best'),
      notes: ['no checkpoint_final.pth in every fold, so checkpoint_best.pth is taken.'],
    };
  }
  throw new InputError(
    'E_IMPORT_MISSING',
    `there is no ${lacking.join(', ')}. Choose the folds (--folds) or the checkpoints (--checkpoint) that are there.`,
  );
}

/** Facts from the first fold's checkpoint, which hold for all folds. */
interface CheckpointFacts {
  readonly configuration: string;
  /** Axes of the network along which it may see its window flipped. */
  readonly mirror: readonly number[];
}

function factsOf({ root }: TorchCheckpoint, path: string): CheckpointFacts {
  const configuration = entryOf(entryOf(root, 'init_args'), 'configuration');
  const axes = entryOf(root, 'inference_allowed_mirroring_axes') ?? [];
  const isAxis = (axis: unknown): boolean => typeof axis === 'number' && [0, 1, 2].includes(axis);
  if (typeof configuration !== 'string' || !Array.isArray(axes) || !axes.every(isAxis)) {
    throw new InputError(
      'E_IMPORT_KIND',
      `${path} is no checkpoint of nnU-Net v2: it does not say its configuration (init_args) and mirroring axes.`,
    );
  }
  return { configuration, mirror: axes as number[] };
}

/** The readers of images whose axes everything else follows. */
function orientationOf({ image_reader_writer: reader }: Plans, path: string): { readonly orientation?: 'RAS' } {
  switch (lastName(reader)) {
    case 'SimpleITKIO':
    case 'NibabelIO':
      return {};
    case 'NibabelIOWithReorient':
      return { orientation: 'RAS' };
    default:
      return refusePlan(path, `the image reader ${reader}`);
  }
}

function mirrorAxes(axes: readonly number[], space: Space): readonly MirrorAxis[] {
  const isMirrored = toVolume(
    space,
    Array.from({ length: space.rank }, (_, axis) => axes.includes(axis)),
    false,
  );
  return (['z', 'y', 'x'] as const).filter((_, axis) => isMirrored[axis]);
}

/** The mean of what the networks of all folds say. */
function meanLogits(
  builder: GraphBuilder,
  image: Value,
  folds: readonly Weights[],
  net: DynamicUnet,
  space: Space,
): Value {
  const all = folds.map((weights, fold) => {
    const build = (): Value => dynamicUnet(net, { builder, weights, space }, image);
    const logits = folds.length === 1 ? build() : builder.scope(`fold${fold}`, build);
    weights.assertAllTaken(isRepeatedName);
    return logits;
  });
  const [first, ...others] = all as [Value, ...Value[]];
  return others.length === 0 ? first : builder.mul(others.reduce(builder.add, first), 1 / all.length);
}

function assertAlone({ previous_stage: previous }: Configuration, path: string): void {
  if (previous) refusePlan(path, `a configuration that needs the result of another (previous_stage ${previous})`);
}

/**
 * What is nearest to the pipeline in the program's own words, for people and for those who hold a model against a
 * recipe.
 */
function nearestFacts({ spacingMm, normalize }: NnunetPipeline): Pick<ModelInfo, 'normalize'> & Partial<ModelInfo> {
  const [x, y, z] = spacingMm;
  return {
    normalize: normalize.map(method => (method === 'z-score-inside' ? 'z-score-nonzero' : method)),
    imageInterpolation: 'nnunet',
    ...(x !== null && y !== null && z !== null && { spacingMm: [x, y, z] }),
  };
}

async function read(files: ImportFiles, path: string, choice: ImportChoice): Promise<ImportedModel> {
  const place = await placeOf(files, path);
  if (place === undefined) throw new InputError('E_IMPORT_KIND', `${path} is no results folder of nnU-Net v2.`);
  const [plansPath, datasetPath] = [`${place.folder}/plans.json`, `${place.folder}/dataset.json`];
  const plan = parsePlans(await readDescription(files, plansPath), plansPath);
  const { channels, labels, areRegions } = parseNnunetDataset(await readDescription(files, datasetPath), datasetPath);
  if (lastName(plan.label_manager) !== 'LabelManager') refusePlan(plansPath, `the label_manager ${plan.label_manager}`);
  const { paths, notes } = await checkpointsOf(files, place, choice);
  const known = await readFingerprint(files, place.folder);
  const folds: Weights[] = [];
  let facts: CheckpointFacts | undefined;
  for (const file of paths) {
    const checkpoint = openCheckpoint(await files.read(file), file);
    facts ??= factsOf(checkpoint, file);
    folds.push(weightsOf(checkpoint, entryOf(checkpoint.root, 'network_weights'), { path: file, keepsNames: true }));
  }
  const { configuration, mirror } = facts as CheckpointFacts;
  const config = configurationOf(plan, configuration, plansPath);
  assertAlone(config, plansPath);
  const classes = areRegions ? labels.length - 1 : labels.length;
  const net = networkOf(config, classes, plansPath);
  const space = spaceOf(plan, config);
  const pipeline = pipelineOf(plan, config, { channels: channels.length, path: plansPath });
  const patch = toVolume(space, config.patch_size, 1);
  const builder = new GraphBuilder();
  const image = builder.input(IMAGE, [1, channels.length, ...patch]);
  const logits = meanLogits(builder, image, folds, net, space);
  return {
    graph: { outputs: { [LOGITS]: logits } },
    parameters: folds.reduce((sum, { taken }) => sum + taken, 0),
    facts: {
      labels,
      channels: channels.length,
      ...orientationOf(plan, plansPath),
      ...nearestFacts(pipeline),
      nnunet: pipeline,
      mirror: mirrorAxes(mirror, space),
      patch,
      activation: areRegions ? 'sigmoid' : 'softmax',
      axes: 'NCZYX',
      ...(known.training && { training: known.training }),
    },
    notes: [...notes, ...known.notes],
  };
}

/** Reads results folders of nnU-Net v2. */
export const nnunetImporter: Importer = {
  name: 'a results folder of nnU-Net v2 (with plans.json, dataset.json and fold_*)',
  recognises: async (files, path) => !/\.onnx$/i.test(path) && (await placeOf(files, path)) !== undefined,
  read,
};
