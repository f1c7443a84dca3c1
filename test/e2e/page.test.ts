/** The built page in a real browser, with two threads: what a person does with it, and what goes wrong. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openModel, readModelFile } from '../../src/experiment/model-file.ts';
import { segment } from '../../src/inference/predictor.ts';
import { nodeFiles } from '../../src/platform/node/files.ts';
import { servePage } from '../../src/platform/node/page.ts';
import type { StaticServer } from '../../src/platform/node/static-server.ts';
import { createWebEngine } from '../../src/platform/web/engine.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import { createNiftiHeader, decodeLabels, encodeNiftiImage } from '../../src/volume/nifti.ts';
import type { Affine, LabelArray, Volume, Xyz } from '../../src/volume/volume.ts';
import { samplePhantom } from '../../web/sample.ts';
import { expectAccessible } from '../support/accessibility.ts';
import { hasBrowser, launchBrowser, SOFTWARE_WEBGPU } from '../support/browser.ts';
import { otherSlice, pictureSlice, SYNTAX, sliceFile } from '../support/dicom-files.ts';
import { ROOT, temporaryFolder, voxstill } from '../support/program.ts';
import { writeHistory, writeRecord, writeRunFixture } from '../support/run-fixture.ts';
import { finishUnit, writeSweepFixture } from '../support/sweep-fixture.ts';
import { tinyModel } from '../support/tiny-model.ts';
import { twoStageModel } from '../support/two-stage-model.ts';

/** Software rendering on loaded cores. */
const PATIENCE_MS = 60_000;

const folder = temporaryFolder();
const run = join(folder, 'run');
let browser: Browser;
let server: StaticServer;
let page: Page;
/** Everything that the page asked for, and what it complained about, since it was opened. */
let requests: string[];
let complaints: string[];

beforeAll(async () => {
  if (!hasBrowser) return;
  writeRunFixture(run);
  [server, browser] = [await servePage({ run, port: 0 }), await launchBrowser()];
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true });
});

