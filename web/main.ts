/**
 * The page: what a person does leads to what is shown. Nothing is sent anywhere; the server only gives the page and a
 * run.
 */
import './without-eval.ts';
import { invariant } from '../src/core/errors.ts';
import type { StudyOverview } from '../src/study/overview.ts';
import { labelsOfVolume } from '../src/volume/label-volume.ts';
import { showAbout } from './about-view.ts';
import { createActionsView, hasFrames } from './actions-view.ts';
import { chooseBackends, createProbe } from './backends.ts';
import { createBatchView } from './batch-view.ts';
import { createCaseReview } from './case-review.ts';
import type { DistilView } from './distil/view.ts';
import { byId } from './elements.ts';
import type { Wanted } from './file-roles.ts';
import { askFrame } from './frame-chooser.ts';
import { createImageView } from './image-view.ts';
import { acceptDrops, chosenFiles } from './inputs.ts';
import { guardLeaving, mayReplaceImage } from './leaving.ts';
import { createMeasureView } from './measure-view.ts';
import { guarded, hideMessage, showWarnings } from './message.ts';
import { fetchStudy } from './models.ts';
import { createModelsView } from './models-view.ts';
import { showOffline } from './offline/view.ts';
import { type Destinations, openFiles } from './opening.ts';
import { codecSources, isOneFile } from './own-files.ts';
import { createPageState } from './page-state.ts';
import { createPenView } from './pen-view.ts';
import type { DroppedFile, Reply, Scan } from './protocol.ts';
import { progressText } from './report-text.ts';
import { createSegmentationView } from './segmentation-view.ts';
import type { Segmented } from './segmentations.ts';
import { segmentScan } from './segmenting.ts';
import { createSessionView } from './session-view.ts';
import { type StudyWatch, watchStudy } from './study-watch.ts';
import { createSurfaceView } from './surface-view.ts';
import type { TrainingView } from './training.ts';
import { createClient } from './worker-client.ts';

/** Put in by the build. */
declare const VOXSTILL_VERSION: string;

const input = (id: string): HTMLInputElement => byId<HTMLInputElement>(id);

const client = createClient();
const state = createPageState();
const actions = createActionsView(state);
const segmentations = createSegmentationView(state, VOXSTILL_VERSION);
const pen = createPenView(state, segmentations);
const surfaces = createSurfaceView(state, segmentations);
const measure = createMeasureView(state);
const image = createImageView(state, { segmentations, pen, measure });
const models = createModelsView(state, () => guarded(actions.update));

const readFiles = async (files: readonly DroppedFile[], wanted?: Wanted): Promise<Scan> => {
  const job = { kind: 'read', files, codecs: codecSources(), ...(wanted && { wanted }) } as const;
  return (await client.run(job, 'read')).scan;
};

/** Shows an image that a person opened, which is no case of a distillation. */
function showScan(scan: Scan): Promise<void> {
  review.close();
  return image.show(scan);
}

function readAndShow(files: readonly DroppedFile[], wanted?: Wanted): Promise<void> {
  return actions.busily(async () => {
    actions.showProgress('reading');
    const scan = await readFiles(files, wanted);
    const model = await state.chosen?.read();
    const isFrameWanted = model?.info.channels === 1 && hasFrames(scan) && scan.frame === undefined;
    await showScan((isFrameWanted && (await readFrame(scan))) || scan);
  });
}

/** Asks for a frame of an image with several, and reads it; undefined where none was chosen. */
async function readFrame(scan: Scan): Promise<Scan | undefined> {
  const frame = await askFrame({ frames: scan.frames ?? scan.volume.channels, shown: scan.frame ?? 1 });
  if (frame === undefined) return undefined;
  const { files, title, series } = scan.sources[0]!;
  const path = series === undefined ? files[0]!.path : '.';
  const choice = { path, title, facts: '', frame, ...(series && { series }) };
  const read = await readFiles(files, { channels: [choice] });
  return scan.reference === undefined ? read : { ...read, reference: scan.reference };
}

