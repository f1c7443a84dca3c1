/**
 * A training patch that is painted anew: a label map is cut out, moved, mirrored and painted, then every value becomes
 * its class. Image and labels follow from the key alone, so student, baseline and teacher see the same.
 */
import { random } from '../../core/random.ts';
import type { LabelArray, Xyz } from '../../volume/volume.ts';
import { type BoxMemory, cutPatch, type PatchTarget } from '../augment/spatial.ts';
import { type ImageNormalization, normalize } from '../normalize.ts';
import type { PatchPadding, PatchWindow } from '../patches.ts';
import { type LabelRules, labelRules } from './label-rules.ts';
import { createPaintMemory, type PaintMemory, paintInto } from './painting.ts';
import { drawPlacement } from './placement.ts';
import type { SynthesisSettings } from './settings.ts';

/** How patches of a label map are painted. */
export interface PatchSynthesis {
  readonly settings: SynthesisSettings;
  /** Normalisation of a painted patch, as inference normalises a volume. */
  readonly normalize: ImageNormalization;
}

/** A label map that is ready for training. */
export interface PaintableCase {
  readonly id: string;
  readonly label: LabelArray;
  readonly sizeVoxels: Xyz;
  readonly spacingMm: Xyz;
  /** Classes that were looked for; all if not given. */
  readonly annotated?: readonly number[];
}

/** Memory that is used from patch to patch. */
export interface PatchMemory {
  readonly boxes: BoxMemory;
  readonly paint: PaintMemory;
}

/** Creates memory for painted patches. */
export function createPatchMemory(boxes: BoxMemory): PatchMemory {
  return { boxes, paint: createPaintMemory() };
}

/** Remembers a pure function of immutable settings while they are alive. */
const rulesBySettings = new WeakMap<SynthesisSettings, LabelRules>();

/** The rules of settings, worked out once. */
export function rulesOf(settings: SynthesisSettings): LabelRules {
  const rules = rulesBySettings.get(settings) ?? labelRules(settings);
  rulesBySettings.set(settings, rules);
  return rules;
}

/** Replaces values by classes; one that was not looked for is background. */
function toClasses(labels: Int32Array, classOf: Uint8Array, annotated: readonly number[] | undefined): void {
  const counts = annotated === undefined ? undefined : new Set(annotated);
  for (let i = 0; i < labels.length; i++) {
    const value = classOf[labels[i]!]!;
    labels[i] = counts === undefined || counts.has(value) ? value : 0;
  }
}

/**
 * Paints a patch.
 * @param target image and class labels, which are written
 * @param options.key of the random numbers: (seed, step, sample)
 */
export function paintPatch(
  target: PatchTarget,
  map: PaintableCase,
  options: {
    readonly synthesis: PatchSynthesis;
    readonly window: PatchWindow;
    readonly padding: PatchPadding;
    readonly key: readonly (number | string)[];
    readonly memory: PatchMemory;
  },
): void {
  const { synthesis, window, padding, key, memory } = options;
  const { settings } = synthesis;
  const rules = rulesOf(settings);
  const { label, sizeVoxels, spacingMm, annotated, id } = map;
  const { size } = window;
  const augmentation = drawPlacement(settings, { patchSize: size, spacingMm }, random(...key, 'placement'));
  const noImage = new Float32Array(0);
  cutPatch(
    { image: noImage, label: target.label },
    { image: noImage, label, sizeVoxels, channels: 0, minima: [] },
    { window, padding, augmentation, boxes: memory.boxes },
  );
  paintInto(target.image, { labels: target.label, size, spacingMm }, { settings, rules, key, memory: memory.paint });
  target.image.set(normalize({ id, data: target.image, channels: 1 }, synthesis.normalize).data);
  toClasses(target.label, augmentation.flip[0] ? rules.mirroredClassOf : rules.classOf, annotated);
}
