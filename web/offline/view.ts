/** Asks the browser to keep the page, and says what is kept. Not shown where the browser cannot. */
import { formatBytes } from '../../src/core/format.ts';
import { hasWebGpu } from '../../src/platform/web/engine.ts';
import { byId } from '../elements.ts';
import { guarded, hideMessage } from '../message.ts';
import { fetchOwn, isOneFile } from '../own-files.ts';
import { forget, isKept, type KeepingWorld, keep } from './kept.ts';

/** Shows what is kept, and listens to what a person wants. */
export async function showOffline(): Promise<void> {
  if (isOneFile() || !('serviceWorker' in navigator) || !('caches' in globalThis)) return;
  const world: KeepingWorld = {
    caches,
    fetch: fetchOwn,
    start: async () => {
      await navigator.serviceWorker.register('./service-worker.js');
      await navigator.serviceWorker.ready;
    },
    hasWebGpu,
    now: () => Date.now(),
  };
  const [button, remove] = [byId<HTMLButtonElement>('keep'), byId<HTMLButtonElement>('forget')];
  const say = (text: string): void => {
    byId('offline-text').textContent = text;
  };
  const showState = (has: boolean, bytes?: number): void => {
    const size = bytes === undefined ? '' : ` (${formatBytes(bytes)})`;
    say(
      has
        ? `This browser keeps the page and its models${size}: it opens here without its server and without a network.`
        : 'This browser can keep the page and its models, so that it opens without its server and without a network.',
    );
    button.textContent = has ? 'Keep as it is now' : 'Keep the page';
    remove.hidden = !has;
  };
  button.addEventListener('click', () =>
    guarded(async () => {
      hideMessage();
      button.disabled = true;
      try {
        const bytes = await keep(world, progress =>
          say(`${progress.done} of ${progress.total} files, ${formatBytes(progress.bytes)}`),
        );
        showState(true, bytes);
      } catch (error) {
        showState(await isKept(world));
        throw error;
      } finally {
        button.disabled = false;
      }
    }),
  );
  remove.addEventListener('click', () =>
    guarded(async () => {
      await forget(world);
      const registration = await navigator.serviceWorker.getRegistration();
      await registration?.unregister();
      showState(false);
    }),
  );
  // a page that is installed as an app is to open without a network
  addEventListener('appinstalled', () => button.click());
  showState(await isKept(world));
  byId('offline').hidden = false;
}
