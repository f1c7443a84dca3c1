/** Names, units and directions of the metrics, for people. */
import type { ClassMetric } from './case-score.ts';

/** A metric for people. */
export interface MetricFacts {
  /** Name as in "Dice of Anterior". */
  readonly noun: string;
  /** Unit with a space before it; empty if there is none. */
  readonly unit: string;
  readonly decimals: number;
  readonly better: 'higher' | 'lower';
}

const FACTS: Readonly<Record<ClassMetric, MetricFacts>> = {
  dice: { noun: 'Dice', unit: '', decimals: 3, better: 'higher' },
  iou: { noun: 'IoU', unit: '', decimals: 3, better: 'higher' },
  sensitivity: { noun: 'sensitivity', unit: '', decimals: 3, better: 'higher' },
  precision: { noun: 'precision', unit: '', decimals: 3, better: 'higher' },
  hd95Mm: { noun: 'HD95', unit: ' mm', decimals: 2, better: 'lower' },
  assdMm: { noun: 'ASSD', unit: ' mm', decimals: 2, better: 'lower' },
  surfaceDice: { noun: 'surface Dice', unit: '', decimals: 3, better: 'higher' },
  volumeErrorMl: { noun: 'absolute volume error', unit: ' ml', decimals: 2, better: 'lower' },
  volumeErrorPercent: { noun: 'absolute volume error', unit: ' %', decimals: 1, better: 'lower' },
  lesionF1: { noun: 'lesion F1 (IoU > 0.5)', unit: '', decimals: 3, better: 'higher' },
  lesionDice: { noun: 'lesion Dice (of those with IoU > 0.5)', unit: '', decimals: 3, better: 'higher' },
  panopticQuality: { noun: 'panoptic quality (IoU > 0.5)', unit: '', decimals: 3, better: 'higher' },
  ece: { noun: 'calibration error', unit: '', decimals: 4, better: 'lower' },
  calibratedEce: { noun: 'calibration error with temperature', unit: '', decimals: 4, better: 'lower' },
  expectedDice: { noun: 'expected Dice', unit: '', decimals: 3, better: 'higher' },
};

/** Metrics of every class that reports show and tests compare. Signed errors are tested by their size. */
export const TESTED_METRICS = [
  'dice',
  'hd95Mm',
  'assdMm',
  'surfaceDice',
  'sensitivity',
  'precision',
  'volumeErrorPercent',
  'ece',
  'lesionF1',
  'lesionDice',
  'panopticQuality',
] as const satisfies readonly ClassMetric[];

/** Facts of a metric. */
export function factsOf(metric: ClassMetric): MetricFacts {
  return FACTS[metric];
}

/** Whether a metric is a distance of surfaces, which is undefined if a structure is missed. */
export function isDistance(metric: ClassMetric): boolean {
  return metric === 'hd95Mm' || metric === 'assdMm';
}
