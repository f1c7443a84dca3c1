/** Several files at once in the page: a case of several files, a batch, and results as DICOM, in a real browser. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { beforeEach, describe, expect, it } from 'vitest';
import { createNiftiHeader, encodeNiftiImage, encodeNiftiLabels } from '../../src/volume/nifti.ts';
import { hasBrowser } from '../support/browser.ts';
import { type PageSession, usePages } from '../support/page-session.ts';
import { ROOT } from '../support/program.ts';

let session: PageSession;

const GRID = {
  sizeVoxels: [20, 24, 16],
  spacingMm: [1, 1, 1],
  affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
} as const;
const VOXELS = 20 * 24 * 16;

function image(name: string): { readonly name: string; readonly bytes: Uint8Array } {
  const data = Float32Array.from({ length: VOXELS }, (_, index) => index % 97);
  return { name, bytes: encodeNiftiImage({ ...GRID, data, channels: 1 }, createNiftiHeader(GRID)) };
}

function labels(name: string): { readonly name: string; readonly bytes: Uint8Array } {
  const data = Uint8Array.from({ length: VOXELS }, (_, index) => (index < 1500 ? 1 : 0));
  return { name, bytes: encodeNiftiLabels({ ...GRID, data }, createNiftiHeader(GRID)) };
}

async function shown(name: string): Promise<void> {
  await session.page.locator('#scan-name').getByText(name, { exact: true }).waitFor();
  await session.settled();
}

describe.skipIf(!hasBrowser)('several files in the page', () => {
  const served = usePages();
  beforeEach(() => {
    session = served.session;
  });

  it('are an image with its reference, the channels of one image, or images of a batch', async () => {
    const { page } = session;
    await session.drop('#stage', [labels('hip_label.nii.gz'), image('hip.nii.gz')]);
    await shown('hip.nii.gz');
    expect(await page.locator('#volumes tbody tr').last().textContent()).toBe(' reference1.50');

    await session.drop('#stage', [image('a_0000.nii.gz'), image('a_0001.nii.gz')]);
    await shown('a_0000.nii.gz');
    expect(await session.text('scan-facts')).toMatch(/, 2 channels$/);

    await session.drop('#stage', [image('t1.nii.gz'), image('t2.nii.gz'), labels('seg.nii.gz')]);
    const dialog = page.getByRole('dialog', { name: 'Which image?' });
    expect(await dialog.getByLabel('Role of seg.nii.gz').inputValue()).toBe('reference');
    await dialog.getByLabel('Role of t1.nii.gz').selectOption('none');
    await dialog.getByRole('button', { name: 'Open the image with the reference' }).click();
    await shown('t2.nii.gz');

    const small = { ...GRID, sizeVoxels: [4, 4, 4] } as const;
    const other = { ...small, data: new Uint8Array(64) };
    const wrong = { name: 'x_seg.nii.gz', bytes: encodeNiftiLabels(other, createNiftiHeader(small)) };
    await session.drop('#stage', [image('x.nii.gz'), wrong]);
    await page.getByRole('alert').waitFor();
    expect(await session.text('message-text')).toMatch(/^E_SHAPE_MISMATCH: x_seg\.nii\.gz has 4x4x4 voxels/);

    // as many voxels, but elsewhere
    const moved = { ...GRID, affine: [1, 0, 0, 5, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1] } as const;
    const elsewhere = encodeNiftiLabels({ ...moved, data: new Uint8Array(VOXELS) }, createNiftiHeader(moved));
    const reference = { name: 'moved.nii.gz', mimeType: '', buffer: Buffer.from(elsewhere) };
    await page.getByLabel('Reference', { exact: true }).setInputFiles(reference);
    await page.getByText(/^E_GEOMETRY_MISMATCH: the reference and t2\.nii\.gz are up to 5 mm apart/).waitFor();
    await session.settled();
    await session.drop('#stage', [image('t2.nii.gz'), { ...image('t2.nii.gz'), bytes: new Uint8Array(9) }]);
    await page.getByText(/^E_FILE_TWICE: two different files are called t2\.nii\.gz/).waitFor();
    expect(await session.text('scan-name')).toBe('t2.nii.gz');
  });

  it('are segmented one after another, with a row for each, also where one fails', async () => {
    const { page } = session;
    const broken = { name: 'broken.nii.gz', bytes: new Uint8Array(9) };
    await session.drop('#stage', [image('one.nii.gz'), broken, image('two.nii.gz')]);
    await page.getByRole('button', { name: 'Segment each of the 3 images' }).click();
    await page.waitForFunction(() => document.querySelectorAll('#batch-rows .done').length === 2);
    await session.settled();
    expect(await page.locator('#batch-rows tr').allTextContents()).toEqual([
      expect.stringMatching(/^broken\.nii\.gzfailedE_NIFTI_CORRUPT: /),
      expect.stringMatching(/^one\.nii\.gzdoneAnterior \d+\.\d\d ml, Posterior \d+\.\d\d ml/),
      expect.stringMatching(/^two\.nii\.gzdone/),
    ]);
    const zip = await session.downloads(1, () => session.button('Save all (zip)').click());
    const names = Object.keys(unzipSync(new Uint8Array(readFileSync(zip.get('segmentations.zip')!))));
    expect(names).toEqual(['one_student.nii.gz', 'two_student.nii.gz']);
    await session.button('one.nii.gz').click();
    await page.locator('#volumes').getByLabel('student').waitFor();
    await shown('one.nii.gz');
  });

  it('have frames, of which one is chosen where the model takes one', async () => {
    const { page } = session;
    const data = Float32Array.from(
      { length: 3 * VOXELS },
      (_, index) => 100 * Math.floor(index / VOXELS) + (index % 97),
    );
    const bytes = encodeNiftiImage({ ...GRID, data, channels: 3 }, createNiftiHeader(GRID));
    const dialog = page.getByRole('dialog', { name: 'Which frame?' });
    await session.drop('#stage', [{ name: 'bold.nii.gz', bytes }]);
    await dialog.getByText('The image has 3 frames').waitFor();
    await dialog.getByRole('button', { name: 'Leave it as it is' }).click();
    await shown('bold.nii.gz');
    const advice = /^the model takes 1 channel, the image has 3: .* Press "Choose a frame"/;
    await page.locator('#estimate', { hasText: advice }).waitFor();

    await session.button('Segment').click();
    await dialog.getByLabel('Frame, from 1').fill('2');
    await dialog.getByRole('button', { name: 'Open this frame' }).click();
    await page.locator('#volumes').getByLabel('student').waitFor();
    await shown('bold.nii.gz, frame 2 of 3');
    expect(await session.text('scan-facts')).toBe('20 × 24 × 16 voxels of 1 × 1 × 1 mm');
    expect(await session.text('window-facts')).toBe('Values of the image: 100 to 196');
    const saved = await session.downloads(1, () => session.button('Save').click());
    expect([...saved.keys()]).toEqual(['bold_frame2_student.nii.gz']);
    await session.settled();

    await session.button('Choose a frame').click();
    expect(await dialog.getByLabel('Frame, from 1').inputValue()).toBe('2');
    await dialog.getByLabel('Frame, from 1').fill('3');
    await dialog.getByRole('button', { name: 'Open this frame' }).click();
    await shown('bold.nii.gz, frame 3 of 3');
  });

  it('give DICOM results where they are a series, and nothing of the kind elsewhere', async () => {
    const { page } = session;
    const kinds = page.getByLabel('Save as');
    await session.drop('#stage', [image('plain.nii.gz')]);
    await shown('plain.nii.gz');
    await session.segment('student');
    expect(await kinds.locator('option:disabled').allTextContents()).toHaveLength(4);
    await session.downloads(1, () => session.button('Save').click());
    await session.settled();
    await page.getByLabel('Open folder').setInputFiles(join(ROOT, 'test/fixtures/formats/dicom-coronal'));
    await shown('dicom-coronal');
    await session.segment('student');
    await kinds.selectOption('report');
    const saved = await session.downloads(2, () => session.button('Save').click());
    expect([...saved.keys()].toSorted()).toEqual(['dicom-coronal_student.dcm', 'dicom-coronal_student_report.dcm']);
    for (const path of saved.values()) {
      expect(readFileSync(path).subarray(128, 132).toString('latin1')).toBe('DICM');
    }
  });
});
