/**
 * Chooses thresholds of the classes on the validation cases, by mean Dice. Argmax is right for the share of right
 * voxels but not for Dice, whose best threshold lies lower where a model is unsure (Dai and Li, RankSEG, JMLR 24,
 * 2023). One number per class works slice by slice and the same in every volume; RankSEG's own rule needs the
 * probabilities of the whole volume at once.
 *
 * A class is tried alone, beside the others by the most likely class. All its thresholds are counted in one pass:
 * what it would need to win is sorted into bins. It is kept by its Dice on cases that did not choose it: each case
 * is scored with the threshold that is best on all others. What is kept is then tried together, on the volumes
 * themselves.
 */
import { type ModelInfo, outputClasses } from '../inference/model-info.ts';
import { PLAIN_THRESHOLD } from '../inference/probabilities.ts';
import { diceOf } from '../metrics/overlap.ts';
import { meanOf } from '../metrics/statistics.ts';
import type { ThresholdTrial } from '../recipe/schema/confidence.ts';
import type { LabelVolume } from '../volume/volume.ts';
import { judgeChoice } from './judge-choice.ts';
import type { ValidationObserver } from './validation-pass.ts';

/** Thresholds that are tried, ascending: 0.05 to 0.95. */
export const TRIED_THRESHOLDS: readonly number[] = Array.from({ length: 19 }, (_, index) => (index + 1) / 20);

const PLAIN_INDEX = TRIED_THRESHOLDS.indexOf(PLAIN_THRESHOLD);

/** Mean Dice of every case with every tried threshold of a class; cases without any class are left out. */
export type ThresholdScores = readonly (readonly number[])[];

/** Number of tried thresholds that are below a value. */
function thresholdsBelow(value: number): number {
  let count = Math.max(0, Math.min(TRIED_THRESHOLDS.length, Math.ceil(value * 20) - 1));
  // the estimate may be off by one where the value is a threshold
  while (count < TRIED_THRESHOLDS.length && TRIED_THRESHOLDS[count]! < value) count++;
  while (count > 0 && TRIED_THRESHOLDS[count - 1]! >= value) count--;
  return count;
}

/** Voxels of one class as its threshold falls: by the number of thresholds with which it wins. */
interface Tally {
  /** Voxels, and those of them that are right if the class wins. */
  readonly won: Float64Array;
  readonly wonRight: Float64Array;
  /** The same if it does not win, by [bins, class that wins instead]. */
  readonly lost: Float64Array;
  readonly lostRight: Float64Array;
}

export interface ThresholdCounter extends ValidationObserver {
  /** By class name: mean Dice by case and tried threshold. */
  scores(): ReadonlyMap<string, ThresholdScores>;
}

/**
 * Counts what every threshold of every class would do, for exclusive or independent classes that are no regions.
 * @param info of the model
 */
