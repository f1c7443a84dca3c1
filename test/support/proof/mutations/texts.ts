/**
 * Texts for the mutations: recipes in YAML, descriptions of data sets, folders of models and studies in JSON, and
 * tables in CSV.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { reportRun } from '../../../../src/cli/run-text.ts';
import { writeEventFiles } from '../../../../src/cli/tensorboard.ts';
import { parseCaseGroups } from '../../../../src/data/case-groups.ts';
import { openDataset } from '../../../../src/data/dataset.ts';
import { patientsByTable } from '../../../../src/data/patients.ts';
import { countFolds, parseSplits } from '../../../../src/data/splits-file.ts';
import { validateDataset } from '../../../../src/data/validation.ts';
import { readCaseWeights } from '../../../../src/experiment/case-weights.ts';
import { evaluateModel } from '../../../../src/experiment/evaluate.ts';
import { formatHistory } from '../../../../src/experiment/history.ts';
import { readModelFile } from '../../../../src/experiment/model-file.ts';
import { createNodeSources } from '../../../../src/platform/node/laboratory.ts';
import { EVALUATION_DEFAULTS } from '../../../../src/recipe/evaluation-defaults.ts';
import { combine, parseGrid } from '../../../../src/recipe/grid.ts';
import { parseRecipe, stringifyRecipe } from '../../../../src/recipe/parse.ts';
import { silent } from '../../../../src/runtime/progress.ts';
import { inspectPath } from '../../../../src/study/inspect.ts';
import { readStudy } from '../../../../src/study/read-study.ts';
import { findDamage } from '../../../../src/study/units/changed-results.ts';
import { readExecutor } from '../../../../src/study/units/executor.ts';
import { readStates } from '../../../../src/study/units/state.ts';
import { readUnit } from '../../../../src/study/units/units-file.ts';
import { createNiftiHeader, encodeNiftiImage, encodeNiftiLabels } from '../../../../src/volume/nifti.ts';
import { SMALL_CUBE } from '../../grids.ts';
import { createLaboratory, functionEngine, modelBytes, sha256, thresholdModel } from '../../laboratory.ts';
import type { MemoryFiles } from '../../memory-files.ts';
import { ROOT } from '../../program.ts';
import { tinyRecipe } from '../../tiny-recipe.ts';
import { type Example, encode, type InputKind, OUT } from './kind.ts';
import { mutateJson, mutateText } from './mutate.ts';

const { images } = createNodeSources();
const TEXT = new TextDecoder();
const json = (content: unknown): Uint8Array => encode(JSON.stringify(content));

/** One text that is read by itself. */
function text(
  content: string | Uint8Array,
  mutate: Example['targets'][number]['mutate'],
  read: (text: string) => unknown,
): Example {
  const path = 'in/text';
  const bytes = typeof content === 'string' ? encode(content) : content;
  return {
    files: { [path]: bytes },
    targets: [{ path, mutate }],
    read: async files => read(TEXT.decode(await files.read(path))),
  };
}

const SWEPT = `seeds: [1, 2]
data: { dataset: d, splits: { folds: 3, val: 0.2 }, patients: { pattern: "^(.+?)_" } }
patch: { size: [16, 16, 16], caseWeights: { a: 2 } }
teacher: { onnx: [a.onnx, b.onnx] }
student: { meshnet: { features: 4 }, train: { steps: 3, batch: 1 } }
distill: { losses: [ { kd: { temperature: 5, weight: { start: 0, end: 1, warmupSteps: 2 } } } ] }
optimizer: { sgd: { learningRate: 0.1 } }
postprocess: { a: { fillHoles: true } }
`;

function recipes(): readonly Example[] {
  const files = ['recipes/hippocampus.yaml'].map(path => readFileSync(join(ROOT, path), 'utf8'));
  const read = (content: string): void => {
    const recipe = parseRecipe(content, { path: 'in/text' });
    // what was resolved is read again by every unit
    parseRecipe(stringifyRecipe(recipe), { path: 'again' });
  };
  const whole = tinyRecipe('d');
  const asOverride = text('student.train.steps=500', mutateText, override => {
    parseRecipe(whole, { path: 'r', overrides: [override] });
  });
  const asGrid = text('student.unet.features=[[2, 4], [4, 8]]', mutateText, grid => {
    combine(whole, parseGrid([grid]), { path: 'r', overrides: [] });
  });
  return [...files, whole, SWEPT].map(content => text(content, mutateText, read)).concat(asOverride, asGrid);
}

