/** The page: what a person does leads to what is shown. Nothing is sent anywhere; the server only gives the page and a run. */
import { InputError, VoxstillError } from '../src/core/errors.ts';
import { labelsOfVolume } from '../src/volume/label-volume.ts';
import { encodeNiftiLabels } from '../src/volume/nifti.ts';
import { formatSize } from '../src/volume/volume.ts';
import { type Backends, chooseBackends } from './backends.ts';
import { differenceOf } from './difference.ts';
import { byId, make } from './elements.ts';
import { acceptDrops, chosenFiles } from './inputs.ts';
import { planMemory } from './memory.ts';
import { guarded, hideMessage, showMessage } from './message.ts';
import { choicesOf, fetchStudy, type ModelChoice, readDroppedModels } from './models.ts';
import type { DroppedFile, Scan } from './protocol.ts';
import { costText, progressText } from './report-text.ts';
import { renderVolumes, type Segmented, stylesOf } from './segmentations.ts';
import type { LAYOUTS, Viewer } from './viewer.ts';
import { createClient } from './worker-client.ts';

const address = (path: string): string => new URL(path, document.baseURI).href;
const input = (id: string): HTMLInputElement => byId<HTMLInputElement>(id);
const select = (id: string): HTMLSelectElement => byId<HTMLSelectElement>(id);

const client = createClient();
let viewer: Viewer | undefined;
let backends: Backends | undefined;
let choices: readonly ModelChoice[] = [];
let chosen: ModelChoice | undefined;
let scan: Scan | undefined;
let segmented: readonly Segmented[] = [];
/** Index of what is drawn, and of what it is compared with; -1 for none. */
let shown = -1;
let other = -1;
let isBusy = false;

async function openViewer(): Promise<Viewer> {
  if (viewer !== undefined) return viewer;
  const { createViewer } = await import('./viewer.ts');
  const onPlace = (text: string): void => {
    byId('place').textContent = text;
  };
  const onLost = (): void => {
    const canvas = byId('canvas');
    // a canvas whose graphics are lost cannot be used again at once
    canvas.replaceWith(canvas.cloneNode());
    viewer = undefined;
    const advice =
      'the browser took the graphics away from the viewer. Segmentations are not lost: save them, then open the image again.';
    showMessage(new InputError('E_WEBGL_LOST', advice));
  };
  try {
    viewer = await createViewer(byId<HTMLCanvasElement>('canvas'), { onPlace, onLost });
  } catch (cause) {
    throw new InputError('E_WEBGL', 'the viewer needs WebGL 2, which this browser does not offer. Segmenting works.', {
      cause,
    });
  }
  return viewer;
}

function drawLabels(): void {
  const [first, second] = [segmented[shown], segmented[other]];
  const difference =
    first !== undefined && second !== undefined && first !== second ? differenceOf(first, second) : undefined;
  byId('difference').hidden = difference === undefined;
  if (difference !== undefined) {
    const styles = difference.styles.map(({ name, colour }) =>
      make('li', {}, make('span', { class: 'swatch', style: `background: rgb(${colour.join(',')})` }), name),
    );
    const dice = difference.dice.map(({ name, dice: value }) =>
      make('li', {}, `Dice of ${name}: ${value === null ? 'neither has it' : value.toFixed(4)}`),
    );
    byId('difference').replaceChildren(...dice, make('li', {}, `${difference.voxels} voxels differ`), ...styles);
    viewer?.showLabels(difference.labels, difference.styles);
  } else viewer?.showLabels(first?.labels ?? null, first === undefined ? [] : stylesOf(first));
}

function renderSegmentations(): void {
  byId('results').hidden = segmented.length === 0;
  renderVolumes(byId('volumes'), { list: segmented, shown, onShow: showSegmentation });
  const options = segmented.map(({ name }, index) => make('option', { value: String(index) }, name));
  select('other').replaceChildren(make('option', { value: '-1' }, 'nothing'), ...options);
  select('other').value = String(other);
  byId('cost').textContent = segmented[shown]?.cost ?? '';
  byId<HTMLButtonElement>('save').disabled = shown < 0;
  drawLabels();
}

function showSegmentation(index: number): void {
  shown = index < segmented.length ? index : shown;
  const focused = document.activeElement instanceof HTMLInputElement && document.activeElement.name === 'shown';
  renderSegmentations();
  if (focused) document.querySelector<HTMLInputElement>('input[name="shown"]:checked')?.focus();
}

