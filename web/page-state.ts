/** The state of the page: one record, which its views share. */
import type { LabelVolume } from '../src/volume/volume.ts';
import type { Backends } from './backends.ts';
import type { MeasurementKind } from './measurements.ts';
import type { ModelChoice } from './models.ts';
import type { Scan } from './protocol.ts';
import type { Segmented } from './segmentations.ts';
import type { Viewer } from './viewer.ts';

export interface PageState {
  /** Undefined before the first image, and where the browser took its graphics away. */
  viewer: Viewer | undefined;
  /** What models can run on; undefined until that is known. */
  backends: Backends | undefined;
  /** The models that can be chosen, and the one that is. */
  choices: readonly ModelChoice[];
  chosen: ModelChoice | undefined;
  /** The image that is open. */
  scan: Scan | undefined;
  segmented: readonly Segmented[];
  /** Names of the segmentations that were computed and not saved since. */
  unsaved: ReadonlySet<string>;
  /** Index of the segmentation that is drawn, and of the one that it is compared with; -1 for none. */
  shown: number;
  other: number;
  /** The segmentation under the pen. */
  correcting: Segmented | undefined;
  /** What the mouse measures. */
  measuring: MeasurementKind | undefined;
  /** Whether a long job is being done. */
  isBusy: boolean;
}

/** The state of a page that has just been opened. */
export function createPageState(): PageState {
  return {
    viewer: undefined,
    backends: undefined,
    choices: [],
    chosen: undefined,
    scan: undefined,
    segmented: [],
    unsaved: new Set(),
    shown: -1,
    other: -1,
    correcting: undefined,
    measuring: undefined,
    isBusy: false,
  };
}

/** An image with labels that a person has corrected: a labelled case to train on. */
export interface CorrectedCase {
  readonly scan: Scan;
  /** On the grid of the image, in the order of its file. They stay as they are while the person goes on. */
  readonly labels: LabelVolume;
  /** What the values of labels stand for, the background included. */
  readonly classes: Segmented['classes'];
  /** Name of the segmentation, for people. */
  readonly name: string;
  /** When it was changed last, ISO 8601. */
  readonly correctedAt: string;
}

/**
 * The corrected labels of the open image: those of the segmentation that is shown or, where it was not corrected, of
 * the one that was corrected last.
 * @returns undefined where nothing was corrected
 */
export function correctedLabels({ scan, segmented, shown }: PageState): CorrectedCase | undefined {
  const all = segmented.filter(({ correctedAt }) => correctedAt !== undefined);
  const latest = all.toSorted((left, right) => (left.correctedAt! < right.correctedAt! ? 1 : -1))[0];
  const item = segmented[shown]?.correctedAt === undefined ? latest : segmented[shown];
  if (scan === undefined || item?.correctedAt === undefined) return undefined;
  const { labels, classes, name, correctedAt } = item;
  return { scan, labels, classes, name, correctedAt };
}