/** Opens another frame of the image that is open. */
async function chooseFrame(): Promise<void> {
  const { scan } = state;
  if (!hasFrames(scan) || !(await mayReplaceImage(state, segmentations.saveUnsaved))) return;
  await actions.busily(async () => {
    const read = await readFrame(scan);
    if (read !== undefined) await showScan(read);
  });
}

/** Segments with the model and the backend that are chosen. */
async function segmentWithChosen(scan: Scan, onReply: (reply: Reply) => void): Promise<Segmented> {
  const { chosen, backends } = state;
  invariant(chosen !== undefined && backends !== undefined, 'nothing is segmented before there is a model');
  return segmentScan(scan, { client, chosen, found: await backends.find(), onReply });
}

const batch = createBatchView({
  read: (files, choice) => readFiles(files, { channels: [choice] }),
  segment: scan => segmentWithChosen(scan, () => {}),
  open: async (scan, item) => {
    if (!(await mayReplaceImage(state, segmentations.saveUnsaved))) return;
    await showScan(scan);
    segmentations.add(item);
  },
  showProgress: actions.showProgress,
  busily: actions.busily,
});

const sessions = createSessionView({
  state,
  client,
  actions,
  segmentations,
  measure,
  version: VOXSTILL_VERSION,
  choose: models.choose,
  read: readFiles,
  show: showScan,
});

const destinations: Destinations = {
  state,
  client,
  actions,
  models,
  segmentations,
  show: (files, { wanted }) => readAndShow(files, wanted),
  showOnly: readAndShow,
  openSession: sessions.open,
  segmentEach: batch.run,
};
const open = (files: readonly DroppedFile[]): Promise<void> => guarded(() => openFiles(files, destinations));

async function openSample(): Promise<void> {
  if (!(await mayReplaceImage(state, segmentations.saveUnsaved))) return;
  await actions.busily(async () => showScan((await client.run({ kind: 'sample' }, 'read')).scan));
}

function openReference(): Promise<void> {
  return actions.busily(async () => {
    const scan = await readFiles(chosenFiles(input('open-reference')));
    await segmentations.addReference(labelsOfVolume(scan.volume, scan.name));
  });
}

/** Segments what is shown; of an image with several frames one is chosen first, where the model takes one. */
async function segment(): Promise<void> {
  const { scan, chosen } = state;
  if (scan !== undefined && scan.volume.channels > 1 && hasFrames(scan)) {
    if ((await chosen?.read())?.info.channels === 1) await chooseFrame();
    if (state.scan === scan && (await chosen?.read())?.info.channels === 1) return;
  }
  await actions.busily(segmentShown);
}

async function segmentShown(): Promise<void> {
  const { scan, chosen, backends } = state;
  if (scan === undefined || chosen === undefined || backends === undefined) return;
  actions.showProgress('loading the model');
  const item = await segmentWithChosen(scan, reply => {
    if (reply.kind === 'loaded') actions.showProgress('segmenting');
    if (reply.kind === 'warned') showWarnings(reply.warnings);
    if (reply.kind === 'progress') {
      actions.showProgress(progressText(reply), reply.windowsDone / reply.windowsTotal);
    }
  });
  segmentations.add(item);
  showWarnings(item.warnings);
  byId('results').scrollIntoView({ block: 'nearest' });
}

function showView(view: 'image' | 'training' | 'distil'): void {
  for (const each of ['image', 'training', 'distil']) {
    byId(`${each}-view`).hidden = each !== view;
    byId(`show-${each}`).setAttribute('aria-pressed', String(each === view));
  }
}

const review = createCaseReview({
  state,
  addModel: file => models.add([{ path: file.name, file }]),
  read: (files, wanted) => {
    actions.showProgress('reading');
    return readFiles(files, wanted);
  },
  show: image.show,
  segment: segmentShown,
  busily: actions.busily,
  showImage: () => showView('image'),
  saveUnsaved: segmentations.saveUnsaved,
});

const probe = createProbe();
let distil: Promise<DistilView> | undefined;

