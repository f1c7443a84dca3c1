/**
 * Time and peak memory of a whole head of 256 x 256 x 256 voxels of 1 mm, from a .nii.gz to the labels of ten
 * structures: `node --import tsx bench/heads.ts [--model FILE] [--scan FILE] [--page]`, after
 * `npm run build`, and `npm run build:web` for the page. In Node it calls the program; `--page` segments in Chromium.
 * Without a model it takes one of random weights as large as the student of studies/heads (U-Net 6-12-18-24 at 2 mm),
 * which costs the same, since no step depends on what the weights say but the compression of the labels. Needs Linux.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { servePage } from '../src/platform/node/page.ts';
import { launchBrowser } from '../test/support/browser.ts';
import { measureProgram, writeLargeVolume, writeRandomModel } from '../test/support/large-volumes.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    scan: { type: 'string' },
    page: { type: 'boolean', default: false },
  },
});
const SIZE = 256;
/** Clock ticks per second in Linux's accounts. */
const TICKS = 100;
/** Background and ten structures. */
const CLASSES = 11;
/** Longest wait for the page. */
const PATIENCE_MS = 1_800_000;

const folder = mkdtempSync(join(tmpdir(), 'voxstill-heads-'));

async function inNode(model: string, input: string): Promise<void> {
  const output = join(folder, 'labels.nii.gz');
  const args = ['predict', '--model', model, '--input', input, '--output', output, '--quiet'];
  const { code, stderr, seconds, processorSeconds, peakBytes } = await measureProgram(args);
  if (code !== 0) throw new Error(stderr);
  console.info(
    `Node: ${seconds.toFixed(1)} s, ${processorSeconds.toFixed(1)} s of processors, ${(peakBytes / 1e9).toFixed(2)} GB peak`,
  );
}

/** Processor time and largest resident memory of the processes below this one, by Linux's account. */
function childrenUsage(): { readonly seconds: number; readonly peakBytes: number } {
  const parents = new Map<number, number>();
  const ticks = new Map<number, number>();
  for (const name of readdirSync('/proc').filter(one => /^\d+$/.test(one))) {
    try {
      const fields = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ');
      parents.set(Number(name), Number(fields[1]));
      ticks.set(Number(name), Number(fields[11]) + Number(fields[12]));
    } catch {
      // it has just ended
    }
  }
  const isBelow = (pid: number | undefined): boolean =>
    pid !== undefined && pid > 1 && (parents.get(pid) === process.pid || isBelow(parents.get(pid)));
  const below = [...parents.keys()].filter(isBelow);
  const peaks = below.map(pid => {
    const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Number(line?.[1] ?? 0) * 1024;
  });
  return {
    seconds: below.reduce((sum, pid) => sum + ticks.get(pid)!, 0) / TICKS,
    peakBytes: Math.max(...peaks),
  };
}

async function inPage(model: string, input: string): Promise<void> {
  const server = await servePage({ port: 0 });
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(server.url);
    await page.getByLabel('Open .onnx').setInputFiles(model);
    await page.getByLabel('Open image').setInputFiles(input);
    await page.locator('#segment:enabled').waitFor();
    const before = childrenUsage();
    await page.locator('#segment').click();
    await page.locator('#cost:not(:empty)').waitFor();
    const after = childrenUsage();
    console.info(
      `page: ${await page.locator('#cost').textContent()}; ${(after.seconds - before.seconds).toFixed(1)} s of processors, ` +
        `${(after.peakBytes / 1e9).toFixed(2)} GB at most in a process of the browser`,
    );
  } finally {
    await browser.close();
    await server.close();
  }
}

try {
  const model = values.model ?? join(folder, 'random.onnx');
  if (values.model === undefined) {
    writeRandomModel(model, {
      window: [96, 112, 80],
      classes: CLASSES,
      spacingMm: [2, 2, 2],
      temperature: 1.1,
      network: { features: [6, 12, 18, 24], convolutionsPerLevel: 2, normalization: 'instance', negativeSlope: 0.01 },
    });
  }
  const scan = values.scan ?? join(folder, 'scan.nii.gz');
  if (values.scan === undefined) writeLargeVolume(scan, [SIZE, SIZE, SIZE]);
  await (values.page ? inPage : inNode)(model, scan);
  console.info(`${cpus().length} x ${cpus()[0]?.model}, load ${loadavg()[0]?.toFixed(1)}`);
} finally {
  rmSync(folder, { recursive: true });
}
