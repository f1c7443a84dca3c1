/** The page where its server and the network are gone, in a real browser. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { servePage } from '../../src/platform/node/page.ts';
import { hasBrowser, launchBrowser } from '../support/browser.ts';
import { openPage } from '../support/page-session.ts';
import { temporaryFolder } from '../support/program.ts';
import { writeRunFixture } from '../support/run-fixture.ts';

const folder = temporaryFolder();
afterAll(() => rmSync(folder, { recursive: true }));

describe.skipIf(!hasBrowser)('the page that the browser keeps', () => {
  it('opens with its models and segments, on all cores, without server and network', async () => {
    const run = join(folder, 'run');
    writeRunFixture(run);
    const server = await servePage({ run, port: 0 });
    const browser = await launchBrowser();
    let isServed = true;
    try {
      const { page, text, button, openSample, segment } = await openPage(browser, server.url);
      expect(await text('offline-text')).toMatch(/^This browser can keep the page/);
      await button('Keep the page').click();
      await page.getByText(/^This browser keeps the page and its models \([\d.]+ MB\)/).waitFor();
      await server.close();
      isServed = false;
      await page.context().setOffline(true);
      await page.reload();
      await page.locator('#models').getByLabel('baseline').waitFor();
      expect(await page.locator('#models label').allTextContents()).toEqual(['student', 'baseline']);
      await openSample();
      await segment('student');
      expect(await text('cost')).toContain('wasm, ');
      expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
      expect(await page.getByRole('alert').isVisible()).toBe(false);
      await button('Remove it').click();
      await button('Keep the page').click();
      await page.getByText(/^E_SERVER_GONE: the server of this page does not answer/).waitFor();
      expect(await page.locator('#volumes').getByLabel('student').count()).toBe(1);
    } finally {
      await browser.close();
      if (isServed) await server.close();
    }
  });
});
