import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { generatePhantom, type Phantom, writePhantomDataset } from '../../../src/data/phantom.ts';
import type { Files } from '../../../src/runtime/files.ts';
import type { Xyz } from '../../../src/volume/volume.ts';

const cases: readonly Phantom[] = Array.from({ length: 16 }, (_, index) => generatePhantom(11, index));

function memoryFiles(): Files & { readonly content: Map<string, Uint8Array | string> } {
  const content = new Map<string, Uint8Array | string>();
  const unused = (): never => {
    throw new Error('not expected');
  };
  return {
    content,
    write: async (path, data) => void content.set(path, data),
    read: unused,
    list: unused,
    exists: unused,
    realPath: unused,
    remove: unused,
  };
}

/** Whether two lists hold the same bytes; `toEqual` compares element by element. */
function sameBytes(left: ArrayBufferView, right: ArrayBufferView): boolean {
  const [one, other] = [left, right].map(({ buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer, byteOffset, byteLength),
  ) as [Buffer, Buffer];
  return one.equals(other);
}

/** Positions (x, y, z) of the voxels that hold a label. */
function positions({ labels }: Phantom, wanted: (label: number) => boolean): number[][] {
  const [nx, ny] = labels.sizeVoxels;
  const found: number[][] = [];
  labels.data.forEach((label, index) => {
    if (wanted(label)) found.push([index % nx, Math.floor(index / nx) % ny, Math.floor(index / (nx * ny))]);
  });
  return found;
}

function extent(points: readonly number[][], axis: number): number {
  const along = points.map(point => point[axis]!);
  return Math.max(...along) - Math.min(...along) + 1;
}

/** Share of the foreground in its largest face-connected part, by flood fill. */
function largestPart({ labels }: Phantom): number {
  const [nx, ny] = labels.sizeVoxels;
  const open = new Set([...labels.data.keys()].filter(index => labels.data[index] !== 0));
  const total = open.size;
  let largest = 0;
  for (const start of labels.data.keys()) {
    if (!open.delete(start)) continue;
    const stack = [start];
    let size = 0;
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      size++;
      for (const next of [at - 1, at + 1, at - nx, at + nx, at - nx * ny, at + nx * ny]) {
        if (open.delete(next)) stack.push(next);
      }
    }
    largest = Math.max(largest, size);
  }
  return largest / total;
}

/** Best Dice of the foreground that any intensity window reaches. */
function bestThresholdDice({ volume, labels }: Phantom): number {
  const bins = 40;
  const sorted = volume.data.slice().sort();
  const high = sorted[Math.floor(0.99 * sorted.length)]!;
  const inside = new Array<number>(bins).fill(0);
  const all = new Array<number>(bins).fill(0);
  volume.data.forEach((value, index) => {
    const bin = Math.min(bins - 1, Math.floor((value / high) * bins));
    all[bin]!++;
    if (labels.data[index] !== 0) inside[bin]!++;
  });
  const total = inside.reduce((sum, count) => sum + count, 0);
  let best = 0;
  for (let from = 0; from < bins; from++) {
    let [hits, size] = [0, 0];
    for (let to = from; to < bins; to++) {
      hits += inside[to]!;
      size += all[to]!;
      best = Math.max(best, (2 * hits) / (size + total));
    }
  }
  return best;
}

