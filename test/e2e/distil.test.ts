/**
 * A distillation in a real browser: a folder of phantoms with a teacher, a tab that is closed in the middle, and the
 * student, which gives in Node what it gives in the page. Nothing leaves the page's own server.
 */
import { copyFileSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeLabels } from '../../src/volume/nifti.ts';
import { hasBrowser } from '../support/browser.ts';
import { useDistilPages, waitForText } from '../support/distil-page.ts';
import { HISTORY, lossesOf, repeatedInNode, storedText } from '../support/distil-repeated.ts';
import { chooseStudent, writePhantoms } from '../support/distil-view.ts';
import { temporaryFolder, voxstill } from '../support/program.ts';

const STEPS = 30;

const folder = temporaryFolder();
const data = join(folder, 'phantoms');
const pages = useDistilPages();
/** The student that was downloaded. */
let student: string;

beforeAll(() => {
  if (hasBrowser) writePhantoms(data, { isLabelled: true });
});
afterAll(() => rmSync(folder, { recursive: true }));

async function downloaded(page: Page, button: string): Promise<string> {
  const started = page.waitForEvent('download');
  await page.locator('#distil-downloads').getByRole('button', { name: button, exact: true }).click();
  const download = await started;
  const path = join(folder, download.suggestedFilename());
  await download.saveAs(path);
  return path;
}

/** Does something in the page as soon as curves are drawn, however fast the training is. */
function whenCurvesCome(page: Page, act: 'leave' | 'pause'): Promise<void> {
  return page.evaluate(what => {
    const curves = document.querySelector('#distil-curves') as HTMLElement;
    const observer = new MutationObserver(() => {
      if (curves.querySelector('svg') === null) return;
      observer.disconnect();
      if (what === 'leave') location.replace('about:blank');
      else (document.querySelector('#distil-pause') as HTMLButtonElement).click();
    });
    observer.observe(curves, { childList: true });
  }, act);
}

const goOn = (page: Page) => page.getByRole('button', { name: /^Go on: phantoms/ });

/** A distillation of which a folder is all that is given, to the point where its tab is closed. */
async function beginAndClose(): Promise<void> {
  const page = await pages.open();
  await chooseStudent(page, data, STEPS);
  await waitForText(page, '#distil-estimate', 'a step takes about');
  expect(await page.locator('#distil-found').textContent()).toBe(
    'phantoms: 5 images with labels, 1 channel(s), classes: Anterior, Posterior; paired by their names.',
  );
  await whenCurvesCome(page, 'leave');
  await page.locator('#distil-start').click();
  await page.waitForURL('about:blank');
  await page.close();
}

describe.skipIf(!hasBrowser)('a distillation in the page', () => {
  it('goes on after the tab was closed and after a pause with the numbers of one without a break', async () => {
    await beginAndClose();
    const page = await pages.open();
    await whenCurvesCome(page, 'pause');
    await goOn(page).click();
    await waitForText(page, '#distil-stage', 'Paused');
    await goOn(page).click();
    await waitForText(page, '#distil-stage', 'Finished.');

    student = await downloaded(page, 'student.onnx');
    const report = readFileSync(await downloaded(page, 'report.html'), 'utf8');
    expect(report).toContain('phantoms');
    expect(await page.frameLocator('#distil-report').locator('h1').first().textContent()).toContain('phantoms');

    // the same recipe, data and engine under Node
    copyFileSync(await downloaded(page, 'dataset.json'), join(data, 'dataset.json'));
    const recipe = readFileSync(await downloaded(page, 'recipe.yaml'), 'utf8');
    const out = await repeatedInNode(recipe, { data, place: join(folder, 'repeated') });
    const own = lossesOf(readFileSync(join(out, 'student/history.csv'), 'utf8'));
    expect(own).toHaveLength(STEPS);
    // every step to the last bit, though the page has more threads
    expect(lossesOf(await storedText(page, HISTORY))).toEqual(own);
    await page.close();
  });

  it('gives a student whose labels in the page are those of the program', async () => {
    const page = await pages.open();
    await page.getByRole('button', { name: /^Show: phantoms/ }).click();
    await page.getByRole('button', { name: 'Use the student', exact: true }).click();
    await page.locator('#open-image').setInputFiles(join(data, 'p0.nii.gz'));
    await page.locator('#scan-name').getByText('p0').waitFor();
    await page.locator('#cancel').waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'Segment', exact: true }).click();
    await page.locator('#volumes').getByLabel('student.onnx').waitFor();
    await page.locator('#cancel').waitFor({ state: 'hidden' });
    const saving = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    const saved = join(folder, 'page.nii.gz');
    await (await saving).saveAs(saved);
    const predicted = join(folder, 'node.nii.gz');
    const args = ['predict', '--model', student, '--input', join(data, 'p0.nii.gz'), '--output', predicted];
    expect(await voxstill(args, { cwd: folder })).toMatchObject({ code: 0 });
    const [inPage, inNode] = [saved, predicted].map(path => decodeLabels(readFileSync(path), { path }).data);
    const different = inPage?.filter((value, voxel) => value !== inNode?.[voxel]).length ?? 0;
    expect(different / (inPage?.length ?? 1)).toBeLessThan(0.001);
    await page.close();
  });

  it('is exported as one file and imported again, and one tab at a time works on it', async () => {
    const page = await pages.open();
    const saving = page.waitForEvent('download');
    await page.getByRole('button', { name: /^Export: phantoms/ }).click();
    const archive = join(folder, 'session.zip');
    await (await saving).saveAs(archive);
    await page.getByLabel('Import a session').setInputFiles(archive);
    await page.locator('#distil-sessions li').nth(1).waitFor();
    expect(await page.locator('#distil-sessions li').allTextContents()).toEqual([
      expect.stringContaining('finished'),
      expect.stringContaining('finished'),
    ]);
    page.once('dialog', dialog => dialog.accept());
    await page
      .getByRole('button', { name: /^Delete: phantoms/ })
      .first()
      .click();
    await page.locator('#distil-sessions li').nth(1).waitFor({ state: 'detached' });
    // as another tab holds it
    await page.evaluate(async () => {
      const sessions = await (await navigator.storage.getDirectory()).getDirectoryHandle('voxstill-sessions');
      for await (const name of (sessions as unknown as { keys(): AsyncIterable<string> }).keys()) {
        navigator.locks.request(`voxstill voxstill-sessions/${name}`, () => new Promise(() => {}));
      }
    });
    await page.getByRole('button', { name: 'Distil', exact: true }).click();
    await waitForText(page, '#distil-sessions', 'another tab works on it');
    await page.close();
  });

  it('asked for nothing but files of its own server, and did not complain', () => {
    expect(pages.requests.length).toBeGreaterThan(20);
    expect(pages.requests.filter(url => !url.startsWith(pages.server.url) && !/^(blob|data|about):/.test(url))).toEqual(
      [],
    );
    expect(pages.complaints).toEqual([]);
  });
});
