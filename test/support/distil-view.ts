/** The view of the page that trains, as a person opens it and begins, and a folder of phantoms for it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { generatePhantom } from '../../src/data/phantom.ts';
import { createNiftiHeader, encodeNiftiImage, encodeNiftiLabels } from '../../src/volume/nifti.ts';
import { tinyModel } from './tiny-model.ts';

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

/** Opens the view in a new tab. */
export async function openDistil(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(url);
  await page.locator('#backend option').first().waitFor({ state: 'attached' });
  await page.getByRole('button', { name: 'Distil', exact: true }).click();
  return page;
}

/** Chooses a folder and a student, and lets the page look at them, so that Start can be pressed. */
export async function chooseStudent(page: Page, folder: string, steps: number): Promise<void> {
  await page.locator('#distil-open-folder').setInputFiles(folder);
  await page.locator('#distil-steps').fill(String(steps));
  await page.locator('#distil-size').selectOption('small');
  await page.locator('#distil-check').click();
}
