/** `voxstill pack`: what it gives away works by itself, and says what it is. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writePhantomDataset } from '../../src/data/phantom.ts';
import { nodeFiles } from '../../src/platform/node/files.ts';
import { startStaticServer } from '../../src/platform/node/static-server.ts';
import { PAGE_POLICY } from '../../src/platform/web/policy.ts';
import { decodeLabels } from '../../src/volume/nifti.ts';
import { hasBrowser, launchBrowser } from '../support/browser.ts';
import { ROOT, temporaryFolder, voxstill } from '../support/program.ts';
import { tinyModel } from '../support/tiny-model.ts';

const folder = temporaryFolder();
const model = join(folder, 'run/student/model.onnx');
const scan = join(folder, 'data/imagesTr/phantom_001.nii.gz');
const call = (...args: readonly string[]) => voxstill(args, { cwd: folder });

beforeAll(async () => {
  await writePhantomDataset(nodeFiles, join(folder, 'data'), { seed: 5, cases: 1 });
  mkdirSync(join(folder, 'run/student'), { recursive: true });
  writeFileSync(model, tinyModel(1));
  writeFileSync(join(folder, 'run/model-card.md'), '# card');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Files whose sum is not the one in SHA256SUMS. */
function wrongSums(packed: string): readonly string[] {
  const lines = readFileSync(join(packed, 'SHA256SUMS'), 'utf8').trimEnd().split('\n');
  return lines.flatMap(line => {
    const [sum = '', path = ''] = line.split('  ');
    const own = createHash('sha256')
      .update(readFileSync(join(packed, path)))
      .digest('hex');
    return own === sum ? [] : [path];
  });
}

