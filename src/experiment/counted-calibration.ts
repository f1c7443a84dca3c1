/** Counts how often probabilities come true, slice after slice, for calibration errors and their diagrams. */
import { calibrated } from '../inference/confidence.ts';
import type { ModelLabel, OutputClasses } from '../inference/model-info.ts';
import type { SegmentOptions } from '../inference/predictor.ts';
import {
  addCounts,
  countReliability,
  emptyCounts,
  expectedCalibrationError,
  type ReliabilityCounts,
  reliabilityBins,
} from '../metrics/calibration.ts';
import { countedVoxels } from '../metrics/ignored.ts';
import { maskOf } from '../metrics/overlap.ts';
import { createLabelsLike, type LabelVolume } from '../volume/volume.ts';
import type { Evaluation } from './record.ts';

/** Bins by class name. */
export type CountsByClass = ReadonlyMap<string, ReliabilityCounts>;

/** Expected calibration error of each class. */
export function errorsOf(counts: CountsByClass): Readonly<Record<string, number>> {
  return Object.fromEntries([...counts].map(([name, one]) => [name, expectedCalibrationError(one)]));
}

/** Counts probabilities against the reference as slices become final, as they are and at the models' temperature. */
export function countCalibration(
  { output, temperature }: { readonly output: OutputClasses; readonly temperature: number | null },
  classes: readonly ModelLabel[],
  { data, ignore }: LabelVolume,
): {
  readonly counts: CountsByClass;
  readonly atTemperature: CountsByClass | undefined;
  readonly onSlice: NonNullable<SegmentOptions['onSlice']>;
} {
  const { kind, values } = output;
  const empty = (): Map<string, ReliabilityCounts> => new Map(classes.map(({ name }) => [name, emptyCounts()]));
  const counts = empty();
  const atTemperature = temperature === null ? undefined : empty();
  const onSlice = (probabilities: Float32Array, voxels: Int32Array): void => {
    const plane = voxels.length;
    const reference = createLabelsLike(data, plane).map((_, index) => data[voxels[index]!]!);
    const counted = countedVoxels({ data: reference, ignore });
    const sure = calibrated(probabilities, { classes: values.length, kind, temperature: temperature ?? 1 });
    for (const { name, value, region } of classes) {
      const k = values.indexOf(value);
      const own = region === undefined ? { reference, value } : { reference: maskOf(reference, region), value: 1 };
      const truth = { ...own, counted };
      const ofClass = (all: Float32Array): Float32Array => all.subarray(k * plane, (k + 1) * plane);
      countReliability(counts.get(name)!, ofClass(probabilities), truth);
      if (atTemperature !== undefined) countReliability(atTemperature.get(name)!, ofClass(sure), truth);
    }
  };
  return { counts, atTemperature, onSlice };
}

/** The points of each class's reliability diagram over all cases. */
export function pooledCalibration(cases: readonly CountsByClass[]): Evaluation['calibration'] {
  const pooled = new Map<string, ReliabilityCounts>();
  for (const [name, counts] of cases.flatMap(counts => [...counts])) {
    const sum = pooled.get(name) ?? emptyCounts();
    addCounts(sum, counts);
    pooled.set(name, sum);
  }
  return Object.fromEntries([...pooled].map(([name, counts]) => [name, reliabilityBins(counts)]));
}
