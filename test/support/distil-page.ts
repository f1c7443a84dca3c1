/** The view of the page that trains, in a real browser on the page's own server. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { servePage } from '../../src/platform/node/page.ts';
import type { StaticServer } from '../../src/platform/node/static-server.ts';
import { hasBrowser, launchBrowser } from './browser.ts';
import { openDistil } from './distil-view.ts';

/** Trainings on loaded cores. */
const PATIENCE_MS = 120_000;

export interface DistilPages {
  /** What all tabs share, their storage too. */
  readonly context: BrowserContext;
  readonly server: StaticServer;
  /** Addresses of everything that was asked for. */
  readonly requests: readonly string[];
  /** What the tabs complained about. */
  readonly complaints: readonly string[];
  /** Opens the view in a new tab. */
  open(): Promise<Page>;
}

/** Serves the page to the tests of a file, where there is a browser. What it returns is filled before they start. */
export function useDistilPages(): DistilPages {
  const [requests, complaints]: [string[], string[]] = [[], []];
  const open = (): Promise<Page> => openDistil(pages.context, pages.server.url);
  const pages = Object.assign({} as { context: BrowserContext; server: StaticServer }, { requests, complaints, open });
  let browser: Browser | undefined;
  beforeAll(async () => {
    if (!hasBrowser) return;
    [pages.server, browser] = [await servePage({ port: 0 }), await launchBrowser()];
    pages.context = await browser.newContext({ viewport: { width: 1280, height: 800 }, acceptDownloads: true });
    pages.context.setDefaultTimeout(PATIENCE_MS);
    pages.context.on('page', page => {
      page.on('console', message => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      page.on('pageerror', error => complaints.push(error.message));
    });
    pages.context.on('request', request => requests.push(request.url()));
  });
  afterAll(async () => {
    await browser?.close();
    await (pages as { readonly server?: StaticServer }).server?.close();
  });
  return pages;
}

/** Waits for a text, or fails with what the page says instead. */
export async function waitForText(page: Page, selector: string, text: string): Promise<void> {
  await page.waitForFunction(
    ([place, wanted]) =>
      document.querySelector(place as string)?.textContent?.includes(wanted as string) ||
      !(document.querySelector('#message') as HTMLElement).hidden,
    [selector, text],
  );
  expect(await page.locator('#message-text').textContent()).toBe('');
  expect(await page.locator(selector).textContent()).toContain(text);
}
