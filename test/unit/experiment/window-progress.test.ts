/** Progress over several volumes in windows: what is expected, what is shown, and a remaining time that never rises. */
import { describe, expect, it } from 'vitest';
import { createProgress } from '../../../src/cli/progress.ts';
import { readVolume } from '../../../src/data/volume-file.ts';
import { readGrid } from '../../../src/data/volume-grid.ts';
import { readModelFile } from '../../../src/experiment/model-file.ts';
import { predictFiles } from '../../../src/experiment/predict.ts';
import { createWindowProgress, expectWindows } from '../../../src/experiment/window-progress.ts';
import { createNodeSources } from '../../../src/platform/node/laboratory.ts';
import { createCountdown, type Progress, silent } from '../../../src/runtime/progress.ts';
import { encodeMetaImage } from '../../../src/volume/metaimage.ts';
import { encodeMgh } from '../../../src/volume/mgh.ts';
import { createNiftiHeader, encodeNiftiImage } from '../../../src/volume/nifti.ts';
import { encodeNrrd } from '../../../src/volume/nrrd.ts';
import type { Grid, Xyz } from '../../../src/volume/volume.ts';
import { sliceFile } from '../../support/dicom-files.ts';
import { BLOB_FACTS, createLaboratory, functionEngine, modelBytes, thresholdModel } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';
import { gz, pairOf } from '../../support/nifti-pair.ts';

/** Axes to the back, up and to the left: sizes and spacings change their places in canonical axes. */
const grid = (sizeVoxels: Xyz): Grid => ({
  sizeVoxels,
  spacingMm: [1, 2, 3],
  affine: [0, 0, -3, 9, -1, 0, 0, 8, 0, 2, 0, 7, 0, 0, 0, 1],
});

function encoded(one: Grid): Uint8Array {
  const data = new Float32Array(one.sizeVoxels.reduce((product, size) => product * size, 1));
  return encodeNiftiImage({ ...one, data, channels: 1 }, createNiftiHeader(one));
}

function recorded() {
  const shown: { readonly done: number; readonly total: number }[] = [];
  let opened = 0;
  const open = (total: number) => {
    opened = total;
    return {
      update: (done: number, _?: string, known?: { readonly total?: number }) => {
        shown.push({ done, total: known?.total ?? opened });
      },
      finish: () => {},
    };
  };
  return { shown, open, opened: () => opened };
}

describe('the grid of a volume before it is read', () => {
  it('is that of the volume, in every format', async () => {
    const files = memoryFiles();
    const sources = { files, images: createNodeSources().images };
    const one = grid([5, 4, 3]);
    const labels = { ...one, data: new Uint8Array(60) };
    const pair = pairOf(encoded(one));
    const contents = {
      'a.nii.gz': encoded(one),
      'b.hdr.gz': gz(pair.hdr),
      'b.img': pair.img,
      'c.nrrd': encodeNrrd(labels),
      'd.mha': encodeMetaImage(labels),
      'e.mgz': encodeMgh(labels),
      's/0': sliceFile(0),
      's/1': sliceFile(1),
      't/scan.dcm': sliceFile(0),
    };
    for (const [path, bytes] of Object.entries(contents)) files.contents.set(path, bytes);
    for (const path of ['a.nii.gz', 'b.hdr.gz', 'b.img', 'c.nrrd', 'd.mha', 'e.mgz', 's', 't/scan.dcm']) {
      const { volume } = await readVolume(sources, path);
      const found = await readGrid(sources, path);
      expect(found?.sizeVoxels, path).toEqual(volume.sizeVoxels);
      expect(found?.spacingMm, path).toEqual(volume.spacingMm);
      expect([...(found?.affine ?? [])], path).toEqual([...volume.affine]);
    }
    files.contents.set('cut.nii', encoded(one).subarray(0, 40));
    expect(await readGrid(sources, 'cut.nii')).toBeUndefined();
    expect(await readGrid(sources, 'gone.mha')).toBeUndefined();
  });

  it('needs the first kilobytes only', async () => {
    const files = memoryFiles();
    files.contents.set('a.nii.gz', encoded(grid([5, 4, 3])));
    const asked: number[] = [];
    const starts = {
      ...files,
      read: () => Promise.reject(new Error('read whole')),
      readStart: async (path: string, bytes: number) => {
        asked.push(bytes);
        return files.contents.get(path)!.subarray(0, bytes);
      },
    };
    const found = await readGrid({ files: starts, images: createNodeSources().images }, 'a.nii.gz');
    expect(found?.sizeVoxels).toEqual([5, 4, 3]);
    expect(asked).toEqual([65_536]);
  });
});

