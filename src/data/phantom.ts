/**
 * Phantoms: generated volumes that look and behave like hippocampus crops, so that everything can be tried without a
 * download. Background 0, Anterior 1 (the head), Posterior 2 (body and tail); 1 mm voxels, T1-like contrast, partial
 * volume at the edges, a smooth bias field, Rician noise, and an arbitrary intensity scale per case, as scans of
 * different scanners have. One seed and index give the same case everywhere. They stand in for real data in
 * demonstrations and tests, never in claims.
 */

import { InputError } from '../core/errors.ts';
import { type Random, random } from '../core/random.ts';
import type { Files } from '../runtime/files.ts';
import { readText, writeJson } from '../runtime/json-file.ts';
import { createNiftiHeader, encodeNiftiImage, encodeNiftiLabels } from '../volume/nifti.ts';
import type { Affine, LabelVolume, Volume, Xyz } from '../volume/volume.ts';
import { voxelCount } from '../volume/volume.ts';
import { drawAnatomy, TEMPLATE_SIZE_MM } from './phantom-anatomy.ts';

/** What may be fixed about a phantom; everything else follows from seed and index. */
export interface PhantomOptions {
  /** Grid in x, y, z; without it 30..42 x 42..58 x 28..44, drawn per case. */
  readonly sizeVoxels?: Xyz;
}

/** A generated case: image and labels on the same grid. */
export interface Phantom {
  readonly volume: Volume;
  readonly labels: LabelVolume;
}

const SMALLEST_AXIS_VOXELS = 8;

/** Range of the brightest voxel over cases, as powers of ten: about 112 to 1.7e6 in the real data set. */
const LOG10_MAXIMUM = [2.05, 6.23] as const;

/** Position of each voxel of an axis in a coarse random grid: lower node and smoothed weight of the upper one. */
function axisNodes(voxels: number, cells: number): { readonly node: number; readonly weight: number }[] {
  return Array.from({ length: voxels }, (_, index) => {
    const position = ((index + 0.5) / voxels) * cells;
    const node = Math.min(cells - 1, Math.floor(position));
    const t = position - node;
    return { node, weight: t * t * (3 - 2 * t) };
  });
}

/**
 * Smooth noise: standard normal values on a coarse grid, blended in between.
 * @param cells number of grid cells along x, y, z
 * @returns one value per voxel, x fastest
 */
function smoothNoise(source: Random, sizeVoxels: Xyz, cells: Xyz): Float32Array {
  const strideY = cells[0] + 1;
  const strideZ = strideY * (cells[1] + 1);
  const nodes = Float32Array.from({ length: strideZ * (cells[2] + 1) }, () => source.normal());
  const [alongX, alongY, alongZ] = [
    axisNodes(sizeVoxels[0], cells[0]),
    axisNodes(sizeVoxels[1], cells[1]),
    axisNodes(sizeVoxels[2], cells[2]),
  ];
  const noise = new Float32Array(voxelCount(sizeVoxels));
  const row = new Float32Array(strideY);
  let voxel = 0;
  for (const z of alongZ) {
    for (const y of alongY) {
      const base = z.node * strideZ + y.node * strideY;
      for (let node = 0; node < strideY; node++) {
        const near = nodes[base + node]! * (1 - y.weight) + nodes[base + strideY + node]! * y.weight;
        const far = nodes[base + strideZ + node]! * (1 - y.weight) + nodes[base + strideZ + strideY + node]! * y.weight;
        row[node] = near * (1 - z.weight) + far * z.weight;
      }
      for (const x of alongX) {
        const before = row[x.node]!;
        noise[voxel++] = before + (row[x.node + 1]! - before) * x.weight;
      }
    }
  }
  return noise;
}