async function open(url: string, from: Browser = browser): Promise<void> {
  page = await from.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(PATIENCE_MS);
  [requests, complaints] = [[], []];
  page.on('request', request => requests.push(request.url()));
  page.on('console', message => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', error => complaints.push(error.message));
  await page.goto(url);
  await page.locator('#models').getByLabel('student').waitFor();
  await page.locator('#backend option').first().waitFor({ state: 'attached' });
}

const text = async (id: string): Promise<string> => (await page.locator(`#${id}`).textContent()) ?? '';
const button = (name: string) => page.getByRole('button', { name, exact: true });
const message = () => page.getByRole('alert');

/** Waits until nothing is computed any more. */
async function settled(): Promise<void> {
  await page.locator('#cancel').waitFor({ state: 'hidden' });
}

/** Opens the sample; segmentations of another image are let go. */
async function openSample(): Promise<void> {
  await button('Sample').click();
  const discard = button('Open without saving');
  if (await discard.isVisible()) {
    await discard.click();
    // none and the reference
    await page.waitForFunction(() => document.querySelectorAll('#volumes tbody tr').length === 2);
  }
  await page.getByRole('radio', { name: 'reference' }).waitFor();
  await settled();
}

async function openFile(path: string, label = 'Open image'): Promise<void> {
  await page.getByLabel(label).setInputFiles(path);
  await settled();
}

async function segmentShown(arm: string): Promise<void> {
  await page.locator('#models').getByLabel(arm).check();
  await button('Segment').click();
  await page.locator('#volumes').getByLabel(arm).waitFor();
  await settled();
}

/** Starts a segmentation that takes seconds even on fast cores, so that there is time to disturb it. */
async function segmentLarge(): Promise<void> {
  await openFile(writeVolume('large.nii.gz', [128, 128, 128]));
  await page.locator('#scan-name').getByText('large').waitFor();
  await button('Segment').click();
}

async function savedFile(name: string): Promise<string> {
  const started = page.waitForEvent('download');
  await button('Save').click();
  const download = await started;
  expect(download.suggestedFilename()).toBe(name);
  const path = join(folder, name);
  await download.saveAs(path);
  return path;
}

async function labelsBy(engine: Engine, volume: Volume): Promise<LabelArray> {
  const file = await readModelFile(nodeFiles, join(run, 'student/model.onnx'));
  const session = await openModel(engine, file);
  const { labels } = await segment(session, file.info, volume);
  await session.dispose();
  return labels.data;
}

/** @param more what is added to the values of a plane */
function writeVolume(name: string, sizeVoxels: Xyz, affine?: Affine, more: (z: number) => number = () => 0): string {
  const voxels = sizeVoxels[0] * sizeVoxels[1] * sizeVoxels[2];
  const plane = sizeVoxels[0] * sizeVoxels[1];
  const data = Float32Array.from(
    { length: voxels },
    (_, index) => Math.round(100 * Math.sin(index / 7) + (index % 13)) + more(Math.floor(index / plane)),
  );
  const spacingMm = [1, 1, 1] as const;
  const identity = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
  const volume = { data, sizeVoxels, channels: 1, spacingMm, affine: affine ?? identity };
  const path = join(folder, name);
  writeFileSync(path, encodeNiftiImage(volume, createNiftiHeader(volume)));
  return path;
}

describe.skipIf(!hasBrowser)('the page of a run', () => {
  beforeEach(() => open(server.url));
  afterEach(async () => {
    const left = requests.filter(url => !url.startsWith(server.url) && !/^(blob|data):/.test(url));
    expect({ left, complaints }).toEqual({ left: [], complaints: [] });
    await page.close();
  });

  it('can be used at once, with two threads and the models of the run', async () => {
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    expect(await page.locator('#models label').allTextContents()).toEqual(['student', 'baseline']);
    expect(await page.locator('#isolation').isVisible()).toBe(false);
    expect(await page.locator('#backend option').allTextContents()).toEqual([
      expect.stringMatching(/^WebAssembly, \d+ threads$/),
    ]);
  });

  it('segments the sample exactly as the same engine does under Node', async () => {
    await openSample();
    expect(await text('estimate')).toMatch(/^needs about [\d.]+ MB of memory$/);
    await page.keyboard.press('Alt+s');
    await page.locator('#volumes').getByLabel('student').waitFor();
    await settled();
    await page.getByLabel('Uncertainty in place of labels').check();
    expect(await page.locator('#uncertainty-legend').isVisible()).toBe(true);
    await page.locator('#canvas').click({ position: { x: 150, y: 500 } });
    await page
      .locator('#place')
      .getByText(/ · entropy [01]\.\d\d$/)
      .waitFor();
    await page.getByRole('radio', { name: 'reference' }).check();
    expect(await page.locator('#uncertainty-field').isVisible()).toBe(false);
    await page.locator('#volumes').getByLabel('student').check();
    expect(await text('cost')).toMatch(
      /^[\d.]+ m?s after [\d.]+ m?s of loading; onnxruntime-web [\d.]+ wasm, \d+ threads; [\d.]+ MB of engine memory/,
    );
    const path = await savedFile('sample_student.nii.gz');
    const { volume } = samplePhantom();
    const saved = decodeLabels(readFileSync(path), { path });
    expect(saved.data).toEqual(await labelsBy(await createWebEngine(), volume));
    expect(new Set(saved.data).size).toBe(3);
    const ml = saved.data.filter(value => value === 1).length / 1000;
    expect(await page.locator('#volumes thead').textContent()).toBe('SegmentationAnteriorPosterior');
    expect(await page.locator('#volumes tbody tr').last().textContent()).toMatch(
      new RegExp(`^ student${ml.toFixed(2)}\\d+\\.\\d\\d$`),
    );
  });

  it('toggles between arms, and maps where they differ with their Dice', async () => {
    await openSample();
    await segmentShown('student');
    await segmentShown('baseline');
    await page.getByLabel('Difference from').selectOption({ label: 'reference' });
    expect(await page.locator('#difference li').allTextContents()).toEqual([
      expect.stringMatching(/^[1-9]\d* voxels differ$/),
      'only baseline',
      'only reference',
      'another structure',
    ]);
    await page.waitForFunction(() => !document.querySelector('#structures')?.textContent?.includes('…'));
    const rows = page.locator('#structures tbody tr');
    expect(await rows.allTextContents()).toEqual([
      expect.stringMatching(/^Anterior[01]\.\d{3}\d+\.\d\d[+−]\d+\.\d\d \([+−]\d+ %\)$/),
      // baseline finds nothing of it
      expect.stringMatching(/^Posterior0\.000one only−\d+\.\d\d \(−100 %\)$/),
    ]);
    const started = page.waitForEvent('download');
    await button('Save difference').click();
    expect((await started).suggestedFilename()).toBe('sample_baseline_minus_reference.nii.gz');
    // the viewer says where its cross-hair is
    await page.getByLabel(/^Three planes/).click({ position: { x: 200, y: 150 } });
    await page.locator('#place').getByText('mm').waitFor();
    expect(await text('place')).toMatch(/^−?[\d.]+, −?[\d.]+, −?[\d.]+ mm · [\d.]+/);
    await page.getByRole('radio', { name: 'reference' }).check();
    expect(await page.locator('#difference').isVisible()).toBe(false);
    await page.keyboard.press('Alt+0');
    expect(await page.getByRole('radio', { name: 'none' }).isChecked()).toBe(true);
    await page.getByLabel('Label opacity').fill('0.9');
    await page.getByLabel('Layout').selectOption('axial');
  });

  it('gives a file of any orientation the labels and the header that the program gives it', async () => {
    const oblique = [-0.8, 0.1, -0.2, 31, 0.15, 1.1, 0.3, -42, 0.2, -0.25, 1.4, 7, 0, 0, 0, 1];
    const scan = writeVolume('scan.nii.gz', [20, 26, 18], oblique);
    await openFile(scan);
    expect(await text('scan-facts')).toMatch(/^20 × 26 × 18 voxels/);
    await segmentShown('student');
    const saved = await savedFile('scan_student.nii.gz');
    const args = ['predict', '--model', join(run, 'student/model.onnx'), '--input', scan, '--output', 'program.nii.gz'];
    expect(await voxstill(args, { cwd: folder })).toMatchObject({ code: 0 });
    const both = (...paths: readonly [string, string]) => paths.map(path => decodeLabels(readFileSync(path), { path }));
    const [ours, theirs] = both(saved, join(folder, 'program.nii.gz'));
    expect(ours!.affine).toEqual(theirs!.affine);
    const equal = ours!.data.filter((value, index) => value === theirs!.data[index]).length;
    expect(equal / ours!.data.length).toBeGreaterThanOrEqual(0.999);

    // a file of two stages: the body above 20 lies in one half, and nothing is segmented far from it
    const model = join(folder, 'stages.onnx');
    writeFileSync(model, await twoStageModel(1, { threshold: 20, marginMm: 1 }));
    const body = writeVolume('body.nii.gz', [20, 26, 18], oblique, z => (z < 9 ? -300 : 0));
    await openFile(model, 'Open .onnx');
    await openFile(body);
    await segmentShown('stages.onnx');
    const ofPage = await savedFile('body_stages.onnx.nii.gz');
    const again = ['predict', '--model', model, '--input', body, '--output', 'stages.nii.gz'];
    expect(await voxstill(again, { cwd: folder })).toMatchObject({ code: 0 });
    const [inPage, inProgram] = both(ofPage, join(folder, 'stages.nii.gz'));
    const same = inPage!.data.filter((value, index) => value === inProgram!.data[index]).length;
    expect(same / inPage!.data.length).toBeGreaterThanOrEqual(0.999);
    const far = 20 * 26 * 7;
    expect(new Set(inPage!.data.subarray(0, far))).toEqual(new Set([0]));
    expect(new Set(inPage!.data.subarray(far)).size).toBeGreaterThan(1);
  });

  it('reads NRRD, MetaImage and the files of a DICOM series', async () => {
    const fixtures = join(ROOT, 'test/fixtures/formats');
    for (const [path, label] of [
      ['int16.nrrd', 'Open image'],
      ['int16.mha', 'Open image'],
      ['dicom-coronal', 'Open folder'],
    ] as const) {
      await openFile(join(fixtures, path), label);
      expect(await text('message-text'), path).toBe('');
      expect(await text('scan-name')).toBe(path);
      expect(await text('scan-facts')).toMatch(/^\d+ × \d+ × \d+ voxels of [\d.]+ × [\d.]+ × [\d.]+ mm/);
    }
  });

  it('asks which of several series is wanted, with their pictures, descriptions, numbers and sizes', async () => {
    const series = join(folder, 'several');
    mkdirSync(series);
    for (const k of [0, 1, 2]) writeFileSync(join(series, `a${k}`), sliceFile(k));
    for (const k of [0, 1]) writeFileSync(join(series, `b${k}`), otherSlice(k));
    // its voxels end too early
    const short = { '0020000e UI': '1.2.3.10', '0008103e LO': 'short', '00280010 US': [9] };
    writeFileSync(join(series, 'c0'), otherSlice(0, short));
    writeFileSync(join(series, 'notes.txt'), 'hello');
    await page.getByLabel('Open folder').setInputFiles(series);
    const dialog = page.getByRole('dialog', { name: 'Which image?' });
    await dialog.waitFor();
    expect(await dialog.getByRole('listitem').getByRole('button').allInnerTexts()).toEqual([
      expect.stringMatching(/^phantom\s*3 pictures of 4 × 3$/),
      expect.stringMatching(/^bone\s*2 pictures of 4 × 3$/),
      expect.stringMatching(/^short\s*1 picture of 4 × 9\s*no picture$/),
    ]);
    const pictures = dialog.getByRole('img');
    expect(await pictures.evaluateAll(all => all.map(one => one.getAttribute('aria-label')))).toEqual([
      'Middle slice of phantom',
      'Middle slice of bone',
    ]);
    // values grow from the first pixel to the last, so the picture goes from black to white
    const corners = await pictures.first().evaluate((canvas: HTMLCanvasElement) => {
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      return [data[0], data.at(-2)];
    });
    expect(corners).toEqual([0, 255]);
    await dialog.getByRole('button', { name: 'bone' }).click();
    await page.locator('#scan-name').getByText('bone').waitFor();
    await settled();
    expect(await text('scan-name')).toBe('bone');
    expect(await text('scan-facts')).toMatch(/^4 × 3 × 2 voxels/);
    await page.getByLabel('Open folder').setInputFiles(series);
    await dialog.getByRole('button', { name: 'None' }).click();
    expect(await text('scan-name')).toBe('bone');
  });

  it('reads compressed DICOM pictures, by codecs that its own policy lets run', async () => {
    for (const [name, syntax] of [
      ['baseline-8.jpg', SYNTAX.jpeg],
      ['lossless-16.jpg', SYNTAX.lossless],
      ['ls-16.jls', SYNTAX.jpegLs],
      ['2000-16.j2k', SYNTAX.jpeg2000],
    ] as const) {
      const bytes = new Uint8Array(readFileSync(join(ROOT, 'test/fixtures/pictures', name)));
      const path = join(folder, `${name}.dcm`);
      writeFileSync(path, sliceFile(0, pictureSlice(name, { bytes, syntax })));
      await openFile(path);
      expect(await text('message-text'), name).toBe('');
      expect(await text('scan-facts')).toMatch(/^11 × 9 × 1 voxels/);
    }
  });

  it('stops at once when asked to, and goes on working', async () => {
    await segmentLarge();
    await page.getByText(/window \d+ of \d+, \d+ s left/).waitFor();
    await button('Cancel').click();
    await settled();
    expect(await message().isVisible()).toBe(false);
    expect(await page.locator('#results').isVisible()).toBe(false);
    await openSample();
    await segmentShown('student');
  });

  it('says what is wrong with bad files, and stays usable', async () => {
    const bad = join(folder, 'bad.nii.gz');
    writeFileSync(bad, 'this is no image');
    await openFile(bad);
    expect(await text('message-text')).toMatch(/^E_NIFTI_CORRUPT: /);
    await button('Close').click();
    expect(await message().isVisible()).toBe(false);

    const noModel = join(folder, 'broken.onnx');
    writeFileSync(noModel, 'this is no model');
    await page.getByLabel('Open .onnx').setInputFiles(noModel);
    await message().waitFor();
    expect(await text('message-text')).toMatch(/^E_MODEL_CORRUPT: /);

    await openFile(writeVolume('flat.nii.gz', [32, 32, 1]));
    await page.getByText(/a single slice \(32x32x1 voxels\)/).waitFor();
    await button('Segment').click();
    await message().waitFor();
    expect(await text('message-text')).toMatch(/^E_VOLUME_FLAT: /);

    await openSample();
    expect(await message().isVisible()).toBe(false);
    await segmentShown('student');
  });

  it('says in a message and beside the volumes what is far from the training cases', async () => {
    const model = join(folder, 'crops.onnx');
    const of = (value: number) => ({ min: value, median: value, max: value });
    const sizes = [of(8), of(8), of(8)] as const;
    const classes = [{ name: 'Anterior', cases: 50, volumeMl: of(0.001) }];
    const training = { cases: 50, sizeVoxels: sizes, extentMm: sizes, imageMl: of(0.512), classes };
    writeFileSync(model, tinyModel(1, { training }));
    await openFile(model, 'Open .onnx');
    await openFile(writeVolume('head.nii.gz', [40, 40, 32]));
    await button('Segment').click();
    await message()
      .getByText(/^W_IMAGE_EXTENT: head: the image is 100 times as large as the largest/)
      .waitFor();
    await page.locator('#volumes').getByLabel('crops.onnx').waitFor();
    await settled();
    const cautions = page.locator('#cautions li');
    expect(await cautions.allTextContents()).toEqual([
      expect.stringMatching(/^W_IMAGE_EXTENT: head: .*40 mm along x \(in training 8 mm\)/),
      expect.stringMatching(/^W_CLASS_VOLUME: head: Anterior [\d.]+ ml, in training 0\.001 ml/),
    ]);
    await segmentShown('student');
    expect(await cautions.count()).toBe(0);
    await page.locator('#volumes').getByLabel('crops.onnx').check();
    expect(await cautions.count()).toBe(2);
  });

  it('survives a worker that ends and graphics that are taken away', async () => {
    await segmentLarge();
    await page.getByText(/window \d+ of \d+, \d+ s left/).waitFor();
    await page.workers()[0]!.evaluate(() => {
      setTimeout(() => {
        throw new Error('out of memory');
      });
    });
    await message().waitFor();
    expect(await text('message-text')).toMatch(/^E_WORKER: the worker that computes has ended: .*out of memory/);
    await settled();
    complaints = complaints.filter(line => !line.includes('out of memory'));

    await openSample();
    await page.locator('#canvas').evaluate(canvas => {
      (canvas as HTMLCanvasElement).getContext('webgl2')!.getExtension('WEBGL_lose_context')!.loseContext();
    });
    await page.getByText(/^E_WEBGL_LOST: .* the viewer is started again\.$/).waitFor();
    expect(await page.getByRole('radio', { name: 'reference' }).isChecked()).toBe(true);
    await segmentShown('student');
    await page.locator('#place').evaluate(place => {
      place.textContent = '';
    });
    await page.locator('#canvas').click({ position: { x: 200, y: 150 } });
    await page.locator('#place').getByText('mm').waitFor();
  });

  it('draws the curves anew while the run goes on, and stops when it is done', async () => {
    await button('Training').click();
    await page.getByText('run: running; student at step 3, baseline at step 3').waitFor();
    await page.getByRole('img', { name: /^Total loss/ }).waitFor();
    writeHistory(run, 'student', 40);
    writeRecord(run, 'done');
    await page.getByText('run: done; student at step 40, baseline at step 3').waitFor();
    expect(await page.getByRole('img', { name: /student: from 2\.000 to 0\.050/ }).count()).toBe(1);
    writeRecord(run, 'running');
  });

  it('forbids itself every address but its own', async () => {
    const blocked = await page.evaluate(async () => {
      const violation = new Promise<string>(resolve => {
        document.addEventListener('securitypolicyviolation', event => resolve(event.effectiveDirective));
      });
      await fetch('https://example.com/').catch(() => {});
      return violation;
    });
    expect(blocked).toBe('connect-src');
    complaints = complaints.filter(line => !line.includes('example.com'));
    requests = requests.filter(url => !url.includes('example.com'));
  });

  it.each(['light', 'dark'] as const)('has texts of enough contrast when it is %s', async colorScheme => {
    await page.emulateMedia({ colorScheme });
    const ratios = await page.evaluate(() => {
      const probe = document.body.appendChild(document.createElement('span'));
      const luminance = (name: string): number => {
        probe.style.color = `var(${name})`;
        const parts = getComputedStyle(probe).color.match(/\d+/g)!.map(Number);
        const [r, g, b] = parts.map(part => {
          const share = part / 255;
          return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        }) as [number, number, number];
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const pairs = [
        'text panel',
        'soft panel',
        'soft page',
        'accent panel',
        'on-accent accent',
        'hint-text hint',
        'alert-text alert',
        'alert-text panel',
        'good panel',
      ];
      return pairs.map(pair => {
        const [front, back] = pair.split(' ').map(name => luminance(`--${name}`)) as [number, number];
        return [pair, (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05)] as const;
      });
    });
    // WCAG 2.2, level AA
    for (const [pair, ratio] of ratios) expect(ratio, pair).toBeGreaterThanOrEqual(4.5);
  });

  it('fits a telephone, and every control has a name', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await openSample();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>('button, a, input, select, canvas, progress')]
        .filter(one => {
          const labels = (one as HTMLInputElement).labels;
          const name = one.getAttribute('aria-label') ?? labels?.[0]?.textContent ?? one.textContent;
          return (name ?? '').trim() === '';
        })
        .map(one => one.outerHTML),
    );
    expect(nameless).toEqual([]);
  });
});