describe('progress in windows', () => {
  it('expects of each volume what it takes, also turned and resampled', async () => {
    const { files, shown, opened, laboratory, options } = await predicting([
      grid([9, 4, 4]),
      grid([4, 12, 5]),
      grid([8, 8, 8]),
    ]);
    const asked = { models: options.models.map(({ info }) => info), window: options.window };
    const paths = [0, 1, 2].map(k => `in/${k}.nii.gz`);
    const expected = await expectWindows({ ...laboratory, files }, paths, asked);
    expect(expected.every(count => count !== undefined && count > 1)).toBe(true);
    const predictions = await predictFiles(laboratory, options);
    expect(predictions).toHaveLength(3);
    const total = expected.reduce<number>((sum, count) => sum + count!, 0);
    expect(opened()).toBe(total);
    // no volume took other windows than expected
    expect(new Set(shown.map(one => one.total))).toEqual(new Set([total]));
    expect(shown.at(-1)).toEqual({ done: total, total });
    const increments = shown.slice(1).map(({ done }, index) => done - shown[index]!.done);
    expect(increments.every(step => step >= 0)).toBe(true);
  });

  it('takes the mean of the known ones for a volume whose header does not say it, and forgets one that fails', () => {
    const { shown, open, opened } = recorded();
    const progress = createWindowProgress({ expected: [10, undefined, 30, undefined], noun: 'volume', open });
    expect(opened()).toBe(80);
    progress.window(10, 10);
    progress.next();
    expect(shown.at(-1)).toEqual({ done: 10, total: 80 });
    // the second has 50, so the fourth is expected to have 30
    progress.window(1, 50);
    expect(shown.at(-1)).toEqual({ done: 11, total: 120 });
    // it fails after its first window
    progress.next();
    expect(shown.at(-1)?.done).toBe(11);
    expect(shown.at(-1)?.total).toBe(10 + 1 + 30 + Math.round(41 / 3));
    progress.window(30, 30);
    progress.next();
    progress.window(6, 12);
    expect(shown.at(-1)).toEqual({ done: 47, total: 53 });
  });

  it('has one volume for each where no header says so', () => {
    const { open, opened, shown } = recorded();
    const progress = createWindowProgress({ expected: [undefined, undefined], noun: 'volume', open });
    expect(opened()).toBe(2);
    progress.window(1, 8);
    expect(shown).toEqual([{ done: 1, total: 16 }]);
  });

  async function predicting(grids: readonly Grid[]) {
    const files = memoryFiles();
    files.contents.set('m.onnx', modelBytes({}));
    for (const [k, one] of grids.entries()) files.contents.set(`in/${k}.nii.gz`, encoded(one));
    const { shown, open, opened } = recorded();
    const progress: Progress = { ...silent, task: (_, total) => open(total) };
    const laboratory = createLaboratory(functionEngine(thresholdModel), files, progress);
    const given = { ...BLOB_FACTS, spacingMm: [1, 1, 2] as const, orientation: 'RAS' as const };
    const models = [await readModelFile(files, 'm.onnx', { given })];
    const options = { models, input: 'in', output: 'out', probabilities: false, window: { overlap: 0.5 } };
    return { files, shown, opened, laboratory, options };
  }
});

describe('the remaining time', () => {
  /** Remaining seconds as they are shown, of windows that take these times in ms; volumes end after `sizes` of them. */
  function shownSeconds(sizes: readonly number[], msOf: (volume: number, window: number) => number): number[] {
    let ms = 0;
    const lines: string[] = [];
    const terminal = undefined as never;
    const stream = { isTerminal: false, write: (text: string) => lines.push(text), terminal };
    const progress = createProgress(stream, { quiet: false, elapsedMs: () => ms });
    const open = (windows: number) => progress.task('predict', windows, 'window');
    const shown = createWindowProgress({ expected: sizes, noun: 'volume', open });
    sizes.forEach((size, volume) => {
      for (let window = 1; window <= size; window++) {
        ms += msOf(volume, window);
        shown.window(window, size);
      }
      shown.next();
    });
    return lines.flatMap(line => {
      const [, minutes = '0', seconds] = /ETA (?:(\d+) min )?(\d+) s/.exec(line) ?? [];
      return seconds === undefined ? [] : [60 * Number(minutes) + Number(seconds)];
    });
  }

  it('falls steadily over volumes of very different sizes', () => {
    const seconds = shownSeconds([490, 20, 20, 100, 4], () => 1000);
    expect(seconds.length).toBeGreaterThan(50);
    // 634 windows of a second each; the first is where counting begins
    expect(seconds[0]).toBeGreaterThan(620);
    expect(seconds[0]).toBeLessThan(634);
    expect(seconds).toEqual(seconds.toSorted((a, b) => b - a));
    expect(seconds.at(-1)).toBeLessThan(8);
  });

  it('never rises, also where windows become slower and reading takes long', () => {
    const seconds = shownSeconds([40, 60, 40], (volume, window) => (window === 1 ? 20_000 : 500 + 1500 * volume));
    expect(seconds).toEqual(seconds.toSorted((a, b) => b - a));
    expect(new Set(seconds).size).toBeGreaterThan(5);
  });

  it('counts new work only, and is not told before there is something to go by', () => {
    let ms = 0;
    const countdown = createCountdown(1000, () => ms);
    expect(countdown(900)).toBeUndefined();
    ms = 1000;
    expect(countdown(950)).toBeUndefined();
    ms = 10_000;
    expect(countdown(980)).toBe(20 / 0.008 / 1000);
    ms = 20_000;
    expect(countdown(981, { total: 2000 })).toBe(2.5);
  });

  it('is what is known otherwise, where a study has it', () => {
    const countdown = createCountdown(15, () => 0);
    expect(countdown(4, { secondsLeft: null })).toBeUndefined();
    expect(countdown(4, { secondsLeft: 110 })).toBe(110);
    expect(countdown(4, { secondsLeft: 140 })).toBe(110);
    expect(countdown(5, { secondsLeft: null })).toBe(110);
    expect(countdown(5, { secondsLeft: 80 })).toBe(80);
  });
});
