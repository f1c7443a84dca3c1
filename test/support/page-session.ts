/** One page in a real browser, as a person uses it, for the tests of the page. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { servePage } from '../../src/platform/node/page.ts';
import type { StaticServer } from '../../src/platform/node/static-server.ts';
import { launchBrowser } from './browser.ts';
import { temporaryFolder } from './program.ts';
import { writeRunFixture } from './run-fixture.ts';

/** Software rendering on loaded cores. */
const PATIENCE_MS = 60_000;

interface DroppedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface PageSession {
  readonly page: Page;
  /** What the page complained about since it was opened. */
  readonly complaints: readonly string[];
  text(id: string): Promise<string>;
  button(name: string): Locator;
  /** Waits until nothing is computed any more. */
  settled(): Promise<void>;
  /** Opens the sample case, whose reference comes with it. */
  openSample(): Promise<void>;
  segment(arm: string): Promise<void>;
  /**
   * Drops files on an element, as the mouse does.
   * @param clicked a button that is clicked just before, with no time for the page to hear of it
   */
  drop(selector: string, files: readonly DroppedBytes[], clicked?: Locator): Promise<boolean>;
  /** What the page hands over for download while something is done, by name. */
  downloads(count: number, act: () => Promise<void>): Promise<ReadonlyMap<string, string>>;
}

/** Opens the page and waits for its models. */
export async function openPage(browser: Browser, url: string): Promise<PageSession> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(PATIENCE_MS);
  const complaints: string[] = [];
  page.on('console', message => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', error => complaints.push(error.message));
  await page.goto(url);
  await page.locator('#models').getByLabel('student').waitFor();
  await page.locator('#backend option').first().waitFor({ state: 'attached' });
  const button = (name: string): Locator => page.getByRole('button', { name, exact: true });
  const settled = (): Promise<void> => page.locator('#cancel').waitFor({ state: 'hidden' });
  return {
    page,
    complaints,
    button,
    settled,
    text: async id => (await page.locator(`#${id}`).textContent()) ?? '',
    openSample: async () => {
      await button('Sample').click();
      await page.getByRole('radio', { name: 'reference' }).waitFor();
      await settled();
    },
    segment: async arm => {
      await page.locator('#models').getByLabel(arm).check();
      await button('Segment').click();
      await page.locator('#volumes').getByLabel(arm).waitFor();
      await settled();
    },
    drop: async (selector, files, clicked) =>
      page.locator(selector).evaluate(
        (element, { given, first }) => {
          const data = new DataTransfer();
          for (const { name, bytes } of given) data.items.add(new File([Uint8Array.from(bytes)], name));
          const event = new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
          if (first instanceof HTMLElement) first.click();
          element.dispatchEvent(event);
          return event.defaultPrevented;
        },
        {
          given: files.map(({ name, bytes }) => ({ name, bytes: [...bytes] })),
          first: (await clicked?.elementHandle()) ?? null,
        },
      ),
    downloads: async (count, act) => {
      const files = new Map<string, string>();
      const done = new Promise<void>((resolve, reject) => {
        page.on('download', async download => {
          try {
            files.set(download.suggestedFilename(), await download.path());
          } catch (error) {
            reject(error);
          }
          if (files.size === count) resolve();
        });
      });
      await act();
      const patience = new Promise<never>((_, reject) => {
        setTimeout(() => reject(new Error(`${files.size} of ${count} downloads came`)), PATIENCE_MS).unref();
      });
      await Promise.race([done, patience]);
      return files;
    },
  };
}

/**
 * Serves a run to the tests of a group, and opens a page of its own for each of them, which must not complain.
 * @returns where the page of the test that runs now is found
 */
export function usePages(): { readonly session: PageSession } {
  const folder = temporaryFolder();
  const run = join(folder, 'run');
  const current = {} as { session: PageSession };
  let browser: Browser;
  let server: StaticServer;
  beforeAll(async () => {
    writeRunFixture(run);
    [server, browser] = [await servePage({ run, port: 0 }), await launchBrowser()];
  });
  afterAll(async () => {
    await browser.close();
    await server.close();
    rmSync(folder, { recursive: true });
  });
  beforeEach(async () => {
    current.session = await openPage(browser, server.url);
  });
  afterEach(async () => {
    expect(current.session.complaints).toEqual([]);
    await current.session.page.close();
  });
  return current;
}