/** The view that trains, which is loaded when it is first needed. */
async function openDistil(): Promise<DistilView> {
  distil ??= import('./distil/view.ts').then(({ createDistilView }) =>
    createDistilView({
      state,
      version: VOXSTILL_VERSION,
      probe,
      addModels: models.add,
      showImage: () => showView('image'),
      openCase: review.open,
      showDistil: () => byId('show-distil').click(),
    }),
  );
  return distil;
}

/** Files go to the view that is shown. */
function openDropped(files: readonly DroppedFile[]): Promise<void> {
  return byId('distil-view').hidden ? open(files) : guarded(async () => (await openDistil()).open(files));
}

function listenToKeys(): void {
  document.addEventListener('keydown', event => {
    if (event.key === 'Escape') {
      if (state.isBusy) client.cancel();
      else hideMessage();
    } else if (event.altKey && event.code === 'KeyS') {
      event.preventDefault();
      byId('segment').click();
    } else if (event.altKey && /^Digit\d$/.test(event.code)) {
      event.preventDefault();
      segmentations.show(Number(event.code.at(-1)) - 1);
    }
  });
}

function listen(): void {
  for (const id of ['open-image', 'open-folder'])
    input(id).addEventListener('change', () => open(chosenFiles(input(id))));
  input('open-model').addEventListener('change', () => guarded(() => models.add(chosenFiles(input('open-model')))));
  input('open-reference').addEventListener('change', openReference);
  acceptDrops(byId('stage'), openDropped);
  byId('sample').addEventListener('click', openSample);
  byId('choose-frame').addEventListener('click', () => guarded(chooseFrame));
  byId('segment').addEventListener('click', () => guarded(segment));
  byId('cancel').addEventListener('click', () => client.cancel());
  byId('save').addEventListener('click', () => actions.busily(segmentations.save));
  byId('save-difference').addEventListener('click', segmentations.saveDifference);
  byId('save-table').addEventListener('click', segmentations.saveTable);
  byId('message-close').addEventListener('click', hideMessage);
  const other = byId<HTMLSelectElement>('other');
  other.addEventListener('change', () => segmentations.compareWith(Number(other.value)));
  for (const view of ['image', 'training', 'distil'] as const) {
    byId(`show-${view}`).addEventListener('click', () => showView(view));
  }
  byId('show-distil').addEventListener('click', () => guarded(async () => (await openDistil()).refresh()));
  image.listen();
  review.listen();
  pen.listen();
  measure.listen();
  sessions.listen();
  surfaces.listen();
  listenToKeys();
  guardLeaving(state, batch.hasUnsaved);
  batch.listen();
}

async function showStudy(): Promise<void> {
  const study = await fetchStudy();
  if (study === undefined) return;
  byId('run-name').textContent = study.name;
  // a model that was given away comes without its training
  byId('show-training').hidden = study.units.length === 0 && study.arms.every(({ history }) => history === undefined);
  let training: TrainingView | undefined;
  let watch: StudyWatch | undefined;
  const openTraining = async (now: StudyOverview): Promise<void> => {
    if (training === undefined) {
      const { createTrainingView } = await import('./training.ts');
      training ??= createTrainingView(() => watch?.hurry());
    }
    await training.update(now);
  };
  byId('show-training').addEventListener('click', () => watch?.hurry());
  // what is running is what a person wants to see first
  if (study.units.some(({ state: unit }) => unit !== 'done')) showView('training');
  watch = watchStudy(study, async now => {
    byId('report').hidden = now.report === undefined;
    await models.update(now);
    if (!byId('training-view').hidden) await openTraining(now);
  });
  await watch.over;
}

listen();
byId('isolation').hidden = crossOriginIsolated;
if (isOneFile()) void guarded(() => showAbout(VOXSTILL_VERSION));
guarded(async () => {
  state.backends = await chooseBackends([byId('backend'), byId('distil-device')], probe);
  await actions.update();
});
guarded(showStudy);
guarded(showOffline);
