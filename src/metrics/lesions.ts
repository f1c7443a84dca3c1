/**
 * Scores of a class that is made of many structures (lesions, metastases), structure by structure: how many are found,
 * and how well. Structures are connected components (faces, edges or corners). A predicted and a true one match if
 * their intersection over union is above one half, so that each matches one other at most.
 * Sources: Kirillov et al., Panoptic Segmentation, arXiv:1801.00868; Kofler et al., Panoptica, arXiv:2312.02608.
 */
import { type Components, connectedComponents } from '../volume/components.ts';
import type { LabelArray, Xyz } from '../volume/volume.ts';

/** Intersection over union from which a predicted structure is a true one. */
const MATCHING_IOU = 0.5;

/** Scores by structure; null where nothing can be said. */
export interface LesionScore {
  /** 2 TP / (2 TP + FP + FN); null where neither has a structure. */
  readonly lesionF1: number | null;
  /** Mean Dice of the pairs that match; null where none does. */
  readonly lesionDice: number | null;
  /** Sum of the IoU of the pairs that match over TP + FP / 2 + FN / 2; null where neither has a structure. */
  readonly panopticQuality: number | null;
}

/** Component of every voxel, from 1; 0 where there is none. */
function labelsOf({ start, length, component }: Components, voxels: number): Int32Array {
  const labels = new Int32Array(voxels);
  start.forEach((first, run) => {
    labels.fill(component[run]! + 1, first, first + length[run]!);
  });
  return labels;
}

/**
 * Scores the structures of one class.
 * @param reference label value per voxel, x fastest
 * @param prediction on the same grid
 */
export function scoreLesions(
  reference: LabelArray,
  prediction: LabelArray,
  { sizeVoxels, value }: { readonly sizeVoxels: Xyz; readonly value: number },
): LesionScore {
  const options = { value, connectivity: 26 } as const;
  const [truth, found] = [reference, prediction].map(data => connectedComponents(data, sizeVoxels, options)) as [
    Components,
    Components,
  ];
  const [trueLabels, foundLabels] = [truth, found].map(one => labelsOf(one, reference.length)) as [
    Int32Array,
    Int32Array,
  ];
  const shared = new Map<number, number>();
  const columns = found.sizes.length + 1;
  trueLabels.forEach((label, voxel) => {
    if (label === 0 || foundLabels[voxel] === 0) return;
    const pair = label * columns + foundLabels[voxel]!;
    shared.set(pair, (shared.get(pair) ?? 0) + 1);
  });
  let [matched, iouSum, diceSum] = [0, 0, 0];
  for (const [pair, intersection] of shared) {
    const sizes = truth.sizes[Math.floor(pair / columns) - 1]! + found.sizes[(pair % columns) - 1]!;
    const iou = intersection / (sizes - intersection);
    if (iou <= MATCHING_IOU) continue;
    matched++;
    iouSum += iou;
    diceSum += (2 * intersection) / sizes;
  }
  const structures = truth.sizes.length + found.sizes.length;
  if (structures === 0) return { lesionF1: null, lesionDice: null, panopticQuality: null };
  return {
    lesionF1: (2 * matched) / structures,
    lesionDice: matched === 0 ? null : diceSum / matched,
    panopticQuality: (2 * iouSum) / structures,
  };
}