describe.skipIf(!hasBrowser)('the page of a sweep that is running', () => {
  const sweep = join(folder, 'sweep');
  let own: StaticServer;
  beforeAll(async () => {
    writeSweepFixture(sweep);
    own = await servePage({ run: sweep, port: 0 });
  });
  afterAll(() => own?.close());

  const rowOf = (label: string) => page.locator('#units tr').filter({ hasText: label });

  it('shows every unit with its state, progress and error, and follows them', async () => {
    page = await browser.newPage({ viewport: { width: 390, height: 844 } });
    page.setDefaultTimeout(PATIENCE_MS);
    complaints = [];
    page.on('console', message => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await page.goto(own.url);
    await page.getByText('2 of 7 units done, 1 waiting, 2 running, 1 failed, 1 lost').waitFor();
    expect(await page.locator('#units tr').count()).toBe(7);
    await rowOf('baseline-2-4-8').getByText('train: 300/900 steps, ETA 5 min 00 s').waitFor();
    expect(await rowOf('baseline-4-8-16').textContent()).toContain('E_LOSS_NOT_FINITE: the loss is NaN at step 312');
    expect(await rowOf('student-8-16-32').textContent()).toContain('lost');
    // of the units that run, until others are picked
    await page
      .getByRole('img', { name: /baseline-2-4-8: from .*; student-4-8-16: from/ })
      .first()
      .waitFor();
    await expectAccessible(page, 'units');
    await button('student-2-4-8').click();
    await page.getByRole('img', { name: /^Total loss.*student-2-4-8: from/ }).waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);

    finishUnit(sweep, 'arms/baseline-2-4-8');
    await page.getByText('3 of 7 units done, 1 waiting, 1 running, 1 failed, 1 lost').waitFor();
    expect(await button('student-2-4-8').getAttribute('aria-pressed')).toBe('true');
    await page.locator('#unit-filter').selectOption('failed');
    expect(await page.locator('#units tr:visible').count()).toBe(1);
    await page.close();
    expect(complaints).toEqual([]);
  });
});

