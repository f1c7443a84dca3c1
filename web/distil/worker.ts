/**
 * The worker of a distillation: checks what a person chose, and trains in a session of the browser's own storage. It
 * ends with the job, which gives all of its memory back; a session goes on from its last checkpoint in another one.
 */
import '../without-eval.ts';
import { sha256 } from '@noble/hashes/sha2.js';
import { VoxstillError } from '../../src/core/errors.ts';
import { openDataset } from '../../src/data/dataset.ts';
import type { Laboratory } from '../../src/experiment/laboratory.ts';
import type { UncertainCase } from '../../src/metrics/foreground-uncertainty.ts';
import type { Probe } from '../../src/platform/web/device-probe.ts';
import { watchMemory } from '../../src/platform/web/engine-memory.ts';
import { createWebFrameCodec } from '../../src/platform/web/frame-codec.ts';
import { holdFolder } from '../../src/platform/web/held-folder.ts';
import { createWebLaboratory } from '../../src/platform/web/laboratory.ts';
import { type StoredFolder, storedFiles } from '../../src/platform/web/stored-files.ts';
import type { Recipe } from '../../src/recipe/schema.ts';
import { renderReport } from '../../src/report/report.ts';
import { reportInput } from '../../src/report/report-input.ts';
import type { DeviceChoice, DeviceProbe } from '../../src/runtime/device.ts';
import type { SharedFiles } from '../../src/runtime/files.ts';
import { formatJson, readText } from '../../src/runtime/json-file.ts';
import { createCountdown, type Progress } from '../../src/runtime/progress.ts';
import { keepConfirmed } from '../../src/study/correction/confirmed-cases.ts';
import { continueTraining } from '../../src/study/correction/continued.ts';
import { readCorrections } from '../../src/study/correction/corrections.ts';
import { measureUnlabelled } from '../../src/study/correction/uncertain-cases.ts';
import { readArms } from '../../src/study/read-run.ts';
import { runExperiment, trainOneArm } from '../../src/study/run.ts';
import { readStates } from '../../src/study/units/state.ts';
import { hasUnits, readUnits } from '../../src/study/units/units-file.ts';
import { computesText } from '../report-text.ts';
import { SESSION_FILE } from '../stored-archive.ts';
import { check } from './check.ts';
import { isUntested, pageRecipe } from './page-recipe.ts';
import type { Contents, DistilJob, DistilReply, Probed } from './protocol.ts';
import { readSession } from './session-archive.ts';
import { openSessions, RECIPE, RUN, type SessionFacts, sessionLock } from './session-storage.ts';

const engineBytes = watchMemory();
const pause = new AbortController();

function reply(message: DistilReply): void {
  postMessage(message);
}

const progress: Progress = {
  task: (label, total, unit) => {
    reply({ kind: 'begun', label, total, unit });
    const countdown = createCountdown(total, () => performance.now());
    let steps = total;
    return {
      update: (done, note = '', known = {}) => {
        steps = known.total ?? steps;
        reply({ kind: 'progress', label, done, total: steps, unit, note, secondsLeft: countdown(done, known) });
      },
      finish: () => {},
    };
  },
  log: message => reply({ kind: 'said', isWarning: false, message }),
  warn: message => reply({ kind: 'said', isWarning: true, message }),
};

function hexSha256(bytes: Uint8Array): string {
  return Array.from(sha256(bytes), byte => byte.toString(16).padStart(2, '0')).join('');
}

interface LaboratorySettings {
  readonly device: DeviceChoice;
  readonly threads?: number;
}

function openLaboratory(
  { places, version }: DistilJob,
  root: StoredFolder,
  settings: LaboratorySettings,
): Promise<Laboratory> {
  const { runtimes, codecs } = places;
  return createWebLaboratory({
    root,
    version,
    sha256: hexSha256,
    engineBytes,
    runtimes,
    codecs,
    ...settings,
    progress,
    onDevice: found => reply({ kind: 'computes', text: computesText(found, settings.threads) }),
    startBatchWorker: () => new Worker(new URL('./batch-thread.ts', import.meta.url), { type: 'module' }),
    probe,
  });
}

/** What a session computes with: what was chosen, or what it began with. */
function settingsOf({ device }: DistilJob, recipe: Recipe): LaboratorySettings {
  return {
    device: device === 'auto' ? recipe.device : device,
    // as many threads as it began with, since sums of another number of parts round differently
    ...(recipe.threads !== null && { threads: recipe.threads }),
  };
}

/** Hears how the trial of the graphics card went. */
let hearProbe: ((probe: DeviceProbe) => void) | undefined;

/** The page tries the card, once for all of its workers. */
const probe: Probe = ({ isTimed }) =>
  new Promise(resolve => {
    hearProbe = resolve;
    reply({ kind: 'probe', isTimed });
  });

/** Files that also say what was written into the histories, for the curves. */
function withCurves(files: SharedFiles): SharedFiles {
  return {
    ...files,
    write: async (path, data, confirm) => {
      await files.write(path, data, confirm);
      const arm = /([^/]+)\/history\.csv$/.exec(path)?.[1];
      if (arm !== undefined && typeof data === 'string') reply({ kind: 'history', arm, text: data });
    },
  };
}

/** Copies what a session needs into its folder, what says that it is whole last. */
async function store(files: SharedFiles, contents: Contents, facts: SessionFacts): Promise<void> {
  const task = progress.task('storing the images', contents.size, 'file');
  let done = 0;
  for (const [path, blob] of contents) {
    await files.write(path, new Uint8Array(await blob.arrayBuffer()));
    done++;
    task.update(done);
  }
  await files.write(SESSION_FILE, formatJson(facts));
}

