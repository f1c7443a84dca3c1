/** Sessions of the view of images: saved as one file, and opened again with the images that they name. */
import { InputError } from '../src/core/errors.ts';
import type { ActionsView } from './actions-view.ts';
import { byId } from './elements.ts';
import type { Wanted } from './file-roles.ts';
import { chosenFiles } from './inputs.ts';
import { mayReplaceImage } from './leaving.ts';
import { guarded, showWarnings } from './message.ts';
import type { DroppedFile, Scan } from './protocol.ts';
import { saveFile } from './save-file.ts';
import type { FoundChannel } from './session/image-files.ts';
import type { SessionParts } from './session/session.ts';
import type { ImageSession } from './session/session-file.ts';
import type { Client } from './worker-client.ts';

/** The rest of the page, as far as this view needs it. */
export interface SessionWorld extends Omit<SessionParts, 'hash'> {
  readonly client: Client;
  readonly actions: ActionsView;
  readonly read: (files: readonly DroppedFile[], wanted: Wanted) => Promise<Scan>;
  readonly show: (scan: Scan) => Promise<void>;
}

export interface SessionView {
  /**
   * Opens a session.
   * @param given files that came with it, among which its images may be
   */
  open(archive: Blob, given: readonly DroppedFile[]): Promise<void>;
  listen(): void;
}

/** @param world the page; this view changes the image that is open, and all that belongs to it */
export function createSessionView(world: SessionWorld): SessionView {
  const { state, client, actions, segmentations } = world;
  const hash = async (files: readonly DroppedFile[]): Promise<readonly string[]> =>
    (await client.run({ kind: 'hash', files }, 'hashed')).sums;
  const parts: SessionParts = { ...world, hash };

  /** Does a long job, and gives its result; undefined where it failed, which was said. */
  async function result<Result>(text: string, work: () => Promise<Result>): Promise<Result | undefined> {
    let done: Result | undefined;
    await actions.busily(async () => {
      actions.showProgress(text);
      done = await work();
    });
    return done;
  }

  function save(): Promise<void> {
    return actions.busily(async () => {
      const { scan } = state;
      if (scan === undefined) return;
      actions.showProgress('saving the session');
      const { saveSession } = await import('./session/session.ts');
      saveFile(`${scan.stem}.voxstill.zip`, await saveSession(parts));
      const isSample = scan.sources.length === 0;
      byId('session-text').textContent =
        `Saved with labels, measurements and view${isSample ? '' : '; keep the image beside it'}.`;
    });
  }

  /** The images of a session, which a person is asked for as long as they are not there. */
  async function findImages({ record }: ImageSession, given: readonly DroppedFile[]) {
    const { findFiles, areAllSame } = await import('./session/image-files.ts');
    const { askImages } = await import('./session/ask-images.ts');
    let candidates = given.length > 0 ? given : (state.scan?.sources.flatMap(({ files }) => files) ?? []);
    for (;;) {
      const found = await result('looking for the images', () => findFiles(record.image.channels, candidates, hash));
      if (found === undefined || areAllSame(found)) return found;
      const answer = await askImages(found);
      if (answer === undefined) return undefined;
      if (answer.kind === 'anyway') return found;
      const known = found.flatMap(({ files }) => files.flatMap(one => (one.state === 'same' ? (one.file ?? []) : [])));
      candidates = [...known, ...answer.files];
    }
  }

  async function readImages({ record }: ImageSession, found: readonly FoundChannel[]): Promise<Scan> {
    if (record.image.channels.length === 0) {
      const { reference: _, ...sample } = (await client.run({ kind: 'sample' }, 'read')).scan;
      return sample;
    }
    const { wantedOf } = await import('./session/image-files.ts');
    const { files, wanted } = wantedOf(found);
    return world.read(files, wanted);
  }

  function openedText({ record }: ImageSession, isSame: boolean): string {
    const saved = new Date(record.savedAt).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
    const checked = record.image.channels.length > 0 && isSame ? ' Its image is the same one, by SHA-256.' : '';
    return `Session of ${saved}.${checked}`;
  }

  async function show(session: ImageSession, found: readonly FoundChannel[]): Promise<void> {
    const { areAllSame } = await import('./session/image-files.ts');
    const { segmentationsOf, restoreSession } = await import('./session/session.ts');
    const scan = await readImages(session, found);
    // before anything that is open goes
    const items = segmentationsOf(session, scan);
    const isSame = areAllSame(found);
    try {
      await world.show(scan);
    } finally {
      const warnings = await restoreSession(parts, session, items);
      const other = `the image is not the one that the session was saved with (its SHA-256 differs); it has the same grid.`;
      const images = isSame ? [] : [{ code: 'W_SESSION_IMAGE', message: other } as const];
      showWarnings([...scan.warnings, ...images, ...warnings]);
      byId('session-text').textContent = openedText(session, isSame);
    }
  }

  const view: SessionView = {
    async open(archive, given) {
      const session = await result('opening the session', async () => {
        const { decodeSession } = await import('./session/session-file.ts');
        return decodeSession(archive);
      });
      if (session === undefined || !(await mayReplaceImage(state, segmentations.saveUnsaved))) return;
      const found = await findImages(session, given);
      if (found !== undefined) await actions.busily(() => show(session, found));
    },

    listen() {
      byId('save-session').addEventListener('click', save);
      const input = byId<HTMLInputElement>('open-session');
      input.addEventListener('change', () =>
        guarded(async () => {
          const [chosen] = chosenFiles(input);
          if (chosen === undefined) return;
          if (state.isBusy) throw new InputError('E_PAGE_BUSY', 'the page is still at work. Wait until it is done.');
          await view.open(chosen.file, []);
        }),
      );
    },
  };
  return view;
}
