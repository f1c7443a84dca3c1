/**
 * How sure a segmentation is: calibrated probabilities, the entropy of each voxel, and the Dice that a model expects
 * of its result. Arrays are [K, voxels], class outermost, a slice at a time. A temperature is applied to the
 * finished probabilities, after windows, views and models were averaged, so it never changes a label by the most
 * likely class.
 * Source: Guo et al., On Calibration of Modern Neural Networks (ICML 2017); for averages, pool then calibrate as in
 * Rahaman and Thiery, Uncertainty Quantification and Deep Ensembles (NeurIPS 2021).
 */
import { expectedDice } from '../metrics/expected-dice.ts';
import { LABEL_VALUES, type LabelArray, type Volume } from '../volume/volume.ts';
import type { ModelLabel, OutputClasses } from './model-info.ts';
import type { ClassKind } from './probabilities.ts';

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
  const voxels = probabilities.length / classes;
  const power = 1 / temperature;
  const result = new Float32Array(probabilities.length);
  if (kind !== 'softmax') {
    for (let i = 0; i < result.length; i++) {
      const p = Math.min(1, Math.max(0, probabilities[i]!));
      const present = p ** power;
      result[i] = present / (present + (1 - p) ** power);
    }
    return result;
  }
  for (let v = 0; v < voxels; v++) {
    let largest = 0;
    for (let i = v; i < result.length; i += voxels) largest = Math.max(largest, probabilities[i]!);
    let sum = 0;
    for (let i = v; i < result.length; i += voxels) {
      // relative to the largest, so that no power is too small for all
      const value = largest > 0 ? Math.max(0, probabilities[i]! / largest) ** power : 1;
      result[i] = value;
      sum += value;
    }
    for (let i = v; i < result.length; i += voxels) result[i]! /= sum;
  }
  return result;
}

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
  const isExclusive = kind === 'softmax';
  const most = isExclusive ? Math.log(Math.max(2, classes)) : classes * Math.LN2;
  for (let v = 0; v < voxels; v++) {
    let sum = 0;
    for (let i = v; i < probabilities.length; i += voxels) {
      const p = probabilities[i]!;
      sum -= isExclusive ? plogp(p) : plogp(p) + plogp(1 - p);
    }
    entropy[v] = Math.min(1, Math.max(0, sum / most));
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
  const temperature = options.temperature ?? 1;
  const isRegion = kind === 'regions';
  /** The foreground classes with their channels and label values. */
  const classes = named
    .filter(({ value }) => value !== 0)
    .map(({ name, value, region = [value] }) => ({ name, value, region: new Set(region), k: values.indexOf(value) }));
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
  const addClass = (sure: Float32Array, places: Int32Array, labels: LabelArray): void => {
    const plane = places.length;
    classes.forEach(({ region, k }, index) => {
      for (let i = 0; i < plane; i++) {
        const place = places[i]!;
        if (counted?.[place] === 0) continue;
        const [p, label] = [sure[k * plane + i]!, labels[place]!];
        all[index]! += p;
        if (region.has(label)) {
          inside[index]! += p;
          store(place, p, 'own');
        } else if (label === 0) store(place, p, 'background');
      }
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
      const sure = calibrated(probabilities, { classes: values.length, kind, temperature });
      addClass(sure, places, labels);
      if (entropy === undefined) return;
      const ofPlane = voxelEntropy(sure, values.length, kind);
      for (let i = 0; i < places.length; i++) entropy[places[i]!] = ofPlane[i]!;
    },
    finish: (before, after) => {
      const isKnown = before === after || follow(before, after);
      const counts = countLabels(after, voxels, counted);
      const expected = classes.map(({ name, region }, index) => {
        const given = [...region].reduce((sum, label) => sum + counts[label]!, 0);
        const sums = { inside: Math.max(0, inside[index]!), all: all[index]!, voxels: given };
        return [name, isKnown ? expectedDice(sums) : null] as const;
      });
      return { temperature: options.temperature, expectedDice: Object.fromEntries(expected) };
    },
  };
}
