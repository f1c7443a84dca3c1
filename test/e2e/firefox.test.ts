/** The page in Firefox: what differs between browsers (workers, storage, locks, files, the cache of the page). */
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openModel, readModelFile } from '../../src/experiment/model-file.ts';
import { segment } from '../../src/inference/predictor.ts';
import { nodeFiles } from '../../src/platform/node/files.ts';
import { servePage } from '../../src/platform/node/page.ts';
import type { StaticServer } from '../../src/platform/node/static-server.ts';
import { createWebEngine } from '../../src/platform/web/engine.ts';
import { createNiftiHeader, decodeLabels, encodeNiftiImage } from '../../src/volume/nifti.ts';
import type { LabelArray } from '../../src/volume/volume.ts';
import { samplePhantom } from '../../web/sample.ts';
import { waitForText } from '../support/distil-page.ts';
import { HISTORY, lossesOf, repeatedInNode, storedText } from '../support/distil-repeated.ts';
import { writePhantoms } from '../support/distil-view.ts';
import { downloaded, hasFirefox, launchFirefox } from '../support/firefox.ts';
import { openPage } from '../support/page-session.ts';
import { ROOT, temporaryFolder, voxstill } from '../support/program.ts';
import { writeRunFixture } from '../support/run-fixture.ts';

/** Trainings on loaded cores. */
const PATIENCE_MS = 240_000;
const STEPS = 5;

const folder = temporaryFolder();
const run = join(folder, 'run');
const downloads = join(folder, 'downloads');
let browser: Browser;
let server: StaticServer;
/** What the student gives for scan.nii.gz. */
let labels: LabelArray;

beforeAll(async () => {
  if (!hasFirefox) return;
  writeRunFixture(run);
  [server, browser] = [await servePage({ run, port: 0 }), await launchFirefox(downloads)];
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true });
});

describe.skipIf(!hasFirefox)('the page in Firefox', () => {
  it('segments an image with all threads, exactly as the same engine does under Node, and saves it', async () => {
    const { page, complaints, text, button, settled, segment: segmentBy } = await openPage(browser, server.url);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    const { volume } = samplePhantom();
    const scan = join(folder, 'scan.nii.gz');
    writeFileSync(scan, encodeNiftiImage(volume, createNiftiHeader(volume)));
    await page.getByLabel('Open image').setInputFiles(scan);
    await page.locator('#scan-name').getByText('scan.nii.gz').waitFor();
    await settled();
    await segmentBy('student');
    expect(await text('cost')).toMatch(/wasm, \d+ threads;/);
    const path = await downloaded(downloads, 'scan_student.nii.gz', () => button('Save').click());
    const file = await readModelFile(nodeFiles, join(run, 'student/model.onnx'));
    const session = await openModel(await createWebEngine(), file);
    labels = (await segment(session, file.info, volume)).labels.data;
    await session.dispose();
    expect(decodeLabels(readFileSync(path), { path }).data).toEqual(labels);
    expect(new Set(labels).size).toBe(3);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('opens a DICOM series, and says where there is no picture', async () => {
    const { page, settled, text } = await openPage(browser, server.url);
    const series = join(ROOT, 'test/fixtures/formats/dicom-coronal');
    await page.getByLabel('Open image').setInputFiles(readdirSync(series).map(name => join(series, name)));
    await page.locator('#scan-facts').getByText('voxels of').waitFor();
    await settled();
    expect(await text('scan-facts')).toMatch(/^\d+ × \d+ × \d+ voxels of [\d.]+ × [\d.]+ × [\d.]+ mm/);
    // graphics in software, as Chromium has them, are not in Firefox
    const hasWebGl = await page.evaluate(() => document.createElement('canvas').getContext('webgl2') !== null);
    expect(await page.locator('#empty').isVisible()).toBe(!hasWebGl);
    if (!hasWebGl) expect(await text('empty')).toMatch(/^No picture: .* Segmenting works\.$/);
    await page.close();
  });

  it('distils with the losses of Node to the last bit, and does not wait for an answer about its storage', async () => {
    const data = join(folder, 'phantoms');
    writePhantoms(data, { isLabelled: true });
    const { page, complaints, button } = await openPage(browser, server.url);
    page.setDefaultTimeout(PATIENCE_MS);
    await button('Distil').click();
    await page.locator('#distil-open-model').setInputFiles(join(data, 'teacher.onnx'));
    const scans = readdirSync(data).filter(name => name.endsWith('.nii.gz'));
    await page.locator('#distil-open-files').setInputFiles(scans.map(name => join(data, name)));
    // playwright's own way adds to the number that is there
    await page.locator('#distil-steps').evaluate((field, steps) => {
      (field as HTMLInputElement).value = String(steps);
      for (const type of ['input', 'change']) field.dispatchEvent(new Event(type, { bubbles: true }));
    }, STEPS);
    await page.locator('#distil-size').selectOption('small');
    await page.locator('#distil-check').click();
    await waitForText(page, '#distil-estimate', 'a step takes about');
    // Firefox asks the person whether storage may be kept, and nobody answers here
    await page.locator('#distil-start').click();
    await waitForText(page, '#distil-stage', 'Finished.');
    expect(await page.locator('#distil-kept').isVisible()).toBe(true);
    writeFileSync(join(data, 'dataset.json'), await storedText(page, 'data/data/dataset.json'));
    const out = await repeatedInNode(await storedText(page, 'recipe.yaml'), { data, place: join(folder, 'repeated') });
    const own = lossesOf(readFileSync(join(out, 'student/history.csv'), 'utf8'));
    expect(own).toHaveLength(STEPS);
    expect(lossesOf(await storedText(page, HISTORY))).toEqual(own);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('keeps the page, which opens and segments without its server', async () => {
    const own = await servePage({ run, port: 0 });
    const { page, text, button, openSample, segment: segmentBy } = await openPage(browser, own.url);
    await button('Keep the page').click();
    await page.getByText(/^This browser keeps the page and its models \([\d.]+ MB\)/).waitFor();
    await own.close();
    await page.reload();
    await page.locator('#models').getByLabel('student').waitFor();
    await openSample();
    await segmentBy('student');
    expect(await text('cost')).toMatch(/wasm, \d+ threads;/);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    await page.close();
  });

  it('segments by the one html file from disk as the program does', async () => {
    const model = join(run, 'student/model.onnx');
    const html = join(folder, 'heads.html');
    expect(await voxstill(['pack', model, '--out', html], { cwd: folder })).toMatchObject({ code: 0 });
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const complaints: string[] = [];
    page.on('pageerror', error => complaints.push(error.message));
    await page.goto(pathToFileURL(html).href);
    await page.locator('#models').getByLabel('student').waitFor();
    expect(await page.locator('#backend').textContent()).toBe('WebAssembly, 1 thread');
    const scan = join(folder, 'disk.nii.gz');
    copyFileSync(join(folder, 'scan.nii.gz'), scan);
    await page.getByLabel('Open image').setInputFiles(scan);
    await page.locator('#scan-name').getByText('disk').waitFor();
    await page.locator('#cancel').waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'Segment', exact: true }).click();
    await page.locator('#volumes').getByLabel('student').waitFor();
    await page.locator('#cancel').waitFor({ state: 'hidden' });
    const save = page.getByRole('button', { name: 'Save', exact: true });
    const path = await downloaded(downloads, 'disk_student.nii.gz', () => save.click());
    expect(decodeLabels(readFileSync(path), { path }).data).toEqual(labels);
    expect(complaints).toEqual([]);
    await page.close();
  });
});