describe.skipIf(!hasBrowser)('the page from a server without isolation', () => {
  it('computes on one thread, and says why', async () => {
    const plain = await servePage({ run, port: 0, isolated: false });
    try {
      await open(plain.url);
      expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
      expect(await text('isolation')).toMatch(/^One thread only: .*Cross-Origin-Opener-Policy: same-origin/s);
      expect(await text('backend')).toBe('WebAssembly, 1 thread');
      await openSample();
      await segmentShown('student');
      expect(await text('cost')).toContain('wasm, 1 thread;');
      const path = await savedFile('sample_student.nii.gz');
      const saved = decodeLabels(readFileSync(path), { path });
      expect(saved.data).toEqual(await labelsBy(await createWebEngine(), samplePhantom().volume));
      await page.close();
    } finally {
      await plain.close();
    }
  });
});

describe.skipIf(!hasBrowser)('the page where there is WebGPU', () => {
  it('computes on it, and comes to the same labels', async () => {
    const withGpu = await launchBrowser(SOFTWARE_WEBGPU);
    try {
      await open(server.url, withGpu);
      await openFile(writeVolume('small.nii.gz', [18, 26, 16]));
      const saved: LabelArray[] = [];
      for (const backend of ['webgpu', 'wasm']) {
        await page.getByLabel('Compute on').selectOption(backend);
        await page.locator('#models').getByLabel('student').check();
        await button('Segment').click();
        // the card in software compiles slowly
        await page.locator('#cost').getByText(` ${backend}`).waitFor({ timeout: 240_000 });
        await settled();
        const path = await savedFile('small_student.nii.gz');
        saved.push(decodeLabels(readFileSync(path), { path }).data);
      }
      const [gpu, cpu] = saved as [LabelArray, LabelArray];
      expect(gpu.filter((value, index) => value === cpu[index]).length / gpu.length).toBeGreaterThanOrEqual(0.999);
      expect(complaints).toEqual([]);
    } finally {
      await withGpu.close();
    }
  });
});