describe('voxstill pack', () => {
  it('gives the page with the model and its card, for any server', { skip: !hasBrowser }, async () => {
    const { code, stdout } = await call('pack', 'run/student/model.onnx', '--out', 'page', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ as: 'page', name: 'student', hasCard: true });
    const packed = join(folder, 'page');
    expect(wrongSums(packed)).toEqual([]);
    expect(readFileSync(join(packed, 'model-card.md'), 'utf8')).toBe('# card');
    const server = await startStaticServer({
      mounts: [{ prefix: '/', folder: packed }],
      port: 0,
      policy: () => PAGE_POLICY,
      isolated: true,
    });
    const browser = await launchBrowser();
    try {
      const page = await browser.newPage();
      await page.goto(server.url);
      await page.locator('#models label', { hasText: 'student' }).waitFor();
      expect(await page.locator('#models input').isChecked()).toBe(true);
    } finally {
      await browser.close();
      await server.close();
    }
  });

  it('gives one html file that segments from disk as the program does, and asks nobody for anything', {
    skip: !hasBrowser,
  }, async () => {
    const { code, stdout } = await call('pack', model, '--out', 'heads.html', '--name', 'heads & <tails>', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ as: 'html', files: 1, hasCard: true });
    const browser = await launchBrowser();
    try {
      const page = await browser.newPage();
      page.setDefaultTimeout(60_000);
      const [asked, complaints]: [string[], string[]] = [[], []];
      page.on('request', request => asked.push(request.url()));
      page.on('console', message => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      page.on('pageerror', error => complaints.push(error.message));
      const url = pathToFileURL(join(folder, 'heads.html')).href;
      await page.goto(url);
      await page.getByLabel('heads & <tails>').waitFor();
      expect(await page.title()).toBe('heads & <tails> · voxstill');
      expect(await page.locator('#isolation').textContent()).toMatch(/^One thread only, since browsers give a file/);
      expect(await page.locator('#backend').textContent()).toBe('WebAssembly, 1 thread');
      expect(await page.getByRole('button', { name: 'Distil' }).isVisible()).toBe(false);
      await page.getByText('About this file').click();
      const sum = createHash('sha256').update(readFileSync(model)).digest('hex');
      expect(await page.locator('#about').textContent()).toContain(`SHA-256 ${sum}`);
      await page.getByText('Model card').click();
      await page.locator('#about pre', { hasText: '# card' }).waitFor();

      await page.getByLabel('Open image').setInputFiles(scan);
      await page.locator('#scan-name').getByText('phantom_001').waitFor();
      await page.locator('#cancel').waitFor({ state: 'hidden' });
      await page.getByRole('button', { name: 'Segment', exact: true }).click();
      await page.locator('#volumes').getByLabel('heads').waitFor();
      await page.locator('#cancel').waitFor({ state: 'hidden' });
      const started = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      const ours = await (await started).path();
      expect((await call('predict', '--model', model, '--input', scan, '--output', 'program.nii.gz')).code).toBe(0);
      const [own, program] = [ours, join(folder, 'program.nii.gz')].map(path =>
        decodeLabels(readFileSync(path), { path }),
      );
      expect(own!.affine).toEqual(program!.affine);
      // nobody trained this model, so some voxels lie on a border that the rounding of other kernels moves
      const others = own!.data.filter((value, index) => value !== program!.data[index]).length;
      expect(others / own!.data.length).toBeLessThan(0.001);
      expect(new Set(own!.data).size).toBe(3);
      expect(asked.filter(one => one !== url && !/^(blob|data):/.test(one))).toEqual([]);
      expect(complaints).toEqual([]);

      // a file that was cut off says so
      writeFileSync(join(folder, 'cut.html'), readFileSync(join(folder, 'heads.html')).subarray(0, -9000));
      await page.goto(pathToFileURL(join(folder, 'cut.html')).href);
      await page.getByText(/^E_PAGE_DAMAGED: this html file does not hold run\/model\.onnx whole/).waitFor();
    } finally {
      await browser.close();
    }
  });

  it('gives an npm package that segments as the program does', async () => {
    const packing = await call('pack', model, '--out', 'package', '--as', 'npm', '--name', '@clinic/heads');
    expect(packing.code).toBe(0);
    const packed = join(folder, 'package');
    expect(wrongSums(packed)).toEqual([]);
    mkdirSync(join(folder, 'node_modules/@clinic'), { recursive: true });
    symlinkSync(ROOT, join(folder, 'node_modules/voxstill'));
    symlinkSync(packed, join(folder, 'node_modules/@clinic/heads'));
    const code = `import { segmentFile } from '@clinic/heads';
      const { classes } = await segmentFile(${JSON.stringify(scan)}, 'a.nii.gz');
      console.log(classes.map(({ name }) => name).join());`;
    const printed = execFileSync(process.execPath, ['--input-type=module', '-e', code], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(printed.trim()).toBe('background,Anterior,Posterior');
    expect((await call('predict', '--model', model, '--input', scan, '--output', 'b.nii.gz')).code).toBe(0);
    const [own, other] = ['a.nii.gz', 'b.nii.gz'].map(name => readFileSync(join(folder, name)));
    expect(own!.equals(other!)).toBe(true);
  });

  it('refuses a folder that is there, a name that npm does not take, and a model that does not say how it is used', async () => {
    mkdirSync(join(folder, 'there'));
    writeFileSync(join(folder, 'there/mine'), '');
    const refused = async (...args: readonly string[]) => {
      const { code, stderr } = await call('pack', ...args);
      return [code, /E_\w+/.exec(stderr)?.[0]];
    };
    expect(await refused(model, '--out', 'there')).toEqual([2, 'E_OUT_NOT_EMPTY']);
    expect(await refused(model, '--out', 'new', '--as', 'npm', '--name', 'Not Good')).toEqual([2, 'E_USAGE']);
    expect(await refused(model, '--out', 'new', '--as', 'html')).toEqual([2, 'E_USAGE']);
    writeFileSync(join(folder, 'plain.onnx'), readFileSync(model).subarray(0, 200));
    expect((await refused('plain.onnx', '--out', 'new'))[0]).toBe(2);
    expect(readdirSync(folder)).not.toContain('new');
  });
});
