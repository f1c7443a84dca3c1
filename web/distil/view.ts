/**
 * The view "Distil": a person chooses teacher, images and student, sees what it would take, and trains a small model in
 * the page. Loaded when it is opened for the first time.
 */
import { InputError, VoxstillError, WorkError } from '../../src/core/errors.ts';
import { formatBytes, formatDuration, formatSeconds, formatWhole } from '../../src/core/format.ts';
import type { ModelFile } from '../../src/experiment/model-file.ts';
import type { Probe } from '../../src/platform/web/device-probe.ts';
import { deviceIn } from '../backends.ts';
import type { ReviewedCase } from '../case-review.ts';
import { withoutTwins } from '../dropped-files.ts';
import { byId, make } from '../elements.ts';
import { chosenFiles } from '../inputs.ts';
import { guarded, hideMessage, showError } from '../message.ts';
import { withoutModels } from '../opening.ts';
import { codecSources, runtimeFilesOfAll } from '../own-files.ts';
import type { PageState } from '../page-state.ts';
import type { DroppedFile } from '../protocol.ts';
import { saveFile } from '../save-file.ts';
import { type RunningJob, startJob } from './client.ts';
import { createCorrecting } from './correcting.ts';
import type { Checked, DistilJob, DistilReply, StudentSize, TeacherFile } from './protocol.ts';
import { createRunView, progressText, type ShownFacts } from './run-view.ts';
import { listSessions, removeSession, type Session, type SessionState, sessionFiles } from './sessions.ts';
import { keepAwake } from './wake-lock.ts';

/** The rest of the page, as far as this view needs it. */
export interface DistilWorld {
  readonly state: PageState;
  readonly version: string;
  /** Tries the graphics card. */
  readonly probe: Probe;
  addModels(files: readonly DroppedFile[]): Promise<void>;
  showImage(): void;
  /** Shows a case of a session in the view of images. */
  openCase(item: ReviewedCase): Promise<void>;
  /** Shows this view. */
  showDistil(): void;
}

export interface DistilView {
  /** Takes files: models as teachers, everything else as the data. */
  open(files: readonly DroppedFile[]): Promise<void>;
  /** Looks again at what there is: models, sessions. */
  refresh(): Promise<void>;
}

/** Memory of a tab beside the engine and the images of a training. */
const PAGE_BYTES = 250e6;

/** The places of a training, and what is to compute. */
type Setting = Pick<DistilJob, 'places' | 'version' | 'device'>;

const STATES: Readonly<Record<SessionState, string>> = {
  open: 'another tab works on it',
  begun: 'not finished',
  done: 'finished',
  failed: 'failed',
};

const input = (id: string): HTMLInputElement => byId<HTMLInputElement>(id);
const select = (id: string): HTMLSelectElement => byId<HTMLSelectElement>(id);
const recipeField = (): HTMLTextAreaElement => byId<HTMLTextAreaElement>('distil-recipe');

/** A model as the teacher's file; what it does not say itself is written beside it. */
function teacherFile(name: string, { bytes, metadata, notes }: ModelFile): TeacherFile {
  const plain = name.replace(/\.onnx$/i, '').replace(/[^\p{L}\p{N}._-]+/gu, '_');
  // only models from elsewhere have notes on how they were read
  const facts = notes === undefined ? {} : { facts: `${JSON.stringify(metadata, null, 2)}\n` };
  return { name: `${plain}.onnx`, bytes: bytes as Uint8Array<ArrayBuffer>, ...facts };
}

/** Bytes that the browser still lets this page store. */
async function freeBytes(): Promise<number> {
  const { quota = 0, usage = 0 } = await navigator.storage.estimate();
  return quota - usage;
}

/** A moment as part of a name: `20261128T094500Z`. */
function stampOf(moment: Date): string {
  return moment.toISOString().replace(/[-:]|\.\d+/g, '');
}

