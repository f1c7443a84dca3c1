/**
 * How sure a segmentation is: calibrated probabilities, the entropy of each voxel, and the Dice that a model expects
 * of its result. Arrays are [K, voxels], class outermost, a slice at a time. A temperature is applied to the
 * finished probabilities, after windows, views and models were averaged, so it never changes a label by the most
 * likely class.
 * Source: Guo et al., On Calibration of Modern Neural Networks (ICML 2017); for averages, pool then calibrate as in
 * Rahaman and Thiery, Uncertainty Quantification and Deep Ensembles (NeurIPS 2021).
 */
import { addXLogX, type PowerTable, powerTable, raise } from '../core/elementary.ts';
import { expectedDice } from '../metrics/expected-dice.ts';
import { LABEL_VALUES, type LabelArray, type Volume } from '../volume/volume.ts';
import type { ModelLabel, OutputClasses } from './model-info.ts';
import type { ClassKind } from './probabilities.ts';

/** What probabilities are calibrated by. */
interface Calibration {
  readonly classes: number;
  readonly kind: ClassKind;
  /** x -> x^(1/T). */
  readonly table: PowerTable;
}

/** p^a / (p^a + (1 - p)^a) of each value, in place. */
function sharpenEach(values: Float32Array, power: number): void {
  for (let i = 0; i < values.length; i++) {
    const p = Math.min(1, Math.max(0, values[i]!));
    const present = p ** power;
    values[i] = present / (present + (1 - p) ** power);
  }
}

/** Memory of one number per voxel. */
interface PerVoxel {
  readonly factors: Float32Array;
  readonly sums: Float64Array;
}

function perVoxel(voxels: number): PerVoxel {
  return { factors: new Float32Array(voxels), sums: new Float64Array(voxels) };
}

/** p_k^a / sum_j p_j^a of each voxel, in place; relative to the largest, so that no power is too small for all. */
function sharpenTogether(values: Float32Array, { classes, table }: Calibration, { factors, sums }: PerVoxel): void {
  const { length } = values;
  const count = length / classes;
  factors.fill(0);
  sums.fill(0);
  for (let from = 0; from < length; from += count) {
    for (let i = 0; i < count; i++) if (values[from + i]! > factors[i]!) factors[i] = values[from + i]!;
  }
  for (let i = 0; i < count; i++) factors[i] = factors[i]! > 0 ? 1 / factors[i]! : 0;
  for (let from = 0; from < length; from += count) {
    for (let i = 0; i < count; i++) values[from + i]! *= factors[i]!;
    raise(values, { from, count }, table);
    for (let i = 0; i < count; i++) sums[i]! += values[from + i]!;
  }
  for (let from = 0; from < length; from += count) {
    // of a voxel without any probability nothing is known
    for (let i = 0; i < count; i++) values[from + i] = sums[i]! > 0 ? values[from + i]! / sums[i]! : 1 / classes;
  }
}

/** Calibrates probabilities [K, voxels] in place. @param memory for at least as many voxels */
function calibrate(values: Float32Array, calibration: Calibration, memory: PerVoxel): void {
  const { kind, table } = calibration;
  if (table.power === 1) return;
  if (kind === 'softmax') sharpenTogether(values, calibration, memory);
  else sharpenEach(values, table.power);
}

/**
 * Probabilities at a temperature T: p_k^(1/T) / sum_j p_j^(1/T) for exclusive classes, which is softmax(z / T) for
 * logits z; p^(1/T) / (p^(1/T) + (1 - p)^(1/T)) for each independent one. The same array for T = 1.
 * @param probabilities [K, voxels]
 */
export function calibrated(
  probabilities: Float32Array,
  { classes, kind, temperature }: { readonly classes: number; readonly kind: ClassKind; readonly temperature: number },
): Float32Array {
  if (temperature === 1) return probabilities;
  const result = probabilities.slice();
  calibrate(result, { classes, kind, table: powerTable(1 / temperature) }, perVoxel(result.length / classes));
  return result;
}

