/**
 * The page for everybody: nothing that axe-core finds in its views, and a segmentation by the keyboard alone. Reports
 * and the units of a sweep are shown to axe-core where they are tested.
 */
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { createNiftiHeader, decodeLabels, encodeNiftiImage } from '../../src/volume/nifti.ts';
import { samplePhantom } from '../../web/sample.ts';
import { expectAccessible } from '../support/accessibility.ts';
import { hasBrowser } from '../support/browser.ts';
import { type PageSession, usePages } from '../support/page-session.ts';

let session: PageSession;

function scan(name: string): { readonly name: string; readonly bytes: Uint8Array } {
  const { volume } = samplePhantom();
  return { name, bytes: encodeNiftiImage(volume, createNiftiHeader(volume)) };
}

/** Goes to an element by its id or the name of its group. Wherever the focus is meanwhile, it must be seen. */
async function tabTo(page: Page, wanted: string, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  for (let steps = 0; steps < 40; steps++) {
    await page.keyboard.press(key);
    const at = await page.evaluate(() => {
      const focused = document.activeElement as HTMLInputElement;
      const marks = [focused, focused.closest('label')].map(one => one !== null && getComputedStyle(one));
      const isSeen = marks.some(style => style && style.outlineStyle !== 'none' && style.outlineWidth !== '0px');
      return { names: [focused.id, focused.name], isSeen, html: focused.outerHTML.slice(0, 100) };
    });
    expect(at.isSeen, at.html).toBe(true);
    if (at.names.includes(wanted)) return;
  }
  throw new Error(`${wanted} cannot be reached by ${key}`);
}

describe.skipIf(!hasBrowser)('the page', () => {
  const served = usePages();
  beforeEach(() => {
    session = served.session;
  });

  it('shows nothing that axe-core finds fault with before anything is opened', async () => {
    const { page, button } = session;
    await expectAccessible(page, 'image view');
    await button('Distil').click();
    await page.locator('#distil-no-sessions').waitFor();
    await expectAccessible(page, 'distil view');
    await button('Training').click();
    await page.getByRole('img', { name: /^Total loss/ }).waitFor();
    await expectAccessible(page, 'training view');
  });

  it('shows nothing that axe-core finds fault with after a segmentation, with all tools open', async () => {
    const { page, button } = session;
    await session.openSample();
    await session.segment('student');
    await page.getByLabel('Uncertainty in place of labels').check();
    await expectAccessible(page, 'uncertainty');
    await page.getByLabel('Uncertainty in place of labels').uncheck();
    await page.getByLabel('Difference from').selectOption({ label: 'reference' });
    await page.waitForFunction(() => !document.querySelector('#structures')?.textContent?.includes('…'));
    await page.getByText('Keys', { exact: true }).click();
    await button('Length').click();
    await page.locator('#canvas').focus();
    for (const key of ['Space', 'ArrowRight', 'Space']) await page.keyboard.press(key);
    await expectAccessible(page, 'difference and measurement');
    await button('Correct by hand').click();
    await expectAccessible(page, 'pen');
  });

  it('shows nothing that axe-core finds fault with where it asks, refuses and works through a batch', async () => {
    const { page } = session;
    await session.drop('#stage', [{ name: 'bad.nii.gz', bytes: new Uint8Array(9) }]);
    await page.getByRole('alert').waitFor();
    await session.settled();
    await expectAccessible(page, 'refusal');
    const scans = ['t1.nii.gz', 't2.nii.gz', 't3.nii.gz'].map(scan);
    await session.drop('#stage', scans);
    await page.getByRole('dialog', { name: 'Which image?' }).waitFor();
    await expectAccessible(page, 'chooser');
    await page.getByRole('button', { name: 'Segment each of the 3 images' }).click();
    await page.waitForFunction(() => document.querySelectorAll('#batch-rows .done').length === 3);
    await session.settled();
    await expectAccessible(page, 'batch');
    await page.locator('#batch-rows').getByRole('button', { name: 't1.nii.gz' }).click();
    await page.locator('#volumes').getByLabel('student').waitFor();
    await session.settled();
    await session.segment('baseline');
    await session.drop('#stage', scans.slice(0, 1));
    await page.getByRole('dialog', { name: 'Open another image?' }).waitFor();
    await expectAccessible(page, 'question');
  });

  it('segments and saves by the keyboard alone, and shows where the focus is at every step', async () => {
    const { page, text } = session;
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await tabTo(page, 'open-image');
    const asked = page.waitForEvent('filechooser');
    await page.keyboard.press('Space');
    const { name, bytes } = scan('t1.nii.gz');
    await (await asked).setFiles({ name, mimeType: '', buffer: Buffer.from(bytes) });
    await page.locator('#scan-name').getByText(name).waitFor();
    await session.settled();

    await tabTo(page, 'canvas', 'Shift+Tab');
    await page.keyboard.press('ArrowRight');
    await page.locator('#place').getByText('mm').waitFor();
    const before = await text('place');
    await page.keyboard.press('ArrowUp');
    expect(await text('place')).not.toBe(before);

    await tabTo(page, 'model');
    await page.keyboard.press('ArrowDown');
    expect(await page.locator('#models').getByLabel('baseline').isChecked()).toBe(true);
    await page.keyboard.press('ArrowUp');
    await tabTo(page, 'segment');
    await page.keyboard.press('Enter');
    await page.locator('#volumes').getByLabel('student').waitFor();
    await session.settled();
    await tabTo(page, 'save');
    const saved = await session.downloads(1, () => page.keyboard.press('Enter'));
    const path = saved.get('t1_student.nii.gz')!;
    expect(new Set(decodeLabels(readFileSync(path), { path }).data).size).toBe(3);
  });
});
