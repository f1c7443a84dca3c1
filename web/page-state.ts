/** The state of the page: one record, which its views share. */
import type { Backends } from './backends.ts';
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
    isBusy: false,
  };
}
