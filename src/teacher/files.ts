/** Reads the finished models that a recipe names as teachers, and checks that they fit the recipe's patches. */
import { zyx } from '../core/axes.ts';
import { InputError, invariant } from '../core/errors.ts';
import { formatShape, type Shape, sameShape } from '../core/shape.ts';
import { patchShape } from '../experiment/arm-plan.ts';
import { type ModelMetadata, metadataSchema } from '../experiment/model-facts.ts';
import type { ModelFile } from '../experiment/model-file.ts';
import { openModelSource } from '../experiment/model-source.ts';
import { isSameCoarse } from '../experiment/open-cascade.ts';
import type { PreparedData } from '../experiment/prepare.ts';
import { importerOf } from '../import/importers.ts';
import type { ModelInfo } from '../inference/model-info.ts';
import { decodeModel } from '../onnx/decode.ts';
import { lastOperator } from '../onnx/last-operator.ts';
import { isFinished, type TeacherEntry, teacherEntries } from '../recipe/schema/teacher.ts';
import type { Recipe } from '../recipe/schema.ts';
import type { Files } from '../runtime/files.ts';
import { isSigmoid } from '../training/hard-loss.ts';
import type { VolumeWarning } from '../volume/geometry.ts';
import { type ClassMatch, matchedByValue, withClassesOf } from './classes.ts';
import type { StudentKind } from './logits.ts';
import { assertEveryClassTaught, type ReadTeacher } from './panel.ts';
import { type TestedCases, unseenMembers } from './unseen.ts';
import { nnunetObstacle, normalizationRelation } from './view.ts';

/** Relative difference below which spacings count as equal. */
const SPACING_TOLERANCE = 0.01;

/** Facts about the models in the recipe. */
function givenFacts({ model }: TeacherEntry): Partial<ModelMetadata> {
  const { size, ...rest } = model;
  const stated = Object.entries({ ...rest, patch: size === null ? null : zyx(size) });
  return metadataSchema
    .partial()
    .parse(Object.fromEntries(stated.filter(([, value]) => value !== null))) as Partial<ModelMetadata>;
}

/** The recipe's preparation of images, which is assumed for a model that does not state its own. */
function assumedFacts({ patch, preprocess }: Recipe): Partial<ModelMetadata> {
  const { crop, spacingMm, orientation, imageInterpolation } = preprocess;
  return {
    patch: patchShape(patch.size),
    crop,
    spacingMm,
    orientation: orientation === 'canonical' ? 'RAS' : null,
    imageInterpolation,
  };
}

/** The model files that a path stands for: itself, or the teachers of all folds and seeds of a run's folder. */
async function modelPaths(files: Files, path: string, key: string): Promise<readonly string[]> {
  if (/\.onnx$/i.test(path) || (await importerOf(files, path)) !== undefined) return [path];
  const inside = async (folder: string, pattern: RegExp): Promise<string[]> =>
    (await files.list(folder)).filter(name => pattern.test(name)).map(name => `${folder}/${name}`);
  const folds = [path, ...(await inside(path, /^fold-\d+$/))];
  const repeats: string[] = [];
  for (const fold of folds) repeats.push(fold, ...(await inside(fold, /^seed-\d+$/)));
  const candidates = [`${path}/model.onnx`, ...repeats.map(folder => `${folder}/teacher/model.onnx`)];
  const found: string[] = [];
  for (const candidate of candidates) if (await files.exists(candidate)) found.push(candidate);
  if (found.length > 0) return found;
  throw new InputError(
    'E_TEACHER_MISSING',
    `${key}.onnx names ${path}, which is neither a model (.onnx, or a source that \`voxstill import\` reads) nor the folder of a run or arm with a finished model.`,
  );
}

/** The finished teachers of a recipe. */
export interface TeacherFiles {
  readonly teachers: readonly ReadTeacher[];
  /** Notes about them for the user, one sentence each. */
  readonly notes: readonly string[];
  readonly warnings: readonly VolumeWarning[];
}