const HEADER = createNiftiHeader(SMALL_CUBE);
const IMAGE = encodeNiftiImage(
  { ...SMALL_CUBE, data: Float32Array.from({ length: 64 }, (_, i) => i % 2), channels: 1 },
  HEADER,
);
const LABEL = encodeNiftiLabels({ ...SMALL_CUBE, data: Uint8Array.from({ length: 64 }, (_, i) => i % 2) }, HEADER);

/** Opens, checks and scores a data set, with segmentations into the one folder that may be written. */
async function readDataset(files: MemoryFiles): Promise<void> {
  await validateDataset({ files, images }, 'in/d', { sha256, progress: silent });
  const dataset = await openDataset(files, 'in/d');
  const facts = { labels: dataset.labels, normalize: 'none', activation: 'softmax', patch: [4, 4, 4] } as const;
  const model = await readModelFile(files, 'in/m.onnx', { given: facts as never });
  await evaluateModel(createLaboratory(functionEngine(thresholdModel), files), {
    models: [model],
    dataset,
    ids: dataset.cases.map(({ id }) => id),
    split: 'all',
    window: EVALUATION_DEFAULTS,
    surfaceToleranceMm: 1,
    lesions: [],
    predictions: OUT,
    label: 'scoring',
  } as never);
}

function dataset(description: object, suffix: string): Example {
  const path = 'in/d/dataset.json';
  const volumes = ['a', 'b'].flatMap(id => [
    [`in/d/imagesTr/${id}${suffix}.nii.gz`, IMAGE] as const,
    [`in/d/labelsTr/${id}.nii.gz`, LABEL] as const,
  ]);
  return {
    files: { [path]: json(description), 'in/m.onnx': modelBytes({}), ...Object.fromEntries(volumes) },
    targets: [{ path, mutate: mutateJson }],
    read: readDataset,
  };
}

function evaluation(dice: number): object {
  const classes = { a: { presence: 'both', dice, hd95Mm: 1, assdMm: 1, surfaceDice: 1, volumeMl: 1, referenceMl: 1 } };
  return {
    model: { path: 'm', sha256: '', parameters: 1, multiplyAdds: 1, bytes: 1, secondsPerCase: 1, peakBytes: 1 },
    dataset: 'd',
    split: 'test',
    cases: [
      { id: 'a', classes, meanDice: dice },
      { id: 'b', classes, meanDice: dice },
    ],
    summary: { meanDice: { mean: dice, ci95: [dice, dice], n: 2 }, classes: {} },
  };
}

const HISTORY = formatHistory(
  [1, 2, 3, 4].map(step => ({
    ...{ step, epoch: 0, seconds: step, learningRate: 0.1, losses: { total: 2 / step, dice: 1 / step } },
    ...(step % 2 === 0 && { validationDice: step / 10 }),
  })),
);
const GROUPS = 'case,site,"age, in years"\na,north,"old"\nb,"so ""u"" th",young\n';
const FACTS = { timingsSeconds: { train: 1 }, waitingShares: { train: 0.1 }, versions: { voxstill: '0' } };
const HOST = { system: 's', cpu: 'c', cores: 1, memoryBytes: 1 };
const OWNER = { node: 'n', host: 'h', pid: 1, start: null, job: null };

/** Everything that a run's folder has, in short. */
function studyFiles(): Readonly<Record<string, Uint8Array>> {
  const arms = ['teacher', 'student', 'baseline'];
  const units = arms.map((arm, index) => ({
    ...{ folder: arm, arm, fold: null, seed: 1, label: arm },
    ...(index === 1 && { teacher: 0 }),
  }));
  const files: Record<string, Uint8Array> = {
    'units.json': json({ kind: 'run', units }),
    'run.json': json({
      status: 'done',
      startedAt: '2026-01-01T00:00:00Z',
      finishedAt: '2026-01-01T00:01:00Z',
      dataset: 'd',
      dataHashes: {},
      seeds: [1],
      margin: 0.01,
      ...FACTS,
      host: HOST,
      splits: { train: ['c'], val: ['d'], test: ['a', 'b'], unlabelled: [] },
    }),
    'executor.json': json({
      kind: 'slurm',
      concurrency: 2,
      sbatch: null,
      jobs: [{ id: '1', role: 'units', firstUnit: 0 }],
    }),
    'recipe.yaml': encode(tinyRecipe('d')),
    'groups.csv': encode(GROUPS),
    'splits.json': json({ train: ['c'], val: ['d'], test: ['a', 'b'] }),
  };
  for (const [index, arm] of arms.entries()) {
    files[`${arm}/recipe.yaml`] = encode(tinyRecipe('d'));
    files[`${arm}/history.csv`] = encode(HISTORY);
    files[`${arm}/evaluation.json`] = json(evaluation(0.8 - index / 10));
    const outcome = {
      status: 'done',
      attempt: 1,
      node: 'n',
      finishedAt: '2026-01-01T00:00:00Z',
      files: {},
      threads: 1,
      host: HOST,
      ...FACTS,
    };
    if (index < 2) files[`${arm}/work/outcome.json`] = json(outcome);
    const claim = {
      attempt: 1,
      ...OWNER,
      startedAt: 't',
      heartbeatAt: 't',
      isReleased: false,
      progress: null,
      timingsSeconds: {},
      waitingShares: {},
    };
    files[`${arm}/work/claim-1.json`] = json(claim);
  }
  return Object.fromEntries(Object.entries(files).map(([path, bytes]) => [`${OUT}/run/${path}`, bytes]));
}