/** Shows the curves of a session as far as they are. */
async function showCurves(files: SharedFiles): Promise<void> {
  for (const arm of await files.list(RUN)) {
    const path = `${RUN}/${arm}/history.csv`;
    if (await files.exists(path)) reply({ kind: 'history', arm, text: await readText(files, path) });
  }
}

async function writeReport({ files, images, machine }: Laboratory): Promise<void> {
  progress.log('writing the report');
  const { title }: SessionFacts = JSON.parse(await readText(files, SESSION_FILE));
  const unitStates = async (study: string) =>
    (await hasUnits(files, study))
      ? readStates({ files, machine }, { study, list: await readUnits(files, study) })
      : [];
  const input = await reportInput({ files, images }, title, await readArms(files, [RUN]), { unitStates });
  await files.write(`${RUN}/report.html`, renderReport(input));
}

/** The folder of a session, held until the worker ends, so that no other tab writes there. */
async function holdSession(session: string, { create = false } = {}): Promise<StoredFolder> {
  await holdFolder(sessionLock(session));
  return (await openSessions()).getDirectoryHandle(session, { create });
}

async function train(job: DistilJob & { kind: 'start' | 'resume' }): Promise<void> {
  const folder = await holdSession(job.session, { create: job.kind === 'start' });
  const files = withCurves(storedFiles(folder));
  if (job.kind === 'start') await store(files, job.contents, { ...job.facts, startedAt: new Date().toISOString() });
  const recipe = pageRecipe(await readText(files, RECIPE));
  const laboratory = { ...(await openLaboratory(job, folder, settingsOf(job, recipe))), files };
  await showCurves(files);
  try {
    const resume = await files.exists(`${RUN}/recipe.yaml`);
    const options = { out: RUN, resume, signal: pause.signal };
    if (isUntested(recipe)) await trainOneArm(laboratory, recipe, { ...options, arm: 'student' });
    else await runExperiment(laboratory, recipe, options);
  } catch (error) {
    if (!pause.signal.aborted) throw error;
    return reply({ kind: 'paused' });
  }
  if (!isUntested(recipe)) await writeReport(laboratory);
  reply({ kind: 'done' });
}

/** Stores a session that was exported, all or nothing. */
async function take({ session, archive }: DistilJob & { kind: 'import' }): Promise<void> {
  const { contents, facts } = await readSession(archive);
  await store(storedFiles(await holdSession(session, { create: true })), contents, facts);
  reply({ kind: 'done' });
}

/**
 * Measures how unsure the student is of the cases without labels. It reads, and writes nothing but what it measured, so
 * it does not hold the session: a person may confirm a case meanwhile.
 */
async function measure(job: DistilJob & { kind: 'measure' }): Promise<void> {
  const folder = await (await openSessions()).getDirectoryHandle(job.session);
  const files = storedFiles(folder);
  const recipe = pageRecipe(await readText(files, RECIPE));
  if (!(await files.exists(`${RUN}/splits.json`))) return reply({ kind: 'done' });
  const { cases, next, rounds, student } = await readCorrections(files, recipe);
  reply({ kind: 'corrections', corrections: { cases, next, rounds, student } });
  const laboratory = await openLaboratory(job, folder, settingsOf(job, recipe));
  const onCase = (measured: UncertainCase): void => reply({ kind: 'measured', measured });
  await measureUnlabelled(laboratory, recipe, { onCase });
  reply({ kind: 'done' });
}

/** Keeps the labels of a case. */
async function keep(job: DistilJob & { kind: 'keep' }): Promise<void> {
  const { session, id, labels, isCorrected, places } = job;
  const files = storedFiles(await holdSession(session));
  const { data } = pageRecipe(await readText(files, RECIPE));
  const dataset = await openDataset(files, data.dataset, data);
  const sources = { files, images: createWebFrameCodec(places.codecs) };
  await keepConfirmed(sources, dataset, { id, labels, isCorrected, at: new Date().toISOString() });
  reply({ kind: 'done' });
}

/** A round: the student goes on from all labels so far, and is checked. */
async function goOn(job: DistilJob & { kind: 'continue' }): Promise<void> {
  const folder = await holdSession(job.session);
  const files = withCurves(storedFiles(folder));
  const recipe = pageRecipe(await readText(files, RECIPE));
  const laboratory = { ...(await openLaboratory(job, folder, settingsOf(job, recipe))), files };
  try {
    await continueTraining(laboratory, recipe, { steps: job.steps, signal: pause.signal });
  } catch (error) {
    if (!pause.signal.aborted) throw error;
    return reply({ kind: 'paused' });
  }
  reply({ kind: 'done' });
}

async function work(job: DistilJob): Promise<void> {
  switch (job.kind) {
    case 'check': {
      // nothing is stored before a person has seen what was found
      const device = job.recipe === undefined ? job.device : pageRecipe(job.recipe).device;
      const laboratory = await openLaboratory(job, await openSessions(), { device });
      return reply(await check(job, { laboratory, version: job.version, engineBytes }));
    }
    case 'start':
    case 'resume':
      return train(job);
    case 'import':
      return take(job);
    case 'measure':
      return measure(job);
    case 'keep':
      return keep(job);
    case 'continue':
      return goOn(job);
    default:
      return job satisfies never;
  }
}

addEventListener('message', async ({ data }: MessageEvent<DistilJob | Probed | 'pause'>) => {
  if (data === 'pause') return pause.abort();
  if (data.kind === 'probed') return hearProbe?.(data.probe);
  try {
    await work(data);
  } catch (error) {
    const code = error instanceof VoxstillError ? error.code : 'E_INTERNAL';
    reply({ kind: 'failed', code, message: error instanceof Error ? error.message : String(error) });
  }
});
