/**
 * Kills by signal 9 of a whole browser in which the page distils, seeded, at random times. The browser is started again
 * on its user folder, a person presses Go on, and the results are compared with a distillation that nothing happened
 * to.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Page } from 'playwright-core';
import { random } from '../../../src/core/random.ts';
import { type KillableBrowser, startKillableBrowser } from '../browser.ts';
import { chooseStudent, openDistil, writePhantoms } from '../distil-view.ts';
import { differences, type Ground } from './ground.ts';
import { type ChainOptions, EARLIEST, type KilledChain } from './kills.ts';

/** Several validations and checkpoints. */
const STEPS = 60;
const LATEST = 0.6;
/** Trainings on loaded cores. */
const PATIENCE_MS = 600_000;

/** A distillation in the page that nothing happened to. */
export interface HeldPage {
  /** Address of the page, whose storage belongs to it. */
  readonly url: string;
  readonly data: string;
  readonly out: string;
  /** From the press of the button to the end. */
  readonly wholeMs: number;
}

type Folder = FileSystemDirectoryHandle & {
  values(): AsyncIterable<FileSystemDirectoryHandle | FileSystemFileHandle>;
};

/** The files below the runs of all sessions, by path, in base64. No function in it has a name, which tsx would keep. */
function storedResults(page: Page): Promise<Readonly<Record<string, string>>> {
  return page.evaluate(async () => {
    const files: Record<string, string> = {};
    const sessions = await (await navigator.storage.getDirectory()).getDirectoryHandle('voxstill-sessions');
    const waiting: { folder: Folder; path: string }[] = [];
    for await (const session of (sessions as Folder).values()) {
      if (session.kind !== 'directory') continue;
      waiting.push({ folder: (await session.getDirectoryHandle('run')) as Folder, path: '' });
    }
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      for await (const entry of next.folder.values()) {
        const path = `${next.path}${entry.name}`;
        if (entry.kind === 'directory') {
          waiting.push({ folder: entry as Folder, path: `${path}/` });
          continue;
        }
        const bytes = new Uint8Array(await (await entry.getFile()).arrayBuffer());
        files[path] = btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''));
      }
    }
    return files;
  });
}

/** Writes what the page came to into a folder of the ground. */
async function keepResults(page: Page, folder: string): Promise<void> {
  for (const [path, base64] of Object.entries(await storedResults(page))) {
    const place = join(folder, path);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, Buffer.from(base64, 'base64'));
  }
}

/** Waits for one of these elements, and returns the error that the page shows instead. */
async function waitFor(page: Page, selector: string): Promise<string | undefined> {
  const [wanted, problem] = [page.locator(selector), page.locator('#message.error:not([hidden]) #message-text')];
  await wanted.or(problem).first().waitFor({ timeout: PATIENCE_MS });
  return (await problem.isVisible()) ? ((await problem.textContent()) ?? 'an error without words') : undefined;
}

/** Whether there is a session that was stored whole. */
function hasSession(page: Page): Promise<boolean> {
  return page.evaluate(async () => {
    const root = await navigator.storage.getDirectory();
    const sessions = await root.getDirectoryHandle('voxstill-sessions', { create: true });
    for await (const session of (sessions as Folder).values()) {
      if (session.kind !== 'directory') continue;
      if (await session.getFileHandle('session.json').catch(() => undefined)) return true;
    }
    return false;
  });
}

/** The button that begins, or goes on with the session that there is; nothing if it is finished. */
async function buttonOf(page: Page, data: string): Promise<string | undefined> {
  if (await hasSession(page)) {
    const row = page.locator('#distil-sessions li').first();
    await row.waitFor();
    return /: finished/.test((await row.textContent()) ?? '') ? undefined : 'button[aria-label^="Go on: "]';
  }
  await chooseStudent(page, data, STEPS);
  return '#distil-start:not([disabled])';
}

/**
 * Begins or goes on; calls `onPress` at the press of the button.
 * @returns the error that the page shows at the end, if there is one
 */
async function distil(
  { context }: KillableBrowser,
  { url, data }: Pick<HeldPage, 'url' | 'data'>,
  onPress: () => void,
): Promise<{ readonly page: Page; readonly problem: string | undefined }> {
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await openDistil(context, url);
  const button = await buttonOf(page, data);
  if (button === undefined) return { page, problem: undefined };
  const problem = await waitFor(page, button);
  if (problem !== undefined) return { page, problem };
  onPress();
  await page.locator(button).first().click();
  return { page, problem: await waitFor(page, '#distil-stage:text-matches("^(Finished|Stopped)")') };
}

/** Distils in a browser of its own, with nothing done to it. @throws if it fails */
export async function makeWholePage({ folder }: Ground, url: string): Promise<HeldPage> {
  const [data, out] = [join(folder, 'page', 'phantoms'), 'whole page'];
  writePhantoms(data, { isLabelled: true });
  const browser = await startKillableBrowser(join(folder, 'profile whole'));
  try {
    let started = 0;
    const { page, problem } = await distil(browser, { url, data }, () => {
      started = performance.now();
    });
    if (problem !== undefined) throw new Error(`the distillation that others are held against failed: ${problem}`);
    const wholeMs = performance.now() - started;
    await keepResults(page, join(folder, out));
    return { url, data, out, wholeMs };
  } finally {
    await browser.kill();
  }
}

/** One browser on a user folder, which is killed at a time after the press of the button, if one is given. */
async function distilOnce(
  profile: string,
  held: HeldPage,
  { afterMs, folder }: { readonly afterMs: number | undefined; readonly folder: string },
): Promise<'killed' | { readonly problem: string | undefined }> {
  const browser = await startKillableBrowser(profile);
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve, reject) => {
      const onPress = (): void => {
        if (afterMs !== undefined) timer = setTimeout(() => resolve('killed'), afterMs);
      };
      distil(browser, held, onPress)
        .then(async ({ page, problem }) => {
          if (problem === undefined) await keepResults(page, folder);
          resolve({ problem });
        })
        // a kill breaks off whatever is waited for
        .catch(reject);
    });
  } finally {
    clearTimeout(timer);
    await browser.kill();
  }
}

/** Kills the browser again and again, then lets the page go on to its end. */
export async function killPage({ folder }: Ground, held: HeldPage, options: ChainOptions): Promise<KilledChain> {
  const stream = random(options.seed, 'kills', 'page');
  const [out, profile] = ['killed', 'profile'].map(name => join(folder, `${name} page ${options.seed}`)) as [
    string,
    string,
  ];
  let kills = 0;
  try {
    for (;;) {
      const share = EARLIEST + (LATEST - EARLIEST) * stream.uniform();
      const afterMs = kills < options.kills ? share * held.wholeMs : undefined;
      const ended = await distilOnce(profile, held, { afterMs, folder: out });
      if (ended === 'killed') {
        kills++;
        continue;
      }
      if (ended.problem !== undefined) {
        const isCoded = /^E_(?!INTERNAL)[A-Z_]+: /.test(ended.problem);
        return { kills, end: isCoded ? 'reported' : 'fault', message: ended.problem };
      }
      const differing = differences(join(folder, held.out), out);
      return { kills, end: differing.length === 0 ? 'identical' : 'different', message: differing.join(', ') };
    }
  } finally {
    for (const path of [out, profile]) rmSync(path, { recursive: true, force: true });
  }
}