/**
 * Voxels that are gone through together. Slices of 256 x 256 voxels have their classes at distances of a power of two,
 * which a processor's cache cannot hold together; copied side by side they all stay in it.
 */
const AT_ONCE = 1024;

function plogp(p: number): number {
  return p > 0 ? p * Math.log(p) : 0;
}

/**
 * Entropy of each voxel in [0, 1]: -sum_k p_k log p_k / log K for exclusive classes; for independent ones the mean over
 * the channels of -(p log p + (1 - p) log(1 - p)) / log 2. 0 is certain, 1 is no idea.
 * @param probabilities [K, voxels]
 */
export function voxelEntropy(probabilities: Float32Array, classes: number, kind: ClassKind): Float32Array {
  const voxels = probabilities.length / classes;
  const entropy = new Float32Array(voxels);
  if (kind === 'softmax') {
    const most = Math.log(Math.max(2, classes));
    const sums = new Float64Array(voxels);
    for (let from = 0; from < probabilities.length; from += voxels) {
      addXLogX(probabilities, { from, count: voxels }, sums);
    }
    for (let i = 0; i < voxels; i++) entropy[i] = Math.min(1, Math.max(0, -sums[i]! / most));
    return entropy;
  }
  for (let v = 0; v < voxels; v++) {
    let sum = 0;
    for (let i = v; i < probabilities.length; i += voxels)
      sum -= plogp(probabilities[i]!) + plogp(1 - probabilities[i]!);
    entropy[v] = Math.min(1, Math.max(0, sum / (classes * Math.LN2)));
  }
  return entropy;
}

/** How sure a segmentation is. */
export interface Confidence {
  /** Temperature of its probabilities; null where none was fitted, and they are as the model gives them. */
  readonly temperature: number | null;
  /**
   * Expected Dice of each class but the background, by name; null where nothing was given the class, and for regions
   * that post-processing changed.
   */
  readonly expectedDice: Readonly<Record<string, number | null>>;
  /** Entropy of each voxel on the grid of the input; only if asked for. */
  readonly entropy?: Volume;
}

/** What is counted, and of what. */
export interface ConfidenceOptions {
  readonly classes: OutputClasses;
  readonly labels: readonly ModelLabel[];
  /** Null for none. */
  readonly temperature: number | null;
  /** Voxels of the volume. */
  readonly voxels: number;
  readonly entropy: boolean;
  /** 0 for voxels that do not count, one per voxel of the volume; all count if not given. */
  readonly counted?: Uint8Array | undefined;
  /** Whether labels can change after the slices, by post-processing. */
  readonly canChange: boolean;
}

/** Collects the confidence of a segmentation slice by slice. */
export interface ConfidenceCounter {
  /**
   * @param probabilities [K, plane]
   * @param places index of each voxel of the plane in the volume
   * @param labels of the volume, with those of the plane
   */
  add(probabilities: Float32Array, places: Int32Array, labels: LabelArray): void;
  /**
   * @param before labels as they were given to `add`
   * @param after the finished ones
   */
  finish(before: LabelArray, after: LabelArray): Omit<Confidence, 'entropy'>;
  /** Entropy of each voxel; undefined if not asked for. */
  readonly entropy: Float32Array | undefined;
}

const STORED_ONE = 65_535;

/** Voxels of each label value, of those that count. */
function countLabels(labels: LabelArray, voxels: number, counted: Uint8Array | undefined): Float64Array {
  const counts = new Float64Array(LABEL_VALUES);
  for (let i = 0; i < voxels; i++) if (counted?.[i] !== 0) counts[labels[i]!]!++;
  return counts;
}

/**
 * Starts counting. Memory: 4 bytes per voxel with entropy, and 2 where labels can change. Where post-processing gives a
 * class to background, the probability there is taken to be that of the likeliest class but the background.
 */