export function countThresholds(info: ModelInfo): ThresholdCounter {
  const { kind, values } = outputClasses(info);
  const isExclusive = kind === 'softmax';
  const labels = info.labels.filter(({ value }) => value !== 0);
  const channels = labels.map(({ value }) => values.indexOf(value));
  const backgroundChannel = isExclusive ? values.indexOf(0) : -1;
  /** Place of a class in the tallies by channel; the background, and what is no class, is the last. */
  const nobody = labels.length;
  const placeOf = values.map(value => (value === 0 ? nobody : labels.findIndex(one => one.value === value)));
  const bins = TRIED_THRESHOLDS.length + 1;
  const scores = labels.map((): number[][] => []);
  const placeOfLabel = new Map(labels.map(({ value }, index) => [value, index]));
  let reference: LabelVolume | undefined;
  let tallies: Tally[] = [];
  let inReference = new Float64Array(0);
  /** Who wins a voxel if a class does not, and with how many thresholds the class wins it. */
  const duel = (pOf: (k: number) => number, channel: number): { readonly bin: number; readonly instead: number } => {
    let [rival, best] = [backgroundChannel, isExclusive ? pOf(backgroundChannel) : 0];
    for (let k = 0; k < values.length; k++) {
      const [other, isOther] = [pOf(k), k !== channel && k !== backgroundChannel];
      if (isOther && other > best && (isExclusive || other >= PLAIN_THRESHOLD)) [rival, best] = [k, other];
    }
    const p = pOf(channel);
    const share = p > 0 ? p / (p + best) : 0;
    const bin = thresholdsBelow(isExclusive ? share : Math.min(p, share));
    return { bin, instead: rival < 0 ? nobody : placeOf[rival]! };
  };
  const addVoxel = (
    { won, wonRight, lost, lostRight }: Tally,
    {
      c,
      truth,
      bin,
      instead,
    }: { readonly c: number; readonly truth: number; readonly bin: number; readonly instead: number },
  ): void => {
    won[bin]!++;
    if (truth === c) wonRight[bin]!++;
    const place = bin * (nobody + 1) + instead;
    lost[place]!++;
    if (truth === instead) lostRight[place]!++;
  };
  return {
    needsAllClasses: true,
    begin: volume => {
      reference = volume;
      inReference = new Float64Array(nobody + 1);
      const zeros = (length: number): Float64Array => new Float64Array(length);
      const both = bins * (nobody + 1);
      tallies = labels.map(() => ({
        won: zeros(bins),
        wonRight: zeros(bins),
        lost: zeros(both),
        lostRight: zeros(both),
      }));
    },
    slice: (probabilities, places) => {
      const { data, ignore } = reference as LabelVolume;
      for (let i = 0; i < places.length; i++) {
        const label = data[places[i]!]!;
        if (label === ignore) continue;
        const truth = placeOfLabel.get(label) ?? nobody;
        inReference[truth]!++;
        const pOf = (k: number): number => probabilities[k * places.length + i]!;
        for (const [c, channel] of channels.entries()) addVoxel(tallies[c]!, { c, truth, ...duel(pOf, channel) });
      }
    },
    end: () => {
      if (inReference.subarray(0, nobody).every(voxels => voxels === 0)) return;
      tallies.forEach((tally, c) => {
        scores[c]!.push(TRIED_THRESHOLDS.map((_, index) => meanDiceAt(tally, { index, c, inReference })));
      });
    },
    scores: () => new Map(labels.map(({ name }, c) => [name, scores[c]!])),
  };
}

/** Mean Dice of a case over the classes that are present, where class c has the threshold with this index. */
function meanDiceAt(
  { won, wonRight, lost, lostRight }: Tally,
  { index, c, inReference }: { readonly index: number; readonly c: number; readonly inReference: Float64Array },
): number {
  const classes = inReference.length;
  const dice = Array.from({ length: classes - 1 }, (_, j) => {
    let [prediction, intersection] = [0, 0];
    for (let bin = 0; bin < won.length; bin++) {
      const wins = bin > index;
      if (wins && j === c) {
        prediction += won[bin]!;
        intersection += wonRight[bin]!;
      } else if (!wins) {
        prediction += lost[bin * classes + j]!;
        intersection += lostRight[bin * classes + j]!;
      }
    }
    return diceOf({ reference: inReference[j]!, prediction, intersection });
  }).filter(value => value !== null);
  return meanOf(dice);
}

/** The index of the threshold with the best mean over the cases; of equals that nearest to 0.5. */
function bestIndex(cases: ThresholdScores): number {
  const means = TRIED_THRESHOLDS.map((_, index) => meanOf(cases.map(scores => scores[index] as number)));
  let best = PLAIN_INDEX;
  TRIED_THRESHOLDS.forEach((_, index) => {
    const isNearer = Math.abs(index - PLAIN_INDEX) < Math.abs(best - PLAIN_INDEX);
    if (means[index]! > means[best]! || (means[index] === means[best] && isNearer)) best = index;
  });
  return best;
}

/** Tries the thresholds of one class; every case is scored with the one that is best on all the others. */
export function tryThreshold(name: string, cases: ThresholdScores): ThresholdTrial {
  const before = cases.map(scores => scores[PLAIN_INDEX]!);
  const after = cases.map(
    (scores, index) => scores[cases.length < 2 ? PLAIN_INDEX : bestIndex(cases.toSpliced(index, 1))]!,
  );
  const chosen = cases.length === 0 ? PLAIN_THRESHOLD : TRIED_THRESHOLDS[bestIndex(cases)]!;
  return { class: name, threshold: chosen, ...judgeChoice(before, after) };
}

/**
 * Tries all thresholds that were kept, together.
 * @param before mean Dice of each case without them
 * @param after and with them
 */
export function tryTogether(before: readonly number[], after: readonly number[]): ThresholdTrial {
  return { class: null, threshold: null, ...judgeChoice(before, after) };
}

/** The thresholds of the classes whose own are kept; empty for none. */
export function keptThresholds(trials: readonly ThresholdTrial[]): Readonly<Record<string, number>> {
  const kept = trials.filter(one => one.kept && one.class !== null && one.threshold !== PLAIN_THRESHOLD);
  return Object.fromEntries(kept.map(one => [one.class as string, one.threshold as number]));
}
