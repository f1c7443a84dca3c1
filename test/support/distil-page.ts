/** The view of the page that trains, in a real browser on the page's own server, and phantoms for it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';
import { generatePhantom } from '../../src/data/phantom.ts';
import { servePage } from '../../src/platform/node/page.ts';
import type { StaticServer } from '../../src/platform/node/static-server.ts';
import { createNiftiHeader, encodeNiftiImage, encodeNiftiLabels } from '../../src/volume/nifti.ts';
import { hasBrowser, launchBrowser } from './browser.ts';
import { tinyModel } from './tiny-model.ts';

/** Trainings on loaded cores. */
const PATIENCE_MS = 120_000;
/** Number of phantoms. */
export const CASES = 5;

/** Writes images with a teacher among them, and labels that belong to them by their names if they are wanted. */
export function writePhantoms(folder: string, { isLabelled }: { readonly isLabelled: boolean }): void {
  mkdirSync(folder, { recursive: true });
  for (let index = 0; index < CASES; index++) {
    const { volume, labels } = generatePhantom(7, index, { sizeVoxels: [16, 24, 16] });
    const header = createNiftiHeader(volume);
    writeFileSync(join(folder, `p${index}.nii.gz`), encodeNiftiImage(volume, header));
    if (isLabelled) writeFileSync(join(folder, `p${index}_label.nii.gz`), encodeNiftiLabels(labels, header));
  }
  writeFileSync(join(folder, 'teacher.onnx'), tinyModel(1));
}

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
  const open = async (): Promise<Page> => {
    const page = await pages.context.newPage();
    page.on('console', message => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', error => complaints.push(error.message));
    await page.goto(pages.server.url);
    await page.locator('#backend option').first().waitFor({ state: 'attached' });
    await page.getByRole('button', { name: 'Distil', exact: true }).click();
    return page;
  };
  const pages = Object.assign({} as { context: BrowserContext; server: StaticServer }, { requests, complaints, open });
  let browser: Browser | undefined;
  beforeAll(async () => {
    if (!hasBrowser) return;
    [pages.server, browser] = [await servePage({ port: 0 }), await launchBrowser()];
    pages.context = await browser.newContext({ viewport: { width: 1280, height: 800 }, acceptDownloads: true });
    pages.context.setDefaultTimeout(PATIENCE_MS);
    pages.context.on('request', request => requests.push(request.url()));
  });
  afterAll(async () => {
    await browser?.close();
    await (pages as { readonly server?: StaticServer }).server?.close();
  });
  return pages;
}