/** Adds a segmentation, or puts it in place of the one of the same name. */
function addSegmented(item: Segmented): void {
  const place = segmented.findIndex(({ name }) => name === item.name);
  segmented = place < 0 ? [...segmented, item] : segmented.with(place, item);
  showSegmentation(place < 0 ? segmented.length - 1 : place);
}

/** What the segmentation would take, or why it cannot be. */
async function estimateText(): Promise<string> {
  if (scan === undefined || chosen === undefined) return '';
  const file = await chosen.read();
  try {
    return planMemory(scan.volume, file).text;
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
}

async function updateActions(): Promise<void> {
  byId<HTMLButtonElement>('segment').disabled =
    isBusy || scan === undefined || chosen === undefined || backends === undefined;
  byId('cancel').hidden = !isBusy;
  byId('reference-label').hidden = scan === undefined;
  byId('estimate').textContent = await estimateText();
}

/** Does a long job, one at a time. */
async function busily(work: () => Promise<void>): Promise<void> {
  if (isBusy) return;
  isBusy = true;
  hideMessage();
  try {
    await updateActions();
    await work();
  } catch (error) {
    if (!(error instanceof VoxstillError && error.code === 'E_CANCELLED')) showMessage(error);
  } finally {
    isBusy = false;
    byId('progress').hidden = true;
    await guarded(updateActions);
  }
}

function showProgress(text: string, share?: number): void {
  const bar = byId<HTMLProgressElement>('progress-bar');
  byId('progress').hidden = false;
  byId('progress-text').textContent = text;
  if (share === undefined) bar.removeAttribute('value');
  else bar.value = share;
}

const readFiles = (files: readonly DroppedFile[]) =>
  client.run({ kind: 'read', files, pipelines: address('pipelines') }, 'read');

async function showScan(next: Scan): Promise<void> {
  scan = next;
  const { volume, name, reference, warnings } = next;
  byId('scan-name').textContent = name;
  const channels = volume.channels === 1 ? '' : `, ${volume.channels} channels`;
  const spacing = volume.spacingMm.map(mm => Number(mm.toFixed(3))).join(' × ');
  byId('scan-facts').textContent = `${volume.sizeVoxels.join(' × ')} voxels of ${spacing} mm${channels}`;
  byId('empty').hidden = true;
  segmented = [];
  shown = -1;
  other = -1;
  if (warnings.length > 0)
    showMessage(new InputError('E_IMAGE_WARNING', warnings.map(({ message }) => message).join('\n')));
  const view = await openViewer();
  await view.showScan(next);
  const [darkest, brightest] = view.window();
  for (const [id, value] of [
    ['darkest', darkest],
    ['brightest', brightest],
  ] as const) {
    input(id).disabled = false;
    input(id).value = String(value);
  }
  if (reference === undefined) renderSegmentations();
  else await addReference(reference);
}

/** Names of classes come from the chosen model, since a label file has none. */
async function addReference(labels: Segmented['labels']): Promise<void> {
  if (scan === undefined || formatSize(labels.sizeVoxels) !== formatSize(scan.volume.sizeVoxels)) {
    const sizes = `${formatSize(labels.sizeVoxels)} voxels, the image ${formatSize(scan?.volume.sizeVoxels ?? [0, 0, 0])}`;
    throw new InputError(
      'E_SHAPE_MISMATCH',
      `the reference has ${sizes}. Choose the labels of this image, on its grid.`,
    );
  }
  const file = await chosen?.read();
  const values = [...new Set(labels.data)].sort((left, right) => left - right);
  const nameOf = (value: number): string =>
    file?.info.labels.find(one => one.value === value)?.name ?? `label ${value}`;
  addSegmented({ name: 'reference', labels, classes: values.map(value => ({ value, name: nameOf(value) })), cost: '' });
}

async function openFiles(files: readonly DroppedFile[]): Promise<void> {
  if (files.some(({ path }) => /\.onnx$/i.test(path))) return guarded(() => addModels(files));
  if (files.length === 0) return;
  await busily(async () => {
    showProgress('reading');
    await showScan((await readFiles(files)).scan);
  });
}

function choose(choice: ModelChoice): Promise<void> {
  chosen = choice;
  return guarded(updateActions);
}

function renderModels(): void {
  const rows = choices.map(choice => {
    const radio = make('input', { type: 'radio', name: 'model' }) as HTMLInputElement;
    radio.checked = choice === chosen;
    radio.addEventListener('change', () => choose(choice));
    return make('label', { class: 'choice' }, radio, choice.name);
  });
  if (rows.length > 0) byId('models').replaceChildren(...rows);
}

async function addModels(files: readonly DroppedFile[]): Promise<void> {
  const added = await readDroppedModels(files);
  if (added.length === 0) throw new InputError('E_NO_MODEL', 'none of these files is an .onnx model.');
  hideMessage();
  choices = [...choices.filter(({ name }) => added.every(one => one.name !== name)), ...added];
  await choose(added.at(-1)!);
  renderModels();
}

async function segmentScan(): Promise<void> {
  if (scan === undefined || chosen === undefined || backends === undefined) return;
  const [{ volume, stem: id }, { name, read }] = [scan, chosen];
  const file = await read();
  const { patch } = planMemory(volume, file);
  const { metadata, bytes: model } = file;
  showProgress('loading the model');
  const job = {
    kind: 'segment',
    volume,
    id,
    model,
    metadata: { ...metadata, patch },
    runtime: address('runtime/'),
  } as const;
  const result = await client.run({ ...job, backend: backends.chosen() }, 'segmented', reply => {
    if (reply.kind === 'loaded') showProgress('segmenting');
    if (reply.kind === 'progress') showProgress(progressText(reply), reply.windowsDone / reply.windowsTotal);
  });
  addSegmented({ name, labels: result.labels, classes: file.info.labels, cost: costText(result) });
  if (result.warnings.length > 0) {
    showMessage(new InputError('E_IMAGE_WARNING', result.warnings.map(({ message }) => message).join('\n')));
  }
}

function saveShown(): void {
  const item = segmented[shown];
  if (scan === undefined || item === undefined) return;
  const bytes = encodeNiftiLabels(item.labels, scan.header).slice();
  const url = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }));
  const name = `${scan.stem}_${item.name.replace(/[^\w.-]+/g, '_')}.nii.gz`;
  make('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
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
      if (isBusy) client.cancel();
      else hideMessage();
    } else if (event.altKey && event.code === 'KeyS') {
      event.preventDefault();
      byId('segment').click();
    } else if (event.altKey && /^Digit\d$/.test(event.code)) {
      event.preventDefault();
      showSegmentation(Number(event.code.at(-1)) - 1);
    }
  });
}

