/**
 * Large volumes, cheap models for them, and the peak memory of the built program on both. Needs Linux for the memory.
 */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { random } from '../../src/core/random.ts';
import type { Triple } from '../../src/core/shape.ts';
import { formatModelMetadata } from '../../src/experiment/embedded-coarse.ts';
import { collectParameters, initialize, parameterCount } from '../../src/nn/parameters.ts';
import { type UnetOptions, unet } from '../../src/nn/unet.ts';
import { exportModel } from '../../src/training/export.ts';
import { createNiftiHeader, rewriteNiftiHeader } from '../../src/volume/nifti-header-writing.ts';
import type { Xyz } from '../../src/volume/volume.ts';
import { ROOT } from './program.ts';

/** Writes an int16 volume of smooth waves and noise, as a .nii.gz with voxels of 1 mm. */
export function writeLargeVolume(path: string, [nx, ny, nz]: Xyz): void {
  const affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
  const sizeVoxels: Xyz = [nx, ny, nz];
  const header = createNiftiHeader({ sizeVoxels, spacingMm: [1, 1, 1], affine });
  const start = rewriteNiftiHeader(header, { dataType: 'int16', sizeVoxels, channels: 1 });
  const content = new Uint8Array(start.length + 2 * nx * ny * nz);
  content.set(start);
  const voxels = new Int16Array(content.buffer, start.length);
  let noise = 1;
  for (let z = 0, i = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      const base = 300 * Math.sin(z / 17) * Math.cos(y / 23);
      for (let x = 0; x < nx; x++, i++) {
        noise = (Math.imul(noise, 1664525) + 1013904223) >>> 0;
        voxels[i] = base * Math.sin(x / 31) + (noise >>> 26);
      }
    }
  }
  writeFileSync(path, gzipSync(content, { level: 1 }));
}

/** What a model of random weights takes and gives. */
interface RandomModel {
  readonly window: Triple;
  readonly classes: number;
  readonly spacingMm: Xyz | null;
  /** Temperature of its probabilities; none if not given. */
  readonly temperature?: number;
  /** Network; one of two levels that computes little if not given. */
  readonly network?: Omit<UnetOptions, 'classes'>;
}

const CHEAP = { features: [2, 4], convolutionsPerLevel: 1, normalization: 'none', negativeSlope: 0.01 } as const;

/** Writes a U-Net with random weights and as many classes as asked for. */
export function writeRandomModel(path: string, options: RandomModel): void {
  const { window, classes, spacingMm, temperature } = options;
  const network = unet({ ...(options.network ?? CHEAP), classes });
  const specs = collectParameters(network, [1, 1, ...window]);
  const metadata = formatModelMetadata({
    labels: Array.from({ length: classes }, (_, value) => ({
      value,
      name: value === 0 ? 'background' : `class ${value}`,
    })),
    channels: 1,
    spacingMm,
    orientation: 'RAS',
    imageInterpolation: 'linear',
    normalize: 'percentile',
    patch: window,
    activation: 'softmax',
    inputName: 'image',
    outputName: 'logits',
    parameters: parameterCount(specs),
    multiplyAdds: null,
    axes: 'NCZYX',
    ...(temperature !== undefined && { temperature }),
  });
  const theta = initialize(specs, name => random(1, name));
  writeFileSync(path, exportModel({ network, specs }, theta, { channels: 1, window, metadata }));
}

/** What a call of the program took. */
export interface Usage {
  readonly code: number | null;
  readonly stderr: string;
  readonly seconds: number;
  /** Processor time of all its threads, which other load on the machine changes least. */
  readonly processorSeconds: number;
  /** Largest resident memory, by Linux's account (VmHWM). */
  readonly peakBytes: number;
}

/** Clock ticks per second in Linux's accounts. */
const TICKS = 100;

/** Processor time of a process by Linux's account: utime and stime, the 14th and 15th field. */
function processorSecondsOf(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Calls the built program and watches its memory. */
export function measureProgram(args: readonly string[]): Promise<Usage> {
  const startMs = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [`${ROOT}/dist/cli/main.js`, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let [stderr, peakBytes, processorSeconds] = ['', 0, 0];
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    const watch = setInterval(() => {
      try {
        const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'));
        // the peak never falls, so what was read last before the end is it
        if (line !== null) peakBytes = Number(line[1]) * 1024;
        processorSeconds = processorSecondsOf(child.pid);
      } catch {
        // the program has just ended
      }
    }, 20);
    child.on('error', reject);
    child.on('close', code => {
      clearInterval(watch);
      resolve({ code, stderr, seconds: (performance.now() - startMs) / 1000, processorSeconds, peakBytes });
    });
  });
}
