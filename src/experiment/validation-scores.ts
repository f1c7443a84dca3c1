/**
 * How a model's segmentations fare on the validation cases, with one way to decide on labels: mean Dice of each
 * case, the components that post-processing is chosen by, and the errors of the expected Dice.
 */
import { type ConfidenceCounter, countConfidence } from '../inference/confidence.ts';
import { channelThresholds } from '../inference/decoding.ts';
import { type ModelInfo, outputClasses } from '../inference/model-info.ts';
import { labelsFromProbabilities } from '../inference/probabilities.ts';
import { FEWEST_FOR_INTERVAL, intervalHalfWidth } from '../metrics/expected-dice.ts';
import { countedVoxels, withoutIgnored } from '../metrics/ignored.ts';
import { countOverlap, diceOf } from '../metrics/overlap.ts';
import { meanOf } from '../metrics/statistics.ts';
import { createLabels, type LabelVolume, voxelCount } from '../volume/volume.ts';
import { type ClassPieces, takeApart } from './choose-postprocessing.ts';
import type { ModelMetadata } from './model-facts.ts';
import type { ValidationObserver } from './validation-pass.ts';

/** What is to be found out. */
interface ScoringOptions {
  /** By class name; the most likely class if not given. */
  readonly thresholds?: Readonly<Record<string, number>>;
  readonly temperature?: number | undefined;
  /** Whether components are collected. */
  readonly pieces: boolean;
}

export interface ValidationScores extends ValidationObserver {
  /** Mean Dice of each case over its classes; null where neither has any. */
  readonly meanDice: readonly (number | null)[];
  /** Components by class name. */
  readonly pieces: ReadonlyMap<string, readonly ClassPieces[]>;
  /** Errors of the expected Dice by class name, of classes that enough cases have. */
  errors(): NonNullable<ModelMetadata['expectedDiceErrors']>;
}

/** Starts scoring. */
export function scoreValidation(info: ModelInfo, options: ScoringOptions): ValidationScores {
  const classes = outputClasses(info);
  const { kind, values } = classes;
  const named = info.labels.filter(({ value }) => value !== 0);
  const labelValues = kind === 'softmax' ? values : [0, ...values];
  const thresholds = options.thresholds && channelThresholds(options.thresholds, info.labels, values);
  const meanDice: (number | null)[] = [];
  const pieces = new Map<string, ClassPieces[]>(named.map(({ name }) => [name, []]));
  const errors = new Map<string, number[]>(named.map(({ name }) => [name, []]));
  let reference: LabelVolume;
  let looked: readonly number[] | undefined;
  let labels: LabelVolume['data'];
  let counter: ConfidenceCounter;
  return {
    meanDice,
    pieces,
    begin: (volume, annotated) => {
      looked = annotated;
      const voxels = voxelCount(volume.sizeVoxels);
      reference = volume;
      labels = createLabels(voxels, Math.max(...labelValues));
      counter = countConfidence({
        classes,
        labels: info.labels,
        temperature: options.temperature ?? null,
        voxels,
        entropy: false,
        canChange: false,
        counted: countedVoxels(volume),
      });
    },
    slice: (probabilities, places) => {
      const indices = labelsFromProbabilities(probabilities, { classes: values.length, kind, thresholds });
      for (let i = 0; i < places.length; i++) labels[places[i]!] = labelValues[indices[i]!]!;
      counter.add(probabilities, places, labels);
    },
    end: () => {
      const known = withoutIgnored(reference.data, labels, reference.ignore);
      const asked = named.filter(({ value }) => looked?.includes(value) !== false);
      const overlaps = countOverlap(
        known.reference,
        known.prediction,
        asked.map(({ value, region }) => region ?? value),
      );
      const dice = overlaps.map(diceOf);
      const present = dice.filter(value => value !== null);
      meanDice.push(present.length === 0 ? null : meanOf(present));
      const expected = counter.finish(labels, labels).expectedDice;
      asked.forEach(({ name, value }, index) => {
        const [believed = null, true_ = null] = [expected[name], dice[index]];
        if (believed !== null && true_ !== null) errors.get(name)!.push(believed - true_);
        if (!options.pieces) return;
        const volume = { ...reference, data: known.prediction };
        pieces.get(name)!.push(takeApart(volume, { ...reference, data: known.reference }, value));
      });
    },
    errors: () => {
      const enough = [...errors].filter(([, ofClass]) => ofClass.length >= FEWEST_FOR_INTERVAL);
      return Object.fromEntries(
        enough.map(([name, ofClass]) => [name, { halfWidth: intervalHalfWidth(ofClass)!, cases: ofClass.length }]),
      );
    },
  };
}
