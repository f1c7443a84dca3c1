/**
 * Collects logits with their references from the validation cases, for the fit of a temperature. Of a large case an
 * even sample is taken, so that memory is bounded. The logit of a class is the logarithm of its probability; an
 * independent class is a row of its own, with its absence as the other class.
 */
import { type ModelInfo, outputClasses } from '../inference/model-info.ts';
import type { LogitRows } from '../metrics/temperature.ts';
import { type LabelVolume, voxelCount } from '../volume/volume.ts';
import type { ValidationObserver } from './validation-pass.ts';

/** Numbers that all cases together may keep: 32 MiB. */
const MOST_NUMBERS = 2 ** 23;

/**
 * Smallest probability: that of an exclusive class is a float32 of its own, but the absence of an independent class is
 * what is left to 1.
 */
const SMALLEST = { exclusive: 1e-37, independent: 1e-8 } as const;

/** The fractional parts of its multiples are spread evenly, whatever the rows of a plane are. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

const FIRST_ROWS = 2 ** 12;

/** `larger` with the values of `values` at its start. */
function grown<T extends Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>>(values: T, larger: T): T {
  larger.set(values);
  return larger;
}

export interface LogitSampler extends ValidationObserver {
  rows(): LogitRows;
}

/** @param cases number of cases that will come */
export function sampleLogits(info: ModelInfo, cases: number): LogitSampler {
  const { kind, values } = outputClasses(info);
  const isExclusive = kind === 'softmax';
  const classes = isExclusive ? values.length : 2;
  const smallest = isExclusive ? SMALLEST.exclusive : SMALLEST.independent;
  const logOf = (probability: number): number => Math.log(Math.max(probability, smallest));
  const perVoxel = isExclusive ? 1 : values.length;
  const members = values.map(value => {
    const region = info.labels.find(one => one.value === value)?.region ?? [value];
    return new Set(region);
  });
  const channelOf = new Map(values.map((value, channel) => [value, channel]));
  let logits = new Float32Array(FIRST_ROWS * classes);
  let truth = new Uint16Array(FIRST_ROWS);
  let rows = 0;
  let reference: LabelVolume | undefined;
  let share = 1;
  let seen = 0;
  /** Begins a row and returns where its logits go. */
  const openRow = (right: number): number => {
    if (rows === truth.length) {
      logits = grown(logits, new Float32Array(2 * logits.length));
      truth = grown(truth, new Uint16Array(2 * truth.length));
    }
    truth[rows] = right;
    return rows++ * classes;
  };
  const addVoxel = (
    probabilities: Float32Array,
    label: number,
    at: { readonly i: number; readonly plane: number },
  ): void => {
    const pOf = (k: number): number => probabilities[k * at.plane + at.i]!;
    if (!isExclusive) {
      for (let k = 0; k < values.length; k++) {
        const start = openRow(members[k]!.has(label) ? 1 : 0);
        logits[start] = logOf(1 - pOf(k));
        logits[start + 1] = logOf(pOf(k));
      }
      return;
    }
    const right = channelOf.get(label);
    if (right === undefined) return;
    const start = openRow(right);
    for (let k = 0; k < classes; k++) logits[start + k] = logOf(pOf(k));
  };
  return {
    needsAllClasses: true,
    needsOwnWords: true,
    begin: volume => {
      reference = volume;
      const all = voxelCount(volume.sizeVoxels) * perVoxel;
      share = Math.min(1, MOST_NUMBERS / (cases * classes * all));
      seen = 0;
    },
    slice: (probabilities, places) => {
      const { data, ignore } = reference as LabelVolume;
      for (let i = 0; i < places.length; i++) {
        const label = data[places[i]!]!;
        const isChosen = (seen++ * GOLDEN_RATIO) % 1 < share;
        if (label !== ignore && isChosen) addVoxel(probabilities, label, { i, plane: places.length });
      }
    },
    end: () => {},
    rows: () => ({ classes, logits: logits.subarray(0, rows * classes), truth: truth.subarray(0, rows) }),
  };
}
