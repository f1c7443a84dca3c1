/** A case of a distillation in the view of images: segmented by its student, corrected by a person, and accepted. */
import { InputError } from '../src/core/errors.ts';
import type { LabelVolume } from '../src/volume/volume.ts';
import { byId } from './elements.ts';
import type { Wanted } from './file-roles.ts';
import { mayReplaceImage } from './leaving.ts';
import { guarded } from './message.ts';
import type { PageState } from './page-state.ts';
import type { DroppedFile, Scan } from './protocol.ts';

/** A case to look at. */
export interface ReviewedCase {
  /** What it is, for people. */
  readonly title: string;
  readonly files: readonly DroppedFile[];
  /** Its channels, and its label as the reference if it has one. */
  readonly wanted: Wanted;
  readonly student: File;
  /** Keeps labels as those of the case. */
  keep(labels: LabelVolume, isCorrected: boolean): Promise<void>;
  /** Shows the list that it came from. */
  back(): void;
}

/** The rest of the page, as far as this view needs it. */
export interface ReviewWorld {
  readonly state: PageState;
  addModel(file: File): Promise<void>;
  read(files: readonly DroppedFile[], wanted: Wanted): Promise<Scan>;
  show(scan: Scan): Promise<void>;
  /** Segments what is shown with the model that is chosen. */
  segment(): Promise<void>;
  /** Does a long job and shows its error. */
  busily(work: () => Promise<void>): Promise<void>;
  /** Shows the view of images. */
  showImage(): void;
  saveUnsaved(): Promise<void>;
}

export interface CaseReview {
  /** Shows a case and segments it with its student. */
  open(item: ReviewedCase): Promise<void>;
  /** Another image is opened, which belongs to no distillation. */
  close(): void;
  listen(): void;
}

export function createCaseReview(world: ReviewWorld): CaseReview {
  const { state } = world;
  let current: ReviewedCase | undefined;

  function update(): void {
    byId('review').hidden = current === undefined;
    byId('review-case').textContent = current?.title ?? '';
  }

  async function accept(): Promise<void> {
    const item = state.segmented[state.shown];
    if (current === undefined) return;
    if (item === undefined) {
      throw new InputError('E_NO_INPUT', 'no segmentation is shown. Segment the image, or choose one of the list.');
    }
    const { keep, back } = current;
    const button = byId<HTMLButtonElement>('review-accept');
    button.disabled = true;
    try {
      await keep(item.labels, item.correctedAt !== undefined);
    } finally {
      button.disabled = false;
    }
    state.unsaved = new Set([...state.unsaved].filter(name => name !== item.name));
    current = undefined;
    update();
    back();
  }

  return {
    async open(item) {
      if (state.isBusy) throw new InputError('E_PAGE_BUSY', 'the page is still at work. Wait until it is done.');
      if (!(await mayReplaceImage(state, world.saveUnsaved))) return;
      await world.addModel(item.student);
      world.showImage();
      await world.busily(async () => {
        await world.show(await world.read(item.files, item.wanted));
        current = item;
        update();
        await world.segment();
      });
    },

    close() {
      current = undefined;
      update();
    },

    listen() {
      byId('review-accept').addEventListener('click', () => guarded(accept));
      byId('review-back').addEventListener('click', () => current?.back());
    },
  };
}