/** Looks at a run as `status`, `collect`, `compare` and a resume do. Its own folder is where it may write. */
const readStudyFolder =
  (isReported: boolean) =>
  async (files: MemoryFiles): Promise<void> => {
    const study = `${OUT}/run`;
    const laboratory = createLaboratory(functionEngine(thresholdModel), files);
    const found = await readStudy(files, study);
    await readExecutor(files, study);
    await readStates(laboratory, found);
    await findDamage(laboratory, study);
    for (const place of found.places) await readUnit(laboratory, study, { list: found.list, place });
    await found.collect();
    await inspectPath({ files, images }, study);
    if (isReported) await reportRun({ ...laboratory, images }, study);
    await writeEventFiles(files, study);
  };

/** @param isReported with the report, which takes most of the time */
function study(pattern: RegExp, mutate: Example['targets'][number]['mutate'], isReported = false): Example {
  const files = studyFiles();
  const paths = Object.keys(files).filter(path => pattern.test(path));
  return { files, targets: paths.map(path => ({ path, mutate })), read: readStudyFolder(isReported) };
}

const IDS = ['a', 'b', 'c'];

export const TEXT_KINDS: readonly InputKind[] = [
  { name: 'YAML', examples: async () => [...recipes(), study(/recipe\.yaml$/, mutateText)] },
  {
    name: 'JSON',
    examples: async () => [
      dataset(
        {
          name: 'd',
          modality: { 0: 'MRI' },
          labels: { 0: 'background', 1: 'a' },
          training: ['a', 'b'].map(id => ({ image: `./imagesTr/${id}.nii.gz`, label: `./labelsTr/${id}.nii.gz` })),
          test: [],
        },
        '',
      ),
      dataset(
        {
          channel_names: { 0: 'CT' },
          labels: { background: 0, a: 1, ignore: 2 },
          file_ending: '.nii.gz',
          numTraining: 2,
        },
        '_0000',
      ),
      dataset(
        {
          channel_names: { 0: 'CT' },
          labels: { background: 0, whole: [1, 2], core: [2] },
          regions_class_order: [1, 2],
          file_ending: '.nii.gz',
          dataset: Object.fromEntries(
            IDS.slice(0, 2).map(id => [id, { images: [`imagesTr/${id}_0000.nii.gz`], label: `labelsTr/${id}.nii.gz` }]),
          ),
        },
        '_0000',
      ),
      ...Array<Example>(4).fill(study(/\.json$/, mutateJson)),
      study(/\.json$/, mutateJson, true),
      text(json({ train: ['a'], val: ['b'], test: ['c'] }), mutateJson, content =>
        parseSplits(content, { ids: IDS, path: 'in/text' }),
      ),
      text(json([{ train: ['a', 'b'], val: ['c'] }]), mutateJson, content => {
        countFolds(content);
        return parseSplits(content, { ids: IDS, path: 'in/text', folds: { fold: 0, seed: 1, val: 0.4 } as never });
      }),
      text(json({ a: 'p', b: 'p', c: 'q' }), mutateJson, content => patientsByTable(IDS, content, 'in/text')('a')),
      {
        files: { 'in/w.json': json({ a: 1, b: 2 }) },
        targets: [{ path: 'in/w.json', mutate: mutateJson }],
        read: files =>
          readCaseWeights(files, { file: 'in/w.json' }, { folder: 'd', cases: IDS.map(id => ({ id })) } as never, IDS),
      },
    ],
  },
  {
    name: 'CSV',
    examples: async () => [
      ...Array<Example>(4).fill(study(/history\.csv$/, mutateText)),
      study(/history\.csv$/, mutateText, true),
      study(/groups\.csv$/, mutateText),
      text(GROUPS, mutateText, content => parseCaseGroups(content, { ids: IDS, path: 'in/text' })),
    ],
  },
];