describe('a phantom', () => {
  it('is the same for the same seed and index, and another for another', () => {
    const { volume, labels } = generatePhantom(11, 3);
    const { sizeVoxels } = volume;
    expect(sameBytes(volume.data, cases[3]!.volume.data)).toBe(true);
    expect(sameBytes(labels.data, cases[3]!.labels.data)).toBe(true);
    expect(sameBytes(generatePhantom(12, 3, { sizeVoxels }).labels.data, labels.data)).toBe(false);
    expect(sameBytes(generatePhantom(11, 4, { sizeVoxels }).labels.data, labels.data)).toBe(false);
  });

  it('has the size of a hippocampus crop, varying between cases, on a 1 mm grid', () => {
    const sizes = cases.map(({ volume }) => volume.sizeVoxels);
    for (const [x, y, z] of sizes) {
      expect([x >= 30 && x <= 42, y >= 42 && y <= 58, z >= 28 && z <= 44]).toEqual([true, true, true]);
    }
    expect(new Set(sizes.map(String)).size).toBeGreaterThan(8);
    for (const { volume, labels } of cases) {
      expect(volume.spacingMm).toEqual([1, 1, 1]);
      expect(volume.data.length).toBe(volume.sizeVoxels[0] * volume.sizeVoxels[1] * volume.sizeVoxels[2]);
      expect(labels.sizeVoxels).toEqual(volume.sizeVoxels);
    }
  });

  it('labels 3 to 7 percent of the voxels, about half of them as the head', () => {
    for (const phantom of cases) {
      const anterior = positions(phantom, label => label === 1).length;
      const posterior = positions(phantom, label => label === 2).length;
      const foreground = anterior + posterior;
      expect(positions(phantom, label => label > 2)).toHaveLength(0);
      expect(foreground / phantom.labels.data.length).toBeGreaterThan(0.03);
      expect(foreground / phantom.labels.data.length).toBeLessThan(0.07);
      expect(anterior / foreground).toBeGreaterThan(0.33);
      expect(anterior / foreground).toBeLessThan(0.67);
    }
  });

  it('has a wide head in front of a narrow body, parted by a plane across y', () => {
    for (const phantom of cases) {
      const head = positions(phantom, label => label === 1);
      const body = positions(phantom, label => label === 2);
      expect(Math.min(...head.map(([, y]) => y!))).toBeGreaterThan(Math.max(...body.map(([, y]) => y!)));
      const area = (points: number[][]) => points.length / extent(points, 1);
      expect(area(head)).toBeGreaterThan(1.1 * area(body));
      expect(extent(body, 1)).toBeGreaterThan(extent(body, 0));
    }
  });

  it('is one piece but for crumbs', () => {
    for (const phantom of cases) expect(largestPart(phantom)).toBeGreaterThan(0.97);
  });

  it('cannot be found by intensity alone', () => {
    for (const phantom of cases) expect(bestThresholdDice(phantom)).toBeLessThan(0.4);
  });

  it('holds whole intensities from zero up whose maximum spans orders of magnitude between cases', () => {
    const maxima = cases.map(({ volume }) => {
      expect(volume.data.every(value => Number.isInteger(value) && value >= 0)).toBe(true);
      return volume.data.reduce((largest, value) => Math.max(largest, value), 0);
    });
    expect(Math.min(...maxima)).toBeGreaterThanOrEqual(112);
    expect(Math.max(...maxima)).toBeLessThanOrEqual(1.7e6);
    expect(Math.max(...maxima) / Math.min(...maxima)).toBeGreaterThan(1000);
  });

  it('can be had on a small grid with both classes, and refuses one too small to mean anything', () => {
    const sizeVoxels: Xyz = [16, 20, 16];
    const { labels } = generatePhantom(1, 0, { sizeVoxels });
    expect(new Set(labels.data)).toEqual(new Set([0, 1, 2]));
    expect(() => generatePhantom(1, 0, { sizeVoxels: [16, 7, 16] })).toThrow(/at least 8 whole voxels.*16x7x16/);
  });
});

describe('a data set of phantoms', () => {
  it('is a Decathlon folder whose files hold the generated cases', async () => {
    const files = memoryFiles();
    await writePhantomDataset(files, 'out', { seed: 11, cases: 2 });
    expect([...files.content.keys()].sort()).toEqual([
      'out/dataset.json',
      'out/imagesTr/phantom_001.nii.gz',
      'out/imagesTr/phantom_002.nii.gz',
      'out/labelsTr/phantom_001.nii.gz',
      'out/labelsTr/phantom_002.nii.gz',
    ]);
    const description = JSON.parse(String(files.content.get('out/dataset.json')));
    expect(description.labels).toEqual({ 0: 'background', 1: 'Anterior', 2: 'Posterior' });
    expect(description.numTraining).toBe(2);
    expect(description.training[1]).toEqual({
      image: './imagesTr/phantom_002.nii.gz',
      label: './labelsTr/phantom_002.nii.gz',
    });
    // Read without our own decoder: NIfTI-1 little-endian, dim[] at byte 40, voxel offset at byte 108.
    const expected = cases[1]!;
    const image = Buffer.from(gunzipSync(files.content.get('out/imagesTr/phantom_002.nii.gz') as Uint8Array));
    const labels = Buffer.from(gunzipSync(files.content.get('out/labelsTr/phantom_002.nii.gz') as Uint8Array));
    expect([42, 44, 46].map(offset => image.readInt16LE(offset))).toEqual(expected.volume.sizeVoxels);
    const brightest = expected.volume.data.reduce((best, value, index, all) => (value > all[best]! ? index : best), 0);
    expect(image.readFloatLE(image.readFloatLE(108) + 4 * brightest)).toBe(expected.volume.data[brightest]);
    const start = labels.readFloatLE(108);
    expect(labels.subarray(start).equals(Buffer.from(expected.labels.data))).toBe(true);
  });

  it('refuses to be empty', async () => {
    await expect(writePhantomDataset(memoryFiles(), 'out', { seed: 1, cases: 0 })).rejects.toThrow(
      /one case or more, got 0/,
    );
  });
});
