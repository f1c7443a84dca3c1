/**
 * Looks at teacher and data before anything is stored: finds the data set, writes the recipe, checks that everything
 * fits, and tries out how long a step takes on this machine.
 */
import { plural } from '../../src/core/format.ts';
import { type Dataset, isLabelled } from '../../src/data/dataset.ts';
import { createBatchSource, type TrainingCase } from '../../src/data/loader.ts';
import type { Splits } from '../../src/data/splits.ts';
import { readVolume } from '../../src/data/volume-file.ts';
import { dataShape, planArm } from '../../src/experiment/arm-plan.ts';
import type { Laboratory } from '../../src/experiment/laboratory.ts';
import { type ModelFile, readModelFile } from '../../src/experiment/model-file.ts';
import { type PreparedData, prepareData } from '../../src/experiment/prepare.ts';
import { measureStepMs } from '../../src/experiment/step-time.ts';
import type { Recipe } from '../../src/recipe/schema.ts';
import { formatJson } from '../../src/runtime/json-file.ts';
import { openExternalTeacher } from '../../src/teacher/external-teacher.ts';
import { canonicalGrid } from '../../src/volume/orientation.ts';
import { arrangeData } from './arrange-data.ts';
import { blobFiles } from './blob-files.ts';
import { isUntested, pageRecipe } from './page-recipe.ts';
import type { Checked, CheckJob, Contents, TeacherFile } from './protocol.ts';
import { type Grid, recipeText } from './recipe-text.ts';
import { SPLITS, teacherAloneSplits, withLabelledPatches } from './teacher-alone.ts';

/** The teacher's files in a session. */
function teacherContents({ name, bytes, facts }: TeacherFile): { readonly path: string; readonly contents: Contents } {
  const path = `teacher/${name}`;
  const contents = new Map([[path, new Blob([bytes])]]);
  if (facts !== undefined) contents.set(path.replace(/\.onnx$/i, '.json'), new Blob([facts]));
  return { path, contents };
}

/** Sizes and spacings of all images. */
async function gridsOf(sources: Laboratory, dataset: Dataset, { metadata }: ModelFile): Promise<readonly Grid[]> {
  const grids: Grid[] = [];
  const task = sources.progress.task('looking at the images', dataset.cases.length, 'case');
  for (const { images } of dataset.cases) {
    const { volume } = await readVolume(sources, images[0] as string);
    grids.push(metadata.orientation === 'RAS' ? canonicalGrid(volume) : volume);
    task.update(grids.length);
  }
  task.finish();
  return grids;
}

/** Milliseconds of the teacher's answer to a batch of the student; the first answer is warm-up. */
async function teacherMsOf(laboratory: Laboratory, recipe: Recipe, data: PreparedData): Promise<number> {
  const teacher = await openExternalTeacher(laboratory, recipe, data);
  const { patch, augment, student, distill } = recipe;
  const batch = student.train.batch + distill.unlabelled.batch;
  const settings = {
    seed: 1,
    batch,
    patchSize: patch.size,
    foreground: patch.foreground,
    padding: patch.padding,
    augment,
  };
  const batches = createBatchSource(data.train.length > 0 ? data.train : data.unlabelled, settings);
  const { machine } = laboratory;
  try {
    const [first, second] = [await batches.next(0), await batches.next(1)];
    await teacher.call(0, first);
    const startMs = machine.elapsedMs();
    await teacher.call(1, second);
    return machine.elapsedMs() - startMs;
  } finally {
    await teacher.close();
  }
}

function factsText(dataset: Dataset, isPaired: boolean, alone: Splits | undefined): string {
  const labelled = dataset.cases.filter(isLabelled).length;
  const without = dataset.cases.length - labelled;
  const classes = dataset.labels.filter(({ value }) => value !== 0).map(({ name }) => name);
  const more = without > 0 ? ` and ${without} without` : '';
  const kept = dataset.cases.length - (alone?.unlabelled.length ?? 0);
  return (
    `${labelled} images with labels${more}, ${dataset.channels.length} channel(s), classes: ${classes.join(', ')}` +
    `${isPaired ? '; paired by their names' : ''}` +
    `${alone ? `; too few labels to train and test on, so the student learns from the teacher alone, and ${plural(kept, 'case')} kept apart can check it later` : ''}`
  );
}

const caseBytes = ({ image, label }: TrainingCase): number => image.byteLength + label.byteLength;

/**
 * @throws {InputError} whatever does not fit, as the training would
 */
export async function check(
  job: CheckJob,
  {
    laboratory,
    version,
    engineBytes,
  }: { laboratory: Laboratory; version: string; engineBytes: () => number | undefined },
): Promise<Checked> {
  const { choices, freeBytes } = job;
  const teacher = teacherContents(job.teacher);
  const file = await readModelFile(blobFiles(teacher.contents), teacher.path);
  const { title, dataset, contents: data, isPaired } = await arrangeData(job.files, file.metadata.labels);
  const alone = teacherAloneSplits(dataset);
  const contents = new Map([
    ...data,
    ...teacher.contents,
    ...(alone === undefined ? [] : [[SPLITS, new Blob([formatJson(alone)])] as const]),
  ]);
  const own: Laboratory = { ...laboratory, files: blobFiles(contents) };
  const recipeYaml =
    job.recipe ??
    recipeText({
      version,
      teacherPath: teacher.path,
      teacher: file.metadata,
      dataset,
      grids: await gridsOf(own, dataset, file),
      choices,
      threads: laboratory.threads,
      engine: laboratory.engine,
      freeBytes,
    });
  const recipe = pageRecipe(recipeYaml);
  const prepared = await prepareData(own, recipe);
  const teacherMs = await teacherMsOf(own, recipe, prepared);
  // the terms of the teacher are small beside the network
  const plan = planArm(withLabelledPatches(recipe), 'student', dataShape(prepared.dataset));
  const stepMs = await measureStepMs(own, plan);
  const { steps } = recipe.student.train;
  const isKept = recipe.distill.softLabels === 'cache';
  const teacherSteps = isKept ? Math.min(steps, recipe.patch.repeatAfter ?? steps) : steps;
  const stored = [...contents.values()].reduce((sum, { size }) => sum + size, 0);
  const answers = recipe.distill.softLabels === 'step' ? 0 : recipe.distill.cache.limitMB * 1e6;
  return {
    kind: 'checked',
    title,
    isPaired,
    isUntested: isUntested(recipe),
    contents: new Map([...contents, ['recipe.yaml', new Blob([recipeYaml])]]),
    recipe: recipeYaml,
    facts: factsText(dataset, isPaired, alone),
    stepMs,
    teacherMs,
    teacherSteps,
    seconds: (steps * stepMs * (recipe.baseline ? 2 : 1) + teacherSteps * teacherMs) / 1000,
    engineBytes: engineBytes() ?? 0,
    dataBytes: [...prepared.train, ...prepared.val, ...prepared.unlabelled].reduce(
      (sum, one) => sum + caseBytes(one),
      0,
    ),
    storedBytes: stored + answers,
  };
}
