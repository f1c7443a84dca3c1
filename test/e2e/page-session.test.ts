/** A session of the view of images in a real browser: saved as one file, and opened again in a fresh page. */
import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { createNiftiHeader, decodeLabels, encodeNiftiImage } from '../../src/volume/nifti.ts';
import { hasBrowser } from '../support/browser.ts';
import { type PageSession, usePages } from '../support/page-session.ts';

let session: PageSession;

const GRID = {
  sizeVoxels: [20, 24, 16],
  spacingMm: [1, 1, 1],
  affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
} as const;

function image(modulus: number): Uint8Array {
  const data = Float32Array.from({ length: 20 * 24 * 16 }, (_, index) => index % modulus);
  return encodeNiftiImage({ ...GRID, data, channels: 1 }, createNiftiHeader(GRID));
}

/** What a person sees and hears of the view. */
async function view(): Promise<unknown> {
  const { page } = session;
  const values: Record<string, unknown> = {};
  for (const id of [
    'layout',
    'side',
    'opacity',
    'cut',
    'cut-share',
    'window',
    'darkest-number',
    'brightest-number',
    'other',
  ]) {
    values[id] = await page.locator(`#${id}`).inputValue();
  }
  for (const id of ['scan-name', 'scan-facts', 'volumes', 'cost', 'cautions', 'measurements', 'place']) {
    values[id] = await session.text(id);
  }
  values['labels-only'] = await page.locator('#labels-only').isChecked();
  values['shown'] = await page.locator('#volumes input:checked').evaluate(input => input.closest('tr')?.textContent);
  return values;
}

describe.skipIf(!hasBrowser)('a session', () => {
  const served = usePages();
  beforeEach(() => {
    session = served.session;
  });

  it('keeps labels, corrections, measurements and view in one file, and asks for the image by name and hash', async () => {
    const { page } = session;
    const leaves = (): Promise<boolean> =>
      page.evaluate(() => window.dispatchEvent(new Event('beforeunload', { cancelable: true })));
    const save = async (name: string): Promise<Uint8Array> => {
      const files = await session.downloads(1, () => session.button(name).click());
      await session.settled();
      return new Uint8Array(readFileSync([...files.values()][0]!));
    };
    await session.drop('#stage', [{ name: 'hip.nii.gz', bytes: image(97) }]);
    await page.locator('#scan-name').getByText('hip.nii.gz').waitFor();
    await session.settled();
    await session.segment('student');
    await page.locator('#canvas').click({ position: { x: 180, y: 560 } });
    await page.keyboard.press('p');
    await page.locator('#pen-structure').selectOption({ index: 1 });
    await page.locator('#canvas').focus();
    await page.keyboard.press('Space');
    await page.locator('#volumes').getByLabel('student, corrected').waitFor();
    await page.keyboard.press('p');
    await session.button('Length').click();
    await page.locator('#canvas').focus();
    for (const key of ['Space', 'ArrowUp', 'ArrowUp', 'ArrowUp', 'Space']) await page.keyboard.press(key);
    await session.button('Length').click();
    await page.locator('#layout').selectOption('coronal');
    await page.locator('#side').selectOption('right');
    await page.locator('#opacity').fill('0.8');
    await page.locator('#cut').selectOption('anterior');
    await page.locator('#darkest-number').fill('12');
    await page.locator('#brightest-number').fill('80');
    expect(await leaves()).toBe(false);
    const before = await view();
    const archive = await save('Save session');
    expect(await leaves()).toBe(true);
    const labels = await save('Save');

    await page.reload();
    await page.locator('#models').getByLabel('baseline').check();
    const zip = { name: 'hip.voxstill.zip', bytes: archive };
    await session.drop('#stage', [{ ...zip, bytes: archive.slice(0, archive.length / 2) }]);
    await page
      .locator('#message-text')
      .getByText(/^E_SESSION_FILE: the file is no session that the page exported/)
      .waitFor();
    await session.settled();

    await session.drop('#stage', [zip]);
    const dialog = page.getByRole('dialog', { name: 'Where are the images of this session?' });
    await dialog.getByText('hip.nii.gz: not among the files: hip.nii.gz').waitFor();
    expect(await dialog.getByRole('button', { name: 'Open all the same' }).count()).toBe(0);
    const choose = (name: string, bytes: Uint8Array): Promise<void> =>
      dialog.getByLabel('Choose files').setInputFiles({ name, mimeType: '', buffer: Buffer.from(bytes) });
    await choose('hip.nii.gz', image(50));
    await dialog.getByText('hip.nii.gz: other content (SHA-256) than when the session was saved: hip.nii.gz').waitFor();
    await dialog.getByRole('button', { name: 'Open all the same' }).waitFor();
    // the right one, whatever it is called by now
    await choose('renamed.nii.gz', image(97));
    await page
      .locator('#session-text')
      .getByText(/^Session of .* Its image is the same one, by SHA-256\.$/)
      .waitFor();
    await session.settled();
    expect(await page.locator('#message').isHidden()).toBe(true);
    expect(await view()).toEqual(before);
    expect(await page.locator('#models').getByLabel('student').isChecked()).toBe(true);
    expect(await leaves()).toBe(true);
    const again = decodeLabels(await save('Save'), { path: 'again' });
    expect(again).toEqual(decodeLabels(labels, { path: 'before' }));
    // what is written of a model goes on without it
    await page.locator('#save-as').selectOption('nrrd');
    expect(new TextDecoder().decode((await save('Save')).slice(0, 4))).toBe('NRRD');

    // together with another image of the same name and grid, which is said
    await session.drop('#stage', [{ name: 'hip.nii.gz', bytes: image(50) }, zip]);
    await dialog.getByRole('button', { name: 'Open all the same' }).click();
    await page
      .locator('#message-text')
      .getByText(/^W_SESSION_IMAGE: the image is not the one/)
      .waitFor();
    await session.settled();
    await session.drop('#stage', [zip]);
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    expect(await page.locator('#message').isHidden()).toBe(true);
  });
});