function listen(): void {
  for (const id of ['open-image', 'open-folder'])
    input(id).addEventListener('change', () => openFiles(chosenFiles(input(id))));
  input('open-model').addEventListener('change', () => guarded(() => addModels(chosenFiles(input('open-model')))));
  input('open-reference').addEventListener('change', () =>
    busily(async () => {
      const { scan: read } = await readFiles(chosenFiles(input('open-reference')));
      await addReference(labelsOfVolume(read.volume, read.name));
    }),
  );
  acceptDrops(byId('stage'), openFiles);
  byId('sample').addEventListener('click', () =>
    busily(async () => showScan((await client.run({ kind: 'sample' }, 'read')).scan)),
  );
  byId('segment').addEventListener('click', () => busily(segmentScan));
  byId('cancel').addEventListener('click', () => client.cancel());
  byId('save').addEventListener('click', saveShown);
  byId('message-close').addEventListener('click', hideMessage);
  select('other').addEventListener('change', () => {
    other = Number(select('other').value);
    drawLabels();
  });
  select('layout').addEventListener('change', () => viewer?.setLayout(select('layout').value as keyof typeof LAYOUTS));
  input('opacity').addEventListener('input', () => viewer?.setOpacity(input('opacity').valueAsNumber));
  for (const id of ['darkest', 'brightest']) {
    input(id).addEventListener('input', () =>
      viewer?.setWindow(input('darkest').valueAsNumber, input('brightest').valueAsNumber),
    );
  }
  byId('show-image').addEventListener('click', () => showView(false));
  byId('show-training').addEventListener('click', () => showView(true));
  listenToKeys();
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
    const known = choices;
    choices = [
      ...choicesOf(now).map(choice => known.find(({ name }) => name === choice.name) ?? choice),
      ...known.filter(({ name }) => /\.onnx$/i.test(name)),
    ];
    if (choices.length === known.length) return;
    if (chosen === undefined) await choose(choices.find(({ name }) => name.includes('student')) ?? choices[0]!);
    renderModels();
  });
}

listen();
byId('isolation').hidden = crossOriginIsolated;
guarded(async () => {
  backends = await chooseBackends(select('backend'));
  await updateActions();
});
guarded(showStudy);