/** Reads the models of one teacher. */
async function readTeacher(
  files: Files,
  recipe: Recipe,
  { entry, match, tested }: { readonly entry: TeacherEntry; readonly match: ClassMatch; readonly tested: TestedCases },
): Promise<{ readonly teacher: ReadTeacher } & Pick<TeacherFiles, 'notes' | 'warnings'>> {
  const known = { given: givenFacts(entry), assumed: assumedFacts(recipe) };
  const all: ReturnType<typeof withClassesOf>[] = [];
  const notes: string[] = [];
  const warnings: VolumeWarning[] = [];
  for (const path of [entry.onnx].flat()) {
    for (const one of await modelPaths(files, path, entry.key)) {
      const opened = await openModelSource(files, one, known);
      notes.push(...opened.notes.map(note => `${one}: ${note}`));
      all.push(withClassesOf(opened.file, match));
      warnings.push(...matchedByValue(opened.file, match));
    }
  }
  const unseen = unseenMembers(all, entry, tested);
  notes.push(...unseen.notes);
  const { members } = unseen;
  const [first, ...others] = members as [(typeof all)[0], ...typeof all];
  const told = ({ taught }: typeof first): string => taught.labels.map(({ name }) => name).join(', ');
  const other = others.find(one => told(one) !== told(first));
  if (other !== undefined) {
    throw new InputError(
      'E_TEACHER_FIT',
      `${other.file.path} cannot teach together with ${first.file.path}: its classes are ${told(other)}, those of the other ${told(first)}. The models of an ` +
        'ensemble must have the same classes; teachers with different ones are listed in teacher.models.',
    );
  }
  return { teacher: { entry, files: members.map(({ file }) => file), taught: first.taught }, notes, warnings };
}

/**
 * Reads the models that the recipe names, adapted to the classes of the data.
 * @throws {InputError} E_TEACHER_MISSING, E_TEACHER_FIT, E_TEACHER_SEEN, and as readModelFile
 */
export async function readTeacherFiles(
  files: Files,
  recipe: Recipe,
  { dataset, ...tested }: Pick<PreparedData, 'dataset'> & TestedCases,
): Promise<TeacherFiles> {
  const settings = recipe.teacher;
  invariant(isFinished(settings), 'the teacher is not a finished model');
  const student: StudentKind = isSigmoid(recipe.loss) ? 'sigmoid' : 'softmax';
  const unknown = 'models' in settings ? 'background' : 'refused';
  const teachers: ReadTeacher[] = [];
  const notes: string[] = [];
  const warnings: VolumeWarning[] = [];
  for (const entry of teacherEntries(settings)) {
    const match = {
      data: dataset.labels,
      names: entry.classes,
      key: `${entry.key}.classes`,
      unknown,
      student,
    } as const;
    const read = await readTeacher(files, recipe, { entry, match, tested });
    teachers.push(read.teacher);
    notes.push(...read.notes);
    warnings.push(...read.warnings);
  }
  if ('models' in settings) assertEveryClassTaught(teachers, dataset.labels);
  return { teachers, notes, warnings };
}

/** The data that models are checked against. */
type ViewedData = Pick<
  PreparedData,
  'dataset' | 'normalize' | 'crop' | 'coarse' | 'train' | 'unlabelled' | 'intensities'
>;

/** Reason why intensities cannot be converted to those that the model was trained on. */
function intensityProblems(info: ModelInfo, data: ViewedData): readonly string[] {
  const { normalize, crop = 'none', nnunet } = info;
  if (nnunet !== undefined) {
    return nnunet.normalize.flatMap(
      (method, channel) => nnunetObstacle(data.normalize, method, { channel, cases: data.intensities }) ?? [],
    );
  }
  if (normalizationRelation(data, info, data.dataset.channels.length) !== 'unrelated') return [];
  const isCropped = crop !== data.crop;
  const [needed, given] = isCropped ? [` of crop ${crop}`, ` of crop ${data.crop}`] : ['', ''];
  return [
    `it needs intensities normalised by ${JSON.stringify(normalize)}${needed}, the recipe normalises by ${JSON.stringify(data.normalize)}${given}, and ` +
      `one cannot be computed from the other; set preprocess.normalize${isCropped ? ' and preprocess.crop' : ''} to that of the teacher`,
  ];
}