function estimateText(
  { stepMs, teacherMs, teacherSteps, seconds, engineBytes, dataBytes, storedBytes }: Checked,
  free: number,
): string {
  const step = formatSeconds((stepMs + teacherMs) / 1000);
  const share = formatSeconds(teacherMs / 1000);
  return (
    `Time: a step takes about ${step} here, ${share} of it for the teacher, which is asked in ${formatWhole(teacherSteps)} steps; about ${formatDuration(seconds)} in all, without validations and the evaluation at the end.\n` +
    `Memory: ${formatBytes(engineBytes)} for the engine, ${formatBytes(dataBytes)} for the images, about ${formatBytes(PAGE_BYTES)} for the page.\n` +
    `Storage: at most ${formatBytes(storedBytes)} of ${formatBytes(free)} that the browser gives this page.`
  );
}

export function createDistilView(world: DistilWorld): DistilView {
  const { state, version, probe, addModels, showImage } = world;
  let dropped: readonly DroppedFile[] = [];
  let checked: Checked | undefined;
  let job: RunningJob | undefined;
  let isTraining = false;
  /** Whether a person has changed the recipe since it was written. */
  let isEdited = false;
  const places = { runtimes: runtimeFilesOfAll(), codecs: codecSources() };
  const setting = (): Setting => ({ places, version, device: deviceIn(select('distil-device')) });
  /** What computed the steps that were tried. */
  let computes = '';
  const run = createRunView(async file => {
    await addModels([{ path: file.name, file }]);
    showImage();
  });
  const correcting = createCorrecting({
    setting,
    probe,
    run,
    train: (work, facts) => train(work, facts),
    openCase: world.openCase,
    showDistil: world.showDistil,
  });

  function update(): void {
    const isBusy = job !== undefined;
    byId('distil-setup').hidden = isTraining;
    byId('distil-sessions-view').hidden = isTraining;
    for (const element of byId('distil-setup').querySelectorAll('input, select, textarea')) {
      (element as HTMLInputElement).disabled = isBusy;
    }
    byId<HTMLButtonElement>('distil-check').disabled = isBusy || dropped.length === 0 || state.choices.length === 0;
    byId<HTMLButtonElement>('distil-start').disabled = isBusy || checked === undefined;
    byId('distil-cancel').hidden = !isBusy || isTraining;
    byId('distil-pause').hidden = !isTraining;
    byId('distil-closing').hidden = !isTraining;
    byId<HTMLButtonElement>('distil-pause').disabled = false;
    for (const button of byId('distil-sessions').querySelectorAll('button')) button.disabled = isBusy;
    correcting.update(isBusy);
  }

  /** What was found does not hold any more. */
  function changed(): void {
    checked = undefined;
    byId('distil-estimate').textContent = '';
    update();
  }

  /** A choice that the recipe follows from. */
  function chosen(): void {
    isEdited = false;
    recipeField().value = '';
    byId('distil-recipe-field').hidden = true;
    byId('distil-found').textContent = '';
    changed();
  }

  function listTeachers(): void {
    const list = select('distil-teacher');
    const before = list.value;
    const names = state.choices.map(({ name }) => name);
    if (names.join('\n') === [...list.options].map(({ value }) => value).join('\n')) return;
    list.replaceChildren(...names.map(name => make('option', { value: name }, name)));
    const wanted = names.includes(before) ? before : names.findLast(name => /teacher/i.test(name));
    list.value = wanted ?? names.at(-1) ?? '';
    byId('distil-no-teacher').hidden = names.length > 0;
    if (list.value !== before) chosen();
  }

  async function open(files: readonly DroppedFile[]): Promise<void> {
    if (job !== undefined) {
      throw new InputError('E_PAGE_BUSY', 'a training is under way. Pause it, or wait, and open the files again.');
    }
    const [models, others] = withoutModels(withoutTwins(files));
    if (models.length > 0) {
      await addModels(models);
      listTeachers();
      select('distil-teacher').value = state.chosen?.name ?? '';
      chosen();
    }
    if (others.length === 0) return;
    dropped = others;
    const folder = others[0]?.path.split('/').slice(0, -1)[0];
    byId('distil-data').textContent = `${formatWhole(others.length)} files${folder ? ` in ${folder}` : ''}`;
    chosen();
  }

  function showCheck(reply: DistilReply): void {
    if (reply.kind === 'computes') computes = reply.text;
    if (reply.kind === 'progress') byId('distil-estimate').textContent = `${reply.label}: ${progressText(reply)}`;
  }

  /** Does a job of the worker; errors are shown, unless a person ended it. */
  async function perform(work: DistilJob): Promise<Awaited<RunningJob['end']> | undefined> {
    hideMessage();
    correcting.rest();
    isTraining = work.kind === 'start' || work.kind === 'resume' || work.kind === 'continue';
    job = startJob(work, { onReply: isTraining ? run.show : showCheck, probe });
    update();
    try {
      return await job.end;
    } catch (error) {
      if (!(error instanceof VoxstillError && error.code === 'E_CANCELLED')) showError(error);
      return undefined;
    } finally {
      job = undefined;
      const wasTraining = isTraining;
      isTraining = false;
      update();
      // a training shows its own session
      if (!wasTraining) correcting.resume();
    }
  }

  async function check(): Promise<void> {
    const choice = state.choices.find(({ name }) => name === select('distil-teacher').value);
    if (choice === undefined) throw new InputError('E_NO_MODEL', 'choose a teacher first.');
    const steps = Number(input('distil-steps').value);
    if (!Number.isInteger(steps) || steps < 1) {
      throw new InputError('E_RECIPE_VALUE', 'the number of steps must be a whole number of at least 1.');
    }
    changed();
    byId('distil-estimate').textContent = 'Reading the images and trying out a few steps …';
    const free = await freeBytes();
    const found = await perform({
      kind: 'check',
      ...setting(),
      files: dropped,
      teacher: teacherFile(choice.name, await choice.read()),
      choices: {
        size: select('distil-size').value as StudentSize,
        steps,
        baseline: input('distil-baseline').checked,
      },
      ...(isEdited && { recipe: recipeField().value }),
      freeBytes: free,
    });
    if (found?.kind !== 'checked') {
      byId('distil-estimate').textContent = '';
      return;
    }
    checked = found;
    byId('distil-found').textContent = `${found.title}: ${found.facts}.`;
    byId('distil-estimate').textContent = `Computed on: ${computes}.\n${estimateText(found, free)}`;
    recipeField().value = found.recipe;
    byId('distil-recipe-field').hidden = false;
    update();
  }

  /** Shows what came of a session, and its cases. */
  async function showFinished(session: string, facts: ShownFacts): Promise<void> {
    run.stop('Finished.');
    await run.showResult(session, facts);
    correcting.show(session, facts);
  }

  /** Trains in a session until it is done, paused or failed. */
  async function train(work: DistilJob & { session: string }, facts: ShownFacts): Promise<void> {
    correcting.leave();
    run.begin(facts.title);
    const rest = keepAwake();
    const end = await perform(work);
    rest();
    // a round that is not finished leaves the session as it was
    if (end?.kind === 'done' || work.kind === 'continue') await showFinished(work.session, facts);
    if (end?.kind === 'paused') {
      run.stop('Paused. It goes on from here, with the same numbers, when you press "Go on".');
    } else if (end?.kind !== 'done') {
      run.stop('Stopped. What was stored is kept.');
    }
    await listAgain();
  }

  /** Asks the browser not to drop what is stored when its disk runs full. */
  async function askToKeep(): Promise<void> {
    byId('distil-kept').hidden = await navigator.storage.persisted();
    // Firefox asks the person, who need not answer: nothing waits for it
    void navigator.storage.persist().then(
      isKept => {
        byId('distil-kept').hidden = isKept;
      },
      () => {},
    );
  }

  async function start(): Promise<void> {
    const found = checked;
    if (found === undefined) return;
    const free = await freeBytes();
    if (found.storedBytes > free) {
      throw new WorkError(
        'E_DISK_FULL',
        `the session may need ${formatBytes(found.storedBytes)}, the browser gives this page ${formatBytes(free)}. Delete other sessions, or set distil.softLabels to step in the recipe.`,
      );
    }
    await askToKeep();
    const session = `${found.title}-${stampOf(new Date())}`;
    checked = undefined;
    const { title, isPaired, isUntested, contents } = found;
    const facts = { title, isPaired, isUntested };
    await train({ kind: 'start', ...setting(), session, facts, contents }, facts);
  }

  function row(session: Session): HTMLElement {
    const { name, title, startedAt, state: now } = session;
    const begun = new Date(startedAt).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
    const button = (text: string, act: () => Promise<void>): HTMLElement => {
      const element = make('button', { type: 'button', 'aria-label': `${text}: ${title}, ${begun}` }, text);
      element.addEventListener('click', () => guarded(act));
      return element;
    };
    const buttons = [
      ...(now === 'begun' || now === 'failed'
        ? [button('Go on', () => train({ kind: 'resume', ...setting(), session: name }, session))]
        : []),
      ...(now === 'done'
        ? [
            button('Show', async () => {
              correcting.leave();
              run.begin(title);
              await showFinished(name, session);
            }),
          ]
        : []),
      ...(now === 'open'
        ? []
        : [
            button('Export', async () => {
              const { archiveSession } = await import('./session-archive.ts');
              saveFile(`${name}.voxstill.zip`, await archiveSession(await sessionFiles(name)));
            }),
            button('Delete', async () => {
              if (!confirm(`Delete the session ${title} of ${begun} with its images and models?`)) return;
              correcting.leave();
              await removeSession(name);
              run.clear();
              await listAgain();
            }),
          ]),
    ];
    return make(
      'li',
      {},
      make('span', {}, `${title}, ${begun}: ${STATES[now]} `),
      make('span', { class: 'row' }, ...buttons),
    );
  }

  async function listAgain(): Promise<void> {
    const sessions = await listSessions();
    byId('distil-no-sessions').hidden = sessions.length > 0;
    byId('distil-sessions').replaceChildren(...sessions.map(row));
    update();
  }

  /** Takes a session that was exported, here or elsewhere. */
  async function importSession(): Promise<void> {
    const [file] = chosenFiles(input('distil-import'));
    if (file === undefined) return;
    const session = `imported-${stampOf(new Date())}`;
    const end = await perform({ kind: 'import', ...setting(), session, archive: file.file });
    if (end === undefined) await removeSession(session);
    await listAgain();
  }

  function listen(): void {
    byId('distil-import').addEventListener('change', () => guarded(importSession));
    for (const id of ['distil-open-folder', 'distil-open-files', 'distil-open-model']) {
      input(id).addEventListener('change', () => guarded(() => open(chosenFiles(input(id)))));
    }
    for (const id of ['distil-teacher', 'distil-size', 'distil-steps', 'distil-baseline', 'distil-device']) {
      byId(id).addEventListener('change', chosen);
    }
    recipeField().addEventListener('input', () => {
      isEdited = true;
      changed();
    });
    correcting.listen();
    byId('distil-check').addEventListener('click', () => guarded(check));
    byId('distil-start').addEventListener('click', () => guarded(start));
    byId('distil-cancel').addEventListener('click', () => job?.cancel());
    byId('distil-pause').addEventListener('click', () => {
      byId<HTMLButtonElement>('distil-pause').disabled = true;
      job?.pause();
    });
  }

  listen();
  return {
    open,
    refresh: async () => {
      listTeachers();
      if (job === undefined) await listAgain();
    },
  };
}
