/**
 * Correct and go on in a real browser: a folder of phantoms without a single label, a teacher, a case that a person
 * accepts, and a student that goes on from it. What it gives in the page is what the program gives. Nothing leaves the
 * page's own server.
 */
import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeLabels } from '../../src/volume/nifti.ts';
import { hasBrowser } from '../support/browser.ts';
import { useDistilPages } from '../support/distil-page.ts';
import { CASES, chooseStudent, writePhantoms } from '../support/distil-view.ts';
import { temporaryFolder, voxstill } from '../support/program.ts';

const folder = temporaryFolder();
const data = join(folder, 'images');
const pages = useDistilPages();
let page: Page;

beforeAll(async () => {
  if (!hasBrowser) return;
  writePhantoms(data, { isLabelled: false });
  page = await pages.open();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Waits for a text, or fails with what the page says instead. */
async function waitForText(selector: string, text: string): Promise<void> {
  await page.waitForFunction(
    ([place, wanted]) =>
      document.querySelector(place as string)?.textContent?.includes(wanted as string) ||
      document.querySelector('#message.error:not([hidden])') !== null,
    [selector, text],
  );
  expect(
    await page.locator(selector).textContent(),
    (await page.locator('#message-text').textContent()) ?? '',
  ).toContain(text);
}

/** States by case, as the table has them. */
async function states(): Promise<Record<string, string>> {
  const rows = await page.locator('#distil-case-rows tr').all();
  const pairs = rows.map(async row => [
    await row.locator('th').textContent(),
    await row.locator('td').first().textContent(),
  ]);
  return Object.fromEntries(await Promise.all(pairs));
}

/** The student as it is handed out now. */
async function student(name: string): Promise<string> {
  const started = page.waitForEvent('download');
  await page.locator('#distil-downloads').getByRole('button', { name: 'student.onnx', exact: true }).click();
  const path = join(folder, name);
  await (await started).saveAs(path);
  return path;
}
const hashOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

/** Opens a case and accepts what the student makes of it. */
async function accept(id: string): Promise<void> {
  await page.locator('#distil-case-rows').getByRole('button', { name: id, exact: true }).click();
  await page.locator('#review-case').getByText(`${id} of images`).waitFor();
  await page.locator('#volumes').getByLabel('student.onnx').waitFor();
  await page.locator('#cancel').waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: 'Accept', exact: true }).click();
  await page.locator('#distil-view').waitFor();
  await page.locator('#distil-case-rows tr', { hasText: id }).getByText('accepted').waitFor();
}

/** Trains a round, and returns what is said of it. */
async function goOn(round: number): Promise<string> {
  await page.locator('#distil-round-steps').fill('4');
  await page.getByRole('button', { name: 'Continue', exact: true }).click();
  await page
    .locator('#distil-rounds li')
    .nth(round - 1)
    .waitFor();
  return (
    (await page
      .locator('#distil-rounds li')
      .nth(round - 1)
      .textContent()) ?? ''
  );
}

describe.skipIf(!hasBrowser)('a student that a person corrects in the page', () => {
  it('learns from the teacher alone where there is no label', async () => {
    await chooseStudent(page, data, 10);
    await waitForText('#distil-estimate', 'a step takes about');
    expect(await page.locator('#distil-found').textContent()).toContain(
      '0 images with labels and 5 without, 1 channel(s), classes: Anterior, Posterior; paired by their names; too few labels to train and test on, so the student learns from the teacher alone, and 1 case kept apart can check it later.',
    );
    await page.locator('#distil-start').click();
    await waitForText('#distil-stage', 'Finished.');
    expect(await page.locator('#distil-untested').isVisible()).toBe(true);
  });

  it('says which case to look at, and goes on from the one that was accepted', async () => {
    await waitForText('#distil-case-rows', 'look at this next');
    // all four were measured before one was chosen for good
    await page.waitForFunction(() => document.querySelector('#distil-measuring')?.textContent === '');
    const before = await states();
    const next = Object.keys(before).find(id => before[id] === 'look at this next')!;
    const kept = Object.keys(before).find(id => before[id]?.startsWith('kept for the check'))!;
    expect(Object.values(before).filter(state => state === 'no label')).toHaveLength(CASES - 2);
    expect(await page.locator('#distil-case-rows th').first().textContent()).toBe(next);
    const first = await student('first.onnx');
    await accept(next);
    expect(await goOn(1)).toBe(
      'Round 1 learnt from 1 labelled case. It was not checked, since no case that is kept for the check had a label.',
    );
    const second = await student('second.onnx');
    expect(hashOf(second)).not.toBe(hashOf(first));
    await waitForText('#distil-case-rows', kept);
    await accept(kept);
    expect(await page.locator('#distil-outlook').textContent()).toContain('is checked on 1 case');
    const said = await goOn(2);
    const [, old, now, end] =
      /^Round 2 learnt from 1 labelled case\. Held-out check on 1 case that no training has seen: mean Dice (\d\.\d+) before, (\d\.\d+) now, so the (.+)\.$/.exec(
        said,
      ) ?? [];
    expect(end, said).toBe(Number(now) >= Number(old) ? 'new student is used' : 'student before is kept');
    const third = await student('third.onnx');
    expect(hashOf(third) === hashOf(second)).toBe(end === 'student before is kept');
  });

  it('gives a student whose labels in the page are those of the program', async () => {
    const id = Object.entries(await states()).find(([, state]) => /no label|next/.test(state))![0];
    await page.locator('#distil-case-rows').getByRole('button', { name: id, exact: true }).click();
    await page.locator('#volumes').getByLabel('student.onnx').waitFor();
    await page.locator('#cancel').waitFor({ state: 'hidden' });
    const saving = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    const saved = join(folder, 'page.nii.gz');
    await (await saving).saveAs(saved);
    const predicted = join(folder, 'node.nii.gz');
    const model = join(folder, 'third.onnx');
    const args = ['predict', '--model', model, '--input', join(data, `${id}.nii.gz`), '--output', predicted];
    expect(await voxstill(args, { cwd: folder })).toMatchObject({ code: 0 });
    const [inPage, inNode] = [saved, predicted].map(path => decodeLabels(readFileSync(path), { path }).data);
    const different = inPage?.filter((value, voxel) => value !== inNode?.[voxel]).length ?? 0;
    expect(different / (inPage?.length ?? 1)).toBeLessThan(0.001);
  });

  it('asked for nothing but files of its own server, and did not complain', () => {
    expect(pages.requests.length).toBeGreaterThan(20);
    expect(pages.requests.filter(url => !url.startsWith(pages.server.url) && !/^(blob|data|about):/.test(url))).toEqual(
      [],
    );
    expect(pages.complaints).toEqual([]);
  });
});