/** Reasons why a model would see other images than it was trained on. */
function viewProblems({ info, coarse }: ModelFile, recipe: Recipe, data: ViewedData): string[] {
  const problems: string[] = [];
  const channels = data.dataset.channels.length;
  if (info.channels !== channels) {
    const names = data.dataset.channels.join(', ');
    return [`it takes ${info.channels} channel(s), the data have ${channels} (${names})`];
  }
  problems.push(...intensityProblems(info, data));
  if (coarse !== undefined && !isSameCoarse(coarse, data.coarse)) {
    problems.push(
      `it was trained in the region that its own coarse stage finds, ${coarse.marginMm} mm around, and knows nothing else; set cascade.coarse to it and cascade.marginMm to ${coarse.marginMm}`,
    );
  }
  // a 2D network accepts planes at any distance
  const spacingMm = info.nnunet?.spacingMm ?? info.spacingMm;
  const differs = (actual: readonly number[]): boolean =>
    spacingMm?.some((size, axis) => size !== null && Math.abs(size - actual[axis]!) > SPACING_TOLERANCE * size) ===
    true;
  const other = [...data.train, ...data.unlabelled].find(one => differs(one.spacingMm));
  if (other !== undefined) {
    problems.push(
      `it needs voxels of ${spacingMm?.map(size => size ?? 'any').join(' x ')} mm, case "${other.id}" has ${other.spacingMm.join(' x ')} mm; set ` +
        `preprocess.spacingMm to [${spacingMm?.map((size, axis) => size ?? other.spacingMm[axis]).join(', ')}]`,
    );
  }
  const { orientation, imageInterpolation } = recipe.preprocess;
  if (info.orientation === 'RAS' && orientation === 'stored') {
    problems.push(
      'it needs RAS axes, but the recipe keeps those of the files; set preprocess.orientation to canonical',
    );
  }
  if (info.orientation === undefined && orientation === 'canonical') {
    problems.push(
      'it needs axes as they are stored, but the recipe turns them to RAS; set preprocess.orientation to stored',
    );
  }
  if (recipe.preprocess.spacingMm !== null && info.imageInterpolation !== imageInterpolation) {
    problems.push(
      `it needs images resampled by ${info.imageInterpolation} interpolation, the recipe uses ${imageInterpolation}; set ` +
        `preprocess.imageInterpolation to ${info.imageInterpolation}`,
    );
  }
  return problems;
}

/**
 * Refuses a model that was trained on other images than the recipe's patches are.
 * @throws {InputError} E_TEACHER_FIT naming both sides
 */
export function assertViewFits(file: ModelFile, recipe: Recipe, data: ViewedData): void {
  const problems = viewProblems(file, recipe, data);
  if (problems.length === 0) return;
  throw new InputError('E_TEACHER_FIT', `${file.path} cannot teach here: ${problems.join('; ')}.`);
}

/** Refuses a model that returns labels only: a student learns from the probabilities of the other classes. */
export function assertTellsClasses({ path, bytes, metadata, givesLabels }: ModelFile): void {
  if (givesLabels !== true) return;
  const { outputName } = metadata;
  const last = lastOperator(decodeModel(bytes, path), outputName);
  throw new InputError(
    'E_TEACHER_FIT',
    `${path} cannot teach: its output "${outputName}" is one label per voxel, without a number for each class. ` +
      (last?.op === 'ArgMax'
        ? `Set teacher.model.outputName to "${last.input}", the tensor before its ArgMax, or export it without the ArgMax.`
        : 'Export it with an output of logits or probabilities.'),
  );
}

/** Whether a model takes whole patches; otherwise its window slides. */
export function takesPatch({ info }: ModelFile, patch: Shape): boolean {
  return sameShape(info.patch, patch.slice(1));
}

/** Checks that inner tensors can be used: only of a single model that sees whole patches with axes NCZYX. */
export function assertLayersFit(files: readonly ModelFile[], layers: readonly string[], patch: Shape): void {
  if (layers.length === 0) return;
  const [first] = files as readonly [ModelFile];
  const reason =
    files.length > 1
      ? `there are ${files.length} teachers, and inner tensors of several models cannot be averaged`
      : !takesPatch(first, patch)
        ? `its window ${formatShape(first.info.patch)} is not the patch ${formatShape(patch.slice(1))} (z, y, x)`
        : first.metadata.axes !== 'NCZYX'
          ? `its axes are ${first.metadata.axes}`
          : undefined;
  if (reason === undefined) return;
  throw new InputError(
    'E_TEACHER_FIT',
    `the inner tensors ${layers.join(', ')} of ${first.path} cannot be used: ${reason}.`,
  );
}
