/**
 * Paints an image onto a label map. For a voxel x with the label l:
 *   u(x) = clip((m_l + s_l n(x)) b(x), 0, 300), n standard normal, m and s of contrast.ts, b of bias-field.ts;
 *   v(x) = ((u(x) - min u) / (max u - min u)) ^ exp(g), g normal of deviation gamma;
 *   image = v as a scan would have shown it, acquisition.ts.
 * Everything follows from the key. Arrays are in file order, x fastest; an image has one channel.
 * Source: as settings.ts; labels_to_image_model of SynthSeg's code.
 */
import { extentOf } from '../../core/extent.ts';
import { type Random, random } from '../../core/random.ts';
import { type LabelArray, voxelCount, type Xyz } from '../../volume/volume.ts';
import { acquire, drawAcquisition } from './acquisition.ts';
import { createBiasRows, drawBiasField } from './bias-field.ts';
import { drawContrast } from './contrast.ts';
import type { LabelRules } from './label-rules.ts';
import type { SynthesisSettings } from './settings.ts';

/** The map that is painted. */
export interface PaintedMap {
  readonly labels: LabelArray | Int32Array;
  readonly size: Xyz;
  readonly spacingMm: Xyz;
}

/** How to paint. */
export interface PaintOptions {
  readonly settings: SynthesisSettings;
  readonly rules: LabelRules;
  /** Key of the random numbers; equal keys give equal images. */
  readonly key: readonly (number | string)[];
  readonly memory?: PaintMemory;
}

/** Memory that is used from patch to patch. */
export interface PaintMemory {
  /** Two arrays of a length, with any content. */
  take(length: number): { readonly first: Float32Array; readonly second: Float32Array };
}

/** Creates memory that is used from patch to patch. */
export function createPaintMemory(): PaintMemory {
  let kept = { first: new Float32Array(0), second: new Float32Array(0) };
  return {
    take: length => {
      if (kept.first.length !== length) kept = { first: new Float32Array(length), second: new Float32Array(length) };
      return kept;
    },
  };
}

const BRIGHTEST = 300;

/** Normal numbers; both numbers of each Box-Muller pair are used. */
function fillNormal(values: Float64Array, source: Random): void {
  for (let i = 0; i < values.length; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - source.uniform()));
    const angle = 2 * Math.PI * source.uniform();
    values[i] = radius * Math.cos(angle);
    if (i + 1 < values.length) values[i + 1] = radius * Math.sin(angle);
  }
}

/** Steps of the range of intensities in which powers are looked up, since they cost more than all else. */
const POWER_STEPS = 65_536;

/** v -> ((v - min) / (max - min)) ^ exponent; what is constant becomes 0. */
function toUnitRange(data: Float32Array, exponent: number): void {
  const { min, max } = extentOf(data);
  const scale = max > min ? POWER_STEPS / (max - min) : 0;
  const powers = Float32Array.from({ length: POWER_STEPS + 1 }, (_, step) => (step / POWER_STEPS) ** exponent);
  for (let i = 0; i < data.length; i++) data[i] = powers[((data[i]! - min) * scale + 0.5) | 0]!;
}

/**
 * Paints a label map.
 * @param image of the length of the map, which is written; values 0 to 1
 */
export function paintInto(image: Float32Array, { labels, size, spacingMm }: PaintedMap, options: PaintOptions): void {
  const { settings, rules, key, memory = createPaintMemory() } = options;
  const own = (part: string): Random => random(...key, part);
  const { means, deviations } = drawContrast(settings, rules, own('contrast'));
  const bias = drawBiasField(settings, { size, spacingMm }, own('bias'));
  const biasRow = bias && createBiasRows(bias, size);
  const exponent = Math.exp(settings.gamma * own('gamma').normal());
  const acquisition = drawAcquisition(settings, spacingMm, own('acquisition'));
  const source = own('noise');
  const [width, height, depth] = size;
  const [noise, factor] = [new Float64Array(width), new Float64Array(width).fill(1)];
  const { paintOf } = rules;
  for (let z = 0, start = 0; z < depth; z++) {
    for (let y = 0; y < height; y++, start += width) {
      fillNormal(noise, source);
      biasRow?.(factor, y, z);
      for (let x = 0; x < width; x++) {
        const paint = paintOf[labels[start + x]!]!;
        const value = (means[paint]! + deviations[paint]! * noise[x]!) * factor[x]!;
        image[start + x] = Math.min(BRIGHTEST, Math.max(0, value));
      }
    }
  }
  toUnitRange(image, exponent);
  acquire({ data: image, size, spacingMm }, acquisition, memory.take(voxelCount(size)));
}