/** A few bright vessels: small Gaussian spots that make the maximum an outlier, as in real scans. */
function addVessels(image: Float32Array, sizeVoxels: Xyz, source: Random): void {
  const count = 1 + source.integer(3);
  for (let vessel = 0; vessel < count; vessel++) {
    const [cx, cy, cz] = sizeVoxels.map(size => source.uniform() * size) as [number, number, number];
    const height = 0.3 + 0.7 * source.uniform();
    for (let z = Math.max(0, Math.floor(cz - 3)); z < Math.min(sizeVoxels[2], cz + 3); z++) {
      for (let y = Math.max(0, Math.floor(cy - 3)); y < Math.min(sizeVoxels[1], cy + 3); y++) {
        for (let x = Math.max(0, Math.floor(cx - 3)); x < Math.min(sizeVoxels[0], cx + 3); x++) {
          const squared = (x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2;
          image[x + sizeVoxels[0] * (y + sizeVoxels[1] * z)]! += height * Math.exp(-squared / 2);
        }
      }
    }
  }
}

/** What a scanner does to the picture: bias field, Rician noise, and whole numbers on an arbitrary scale. */
function scan(image: Float32Array, sizeVoxels: Xyz, source: Random): void {
  const bias = smoothNoise(source, sizeVoxels, [1, 2, 1]);
  const noise = 0.04 + 0.03 * source.uniform();
  const maximum = 10 ** (LOG10_MAXIMUM[0] + (LOG10_MAXIMUM[1] - LOG10_MAXIMUM[0]) * source.uniform());
  let brightest = 0;
  for (let voxel = 0; voxel < image.length; voxel++) {
    const signal = image[voxel]! * Math.exp(0.12 * bias[voxel]!);
    const real = signal + noise * source.normal();
    const imaginary = noise * source.normal();
    const magnitude = Math.sqrt(real * real + imaginary * imaginary);
    image[voxel] = magnitude;
    if (magnitude > brightest) brightest = magnitude;
  }
  for (let voxel = 0; voxel < image.length; voxel++) image[voxel] = Math.round((image[voxel]! / brightest) * maximum);
}

/**
 * Generates one case.
 * @param seed of the data set
 * @param index of the case in it
 * @returns image values are whole numbers from 0 to a maximum between about 1e2 and 1.7e6; labels 0, 1 (Anterior), 2
 * (Posterior)
 * @throws {InputError} E_PHANTOM_SIZE if an axis has fewer than 8 voxels
 */
export function generatePhantom(seed: number, index: number, options: PhantomOptions = {}): Phantom {
  const source = random(seed, 'phantom', index);
  const drawn: Xyz = [30 + source.integer(13), 42 + source.integer(17), 28 + source.integer(17)];
  const sizeVoxels = options.sizeVoxels ?? drawn;
  if (!sizeVoxels.every(size => Number.isInteger(size) && size >= SMALLEST_AXIS_VOXELS)) {
    throw new InputError(
      'E_PHANTOM_SIZE',
      `a phantom needs at least ${SMALLEST_AXIS_VOXELS} whole voxels along each axis, got ${sizeVoxels.join('x')}. ` +
        'Ask for a larger sizeVoxels, or for none.',
    );
  }
  const anatomy = drawAnatomy(source);
  const warp = [0, 1, 2].map(() => smoothNoise(source, sizeVoxels, [4, 6, 4])) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const rough = smoothNoise(source, sizeVoxels, [12, 16, 12]);
  const folds = [smoothNoise(source, sizeVoxels, [5, 7, 5]), smoothNoise(source, sizeVoxels, [3, 4, 3])] as const;

  const image = new Float32Array(voxelCount(sizeVoxels));
  const labels = new Uint8Array(image.length);
  const stepMm = TEMPLATE_SIZE_MM.map((extent, axis) => extent / sizeVoxels[axis]!) as [number, number, number];
  let voxel = 0;
  for (let z = 0; z < sizeVoxels[2]; z++) {
    for (let y = 0; y < sizeVoxels[1]; y++) {
      for (let x = 0; x < sizeVoxels[0]; x++, voxel++) {
        const yMm = (y + 0.5) * stepMm[1];
        const at: Xyz = [
          (x + 0.5) * stepMm[0] + 1.1 * warp[0][voxel]!,
          yMm + 0.7 * warp[1][voxel]!,
          (z + 0.5) * stepMm[2] + 1.1 * warp[2][voxel]! + 0.35 * rough[voxel]!,
        ];
        const { intensity, distanceMm } = anatomy.sample(at, [folds[0][voxel]!, folds[1][voxel]!]);
        image[voxel] = intensity + 0.05 * rough[voxel]!;
        if (distanceMm < 0) labels[voxel] = yMm >= anatomy.boundaryMm ? 1 : 2;
      }
    }
  }
  addVessels(image, sizeVoxels, source);
  scan(image, sizeVoxels, source);
  const spacingMm: Xyz = [1, 1, 1];
  const affine: Affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
  return {
    volume: { data: image, sizeVoxels, channels: 1, spacingMm, affine },
    labels: { data: labels, sizeVoxels, spacingMm, affine },
  };
}

/** Who made a data set, in its dataset.json; distinguishes phantoms from anybody's scans. */
const REFERENCE = 'voxstill';

/** Whether a folder holds phantoms that {@link writePhantomDataset} made, and may be replaced by others. */
export async function isPhantomDataset(files: Files, folder: string): Promise<boolean> {
  const path = `${folder}/dataset.json`;
  if (!(await files.exists(path))) return false;
  return (await readText(files, path)).includes(`"reference": "${REFERENCE}"`);
}

/**
 * Writes a data set of phantoms as a Medical Segmentation Decathlon folder: dataset.json, imagesTr, labelsTr (.nii.gz).
 * Case i of a seed is the same whatever the number of cases.
 * @param folder is created; files of the same names are replaced
 * @throws {InputError} E_PHANTOM_CASES unless there is at least one case
 */
export async function writePhantomDataset(
  files: Files,
  folder: string,
  { seed, cases }: { readonly seed: number; readonly cases: number },
): Promise<void> {
  if (!Number.isInteger(cases) || cases < 1) {
    throw new InputError(
      'E_PHANTOM_CASES',
      `a phantom data set needs one case or more, got ${cases}. Ask for a whole number.`,
    );
  }
  const training: { readonly image: string; readonly label: string }[] = [];
  for (let index = 0; index < cases; index++) {
    const name = `phantom_${String(index + 1).padStart(3, '0')}.nii.gz`;
    const { volume, labels } = generatePhantom(seed, index);
    const header = createNiftiHeader(volume);
    await files.write(`${folder}/imagesTr/${name}`, encodeNiftiImage(volume, header));
    await files.write(`${folder}/labelsTr/${name}`, encodeNiftiLabels(labels, header));
    training.push({ image: `./imagesTr/${name}`, label: `./labelsTr/${name}` });
  }
  const description = {
    name: 'Phantom',
    description: `Generated hippocampus-like volumes, seed ${seed}: not patients, for trying things out`,
    reference: REFERENCE,
    licence: 'Apache-2.0',
    release: '1.0',
    tensorImageSize: '3D',
    modality: { 0: 'MRI' },
    labels: { 0: 'background', 1: 'Anterior', 2: 'Posterior' },
    numTraining: cases,
    numTest: 0,
    training,
    test: [],
  };
  await writeJson(files, `${folder}/dataset.json`, description);
}
