/**
 * The page: what a person does leads to what is shown. Nothing is sent anywhere; the server only gives the page and a
 * run.
 */
import { InputError } from '../src/core/errors.ts';
import { labelsOfVolume } from '../src/volume/label-volume.ts';
import { createActionsView } from './actions-view.ts';
import { chooseBackends } from './backends.ts';
import { chooseImage } from './chooser.ts';
import { byId } from './elements.ts';
import type { ImageChoice } from './image-choices.ts';
import { createImageView } from './image-view.ts';
import { acceptDrops, chosenFiles } from './inputs.ts';
import { guardLeaving, mayReplaceImage } from './leaving.ts';
import { planMemory } from './memory.ts';
import { guarded, hideMessage, showError, showWarnings } from './message.ts';
import { fetchStudy } from './models.ts';
import { createModelsView } from './models-view.ts';
import { createPageState } from './page-state.ts';
import type { DroppedFile } from './protocol.ts';
import { costText, expectedDiceText, progressText } from './report-text.ts';
import { createSegmentationView } from './segmentation-view.ts';
import { createClient } from './worker-client.ts';

/** Put in by the build. */
declare const VOXSTILL_VERSION: string;

const address = (path: string): string => new URL(path, document.baseURI).href;
const input = (id: string): HTMLInputElement => byId<HTMLInputElement>(id);

const client = createClient();
const state = createPageState();
const actions = createActionsView(state);
const segmentations = createSegmentationView(state, VOXSTILL_VERSION);
const image = createImageView(state, segmentations);
const models = createModelsView(state, () => guarded(actions.update));

const readFiles = (files: readonly DroppedFile[], choice?: ImageChoice) =>
  client.run({ kind: 'read', files, codecs: address('codecs'), ...(choice && { choice }) }, 'read');

/** The image of several files that is wanted: a person says it where there is more than one. */
async function askWhich(files: readonly DroppedFile[]): Promise<{ readonly choice?: ImageChoice } | undefined> {
  if (files.length === 1) return {};
  let images: readonly ImageChoice[] = [];
  await actions.busily(async () => {
    actions.showProgress('looking through the files');
    ({ images } = await client.run({ kind: 'look', files, codecs: address('codecs') }, 'looked'));
  });
  if (images.length < 2) return {};
  const choice = await chooseImage(images);
  return choice && { choice };
}

async function openFiles(files: readonly DroppedFile[]): Promise<void> {
  if (files.some(({ path }) => /\.onnx$/i.test(path))) return guarded(() => models.add(files));
  if (files.length === 0) return;
  if (state.isBusy) {
    const advice = 'the page is still at work. Wait until it is done, or cancel it, and open the files again.';
    return showError(new InputError('E_PAGE_BUSY', advice));
  }
  if (!(await mayReplaceImage(state, segmentations.saveUnsaved))) return;
  const asked = await askWhich(files);
  if (asked === undefined) return;
  await actions.busily(async () => {
    actions.showProgress('reading');
    await image.show((await readFiles(files, asked.choice)).scan);
  });
}

async function openSample(): Promise<void> {
  if (!(await mayReplaceImage(state, segmentations.saveUnsaved))) return;
  await actions.busily(async () => image.show((await client.run({ kind: 'sample' }, 'read')).scan));
}

function openReference(): Promise<void> {
  return actions.busily(async () => {
    const { scan } = await readFiles(chosenFiles(input('open-reference')));
    await segmentations.addReference(labelsOfVolume(scan.volume, scan.name));
  });
}

async function segmentScan(): Promise<void> {
  const { scan, chosen, backends } = state;
  if (scan === undefined || chosen === undefined || backends === undefined) return;
  const { volume, stem: id } = scan;
  const file = await chosen.read();
  const { patch } = planMemory(volume, file);
  const { metadata, bytes: model } = file;
  actions.showProgress('loading the model');
  const job = {
    kind: 'segment',
    volume,
    id,
    model,
    metadata: { ...metadata, patch },
    runtime: address('runtime/'),
  } as const;
  const result = await client.run({ ...job, backend: backends.chosen() }, 'segmented', reply => {
    if (reply.kind === 'loaded') actions.showProgress('segmenting');
    if (reply.kind === 'warned') showWarnings(reply.warnings);
    if (reply.kind === 'progress') {
      actions.showProgress(progressText(reply), reply.windowsDone / reply.windowsTotal);
    }
  });
  segmentations.add({
    name: chosen.name,
    labels: result.labels,
    classes: file.info.labels,
    model: file,
    madeAt: new Date().toISOString(),
    cost: `${costText(result)}${expectedDiceText(result)}`,
    warnings: result.warnings,
  });
  showWarnings(result.warnings);
  byId('results').scrollIntoView({ block: 'nearest' });
}

function showView(isTraining: boolean): void {
  byId('image-view').hidden = isTraining;
  byId('training-view').hidden = !isTraining;
  byId('show-image').setAttribute('aria-pressed', String(!isTraining));
  byId('show-training').setAttribute('aria-pressed', String(isTraining));
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
    input(id).addEventListener('change', () => openFiles(chosenFiles(input(id))));
  input('open-model').addEventListener('change', () => guarded(() => models.add(chosenFiles(input('open-model')))));
  input('open-reference').addEventListener('change', openReference);
  acceptDrops(byId('stage'), files => guarded(() => openFiles(files)));
  byId('sample').addEventListener('click', openSample);
  byId('segment').addEventListener('click', () => actions.busily(segmentScan));
  byId('cancel').addEventListener('click', () => client.cancel());
  byId('save').addEventListener('click', () => actions.busily(segmentations.save));
  byId('save-difference').addEventListener('click', segmentations.saveDifference);
  byId('save-table').addEventListener('click', segmentations.saveTable);
  byId('message-close').addEventListener('click', hideMessage);
  const other = byId<HTMLSelectElement>('other');
  other.addEventListener('change', () => segmentations.compareWith(Number(other.value)));
  byId('show-image').addEventListener('click', () => showView(false));
  byId('show-training').addEventListener('click', () => showView(true));
  image.listen();
  listenToKeys();
  guardLeaving(state);
}

async function showStudy(): Promise<void> {
  const study = await fetchStudy();
  if (study === undefined) return;
  byId('run-name').textContent = study.name;
  byId('show-training').hidden = false;
  // what is running is what a person wants to see first
  if (study.units.some(({ state }) => state !== 'done')) showView(true);
  const { watchTraining } = await import('./training.ts');
  await watchTraining(study, async now => {
    byId('report').hidden = now.report === undefined;
    await models.update(now);
  });
}

listen();
byId('isolation').hidden = crossOriginIsolated;
guarded(async () => {
  state.backends = await chooseBackends(byId<HTMLSelectElement>('backend'));
  await actions.update();
});
guarded(showStudy);