export function countConfidence(options: ConfidenceOptions): ConfidenceCounter {
  const { classes: output, labels: named, voxels, canChange, counted } = options;
  const { kind, values } = output;
  const calibration = { classes: values.length, kind, table: powerTable(1 / (options.temperature ?? 1)) };
  const scratch = new Float32Array(values.length * AT_ONCE);
  const memory = perVoxel(AT_ONCE);
  const isRegion = kind === 'regions';
  /** The foreground classes with their channels and label values. */
  const classes = named
    .filter(({ value }) => value !== 0)
    .map(({ name, value, region = [value] }) => {
      return { name, value, region: [...new Set(region)], k: values.indexOf(value) };
    });
  /** For each class and label value, whether the value belongs to it. */
  const belongs = classes.map(({ region }) => {
    const marks = new Uint8Array(LABEL_VALUES);
    for (const value of region) marks[value] = 1;
    return marks;
  });
  const inside = new Float64Array(classes.length);
  const all = new Float64Array(classes.length);
  const entropy = options.entropy ? new Float32Array(voxels) : undefined;
  const stored = canChange && !isRegion ? new Uint16Array(voxels) : undefined;
  /** Keeps the probability of a voxel's own class, and of background that of the likeliest other one. */
  const store = (place: number, p: number, whose: 'own' | 'background'): void => {
    if (stored === undefined) return;
    const code = Math.round(p * STORED_ONE);
    stored[place] = whose === 'own' ? code : Math.max(stored[place]!, code);
  };
  const addClasses = (sure: Float32Array, places: Int32Array, labels: LabelArray): void => {
    const plane = places.length;
    classes.forEach(({ k }, index) => {
      const isOwn = belongs[index]!;
      let [total, own] = [0, 0];
      for (let i = 0; i < plane; i++) {
        const place = places[i]!;
        if (counted?.[place] === 0) continue;
        const p = sure[k * plane + i]!;
        const label = labels[place]!;
        total += p;
        if (isOwn[label] === 1) {
          own += p;
          store(place, p, 'own');
        } else if (label === 0) store(place, p, 'background');
      }
      all[index]! += total;
      inside[index]! += own;
    });
  };
  /** Corrects the sums where labels changed after their slices; false where that is not known. */
  const follow = (before: LabelArray, after: LabelArray): boolean => {
    const ofValue = new Map(classes.map(({ value }, index) => [value, index]));
    for (let i = 0; i < voxels; i++) {
      if (before[i] === after[i] || counted?.[i] === 0) continue;
      if (stored === undefined) return false;
      const [lost, won] = [ofValue.get(before[i]!), ofValue.get(after[i]!)];
      if (lost !== undefined) inside[lost]! -= stored[i]! / STORED_ONE;
      if (won !== undefined) inside[won]! += stored[i]! / STORED_ONE;
    }
    return true;
  };
  return {
    entropy,
    add: (probabilities, places, labels) => {
      const plane = places.length;
      for (let first = 0; first < plane; first += AT_ONCE) {
        const count = Math.min(AT_ONCE, plane - first);
        const sure = scratch.subarray(0, values.length * count);
        for (let k = 0; k < values.length; k++) {
          sure.set(probabilities.subarray(k * plane + first, k * plane + first + count), k * count);
        }
        calibrate(sure, calibration, memory);
        const own = places.subarray(first, first + count);
        addClasses(sure, own, labels);
        if (entropy === undefined) continue;
        const ofPart = voxelEntropy(sure, values.length, kind);
        for (let i = 0; i < count; i++) entropy[own[i]!] = ofPart[i]!;
      }
    },
    finish: (before, after) => {
      const isKnown = before === after || follow(before, after);
      const counts = countLabels(after, voxels, counted);
      const expected = classes.map(({ name, region }, index) => {
        const given = region.reduce((sum, label) => sum + counts[label]!, 0);
        const sums = { inside: Math.max(0, inside[index]!), all: all[index]!, voxels: given };
        return [name, isKnown ? expectedDice(sums) : null] as const;
      });
      return { temperature: options.temperature, expectedDice: Object.fromEntries(expected) };
    },
  };
}
