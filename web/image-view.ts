/** The open image: its facts, and the viewer that draws it, with its window and layout. */
import { InputError } from '../src/core/errors.ts';
import { type ClipSide, clipPlaneOf } from './clip-plane.ts';
import { byId, make } from './elements.ts';
import type { MeasureView } from './measure-view.ts';
import { guarded, showError, showWarnings } from './message.ts';
import { drawLetters } from './orientation-letters.ts';
import type { PageState } from './page-state.ts';
import type { PenView } from './pen-view.ts';
import type { Scan } from './protocol.ts';
import type { SegmentationView } from './segmentation-view.ts';
import type { LAYOUTS, Viewer } from './viewer.ts';
import { createWindowView } from './window-view.ts';

export interface ImageView {
  /** Opens an image in place of the one before; its segmentations go with that one. */
  show(scan: Scan): Promise<void>;
  /** Listens to the controls of the viewer. */
  listen(): void;
}

/** Graphics that are lost again so soon are not started again: it would go on for ever. */
const SOON_MS = 10_000;

const input = (id: string): HTMLInputElement => byId<HTMLInputElement>(id);

/**
 * @param state of the page; this view changes the viewer and the image, and empties the segmentations
 * @param views that draw over the image
 */
export function createImageView(
  state: PageState,
  { segmentations, pen, measure }: { segmentations: SegmentationView; pen: PenView; measure: MeasureView },
): ImageView {
  let lostAtMs = Number.NEGATIVE_INFINITY;
  let opening: Promise<Viewer> | undefined;

  function onLost(): void {
    const canvas = byId('canvas');
    // a canvas whose graphics are lost cannot be used again at once
    canvas.replaceWith(canvas.cloneNode());
    Object.assign(state, { viewer: undefined, correcting: undefined } satisfies Partial<PageState>);
    measure.clear();
    segmentations.render();
    const lost = 'the browser took the graphics away from the viewer. Segmentations are not lost';
    const isAgain = performance.now() - lostAtMs < SOON_MS;
    lostAtMs = performance.now();
    const advice = isAgain ? ': save them, then open the image again.' : ', and the viewer is started again.';
    showError(new InputError('E_WEBGL_LOST', `${lost}${advice}`));
    if (!isAgain) void guarded(draw);
  }

  /** Draws the open image with its segmentations. */
  async function draw(): Promise<void> {
    const { scan } = state;
    if (scan === undefined) return;
    const viewer = await openViewer();
    measure.clear();
    await viewer.showScan(scan);
    windows.offer();
    showCut();
    viewer.setImageVisible(!input('labels-only').checked);
    segmentations.render();
  }

  const windows = createWindowView(state);

  function showCut(): void {
    const side = byId<HTMLSelectElement>('cut').value as ClipSide | 'none';
    input('cut-share').disabled = side === 'none';
    state.viewer?.setClipPlane(clipPlaneOf(side, input('cut-share').valueAsNumber));
  }

  const isRadiological = (): boolean => byId<HTMLSelectElement>('side').value === 'right';

  /** One viewer, whoever asks for it meanwhile. */
  function openViewer(): Promise<Viewer> {
    opening ??= startViewer().finally(() => {
      opening = undefined;
    });
    return opening;
  }

  async function startViewer(): Promise<Viewer> {
    if (state.viewer !== undefined) return state.viewer;
    const { createViewer } = await import('./viewer.ts');
    const onPlace = (text: string): void => {
      byId('place').textContent = text;
    };
    try {
      const canvas = byId<HTMLCanvasElement>('canvas');
      state.viewer = await createViewer(canvas, {
        onPlace,
        onLost,
        onWindow: windows.show,
        onDrawn: pen.take,
        onPlanes: (planes, isRadiological) => {
          drawLetters(byId('letters'), planes, isRadiological);
          measure.draw();
        },
      });
      state.viewer.setRadiological(isRadiological());
      state.viewer.setLayout(byId<HTMLSelectElement>('layout').value as keyof typeof LAYOUTS);
      return state.viewer;
    } catch (cause) {
      const message = 'the viewer needs WebGL 2, which this browser does not offer. Segmenting works.';
      // the message goes with the next thing that is done, and a black stage says nothing
      byId('empty').replaceChildren(make('p', {}, 'No picture: this browser offers no WebGL 2. Segmenting works.'));
      byId('empty').hidden = false;
      throw new InputError('E_WEBGL', message, { cause });
    }
  }

  return {
    async show(scan) {
      Object.assign(state, {
        scan,
        segmented: [],
        unsaved: new Set(),
        shown: -1,
        other: -1,
        correcting: undefined,
      } satisfies Partial<PageState>);
      const { volume, name, reference, warnings } = scan;
      byId('scan-name').textContent = name;
      byId('session-text').textContent = '';
      const channels = volume.channels === 1 ? '' : `, ${volume.channels} channels`;
      const spacing = volume.spacingMm.map(mm => Number(mm.toFixed(3))).join(' × ');
      byId('scan-facts').textContent = `${volume.sizeVoxels.join(' × ')} voxels of ${spacing} mm${channels}`;
      byId('empty').hidden = true;
      showWarnings(warnings);
      try {
        await draw();
      } finally {
        // they count without a viewer too
        if (reference === undefined) segmentations.render();
        else await segmentations.addReference(reference);
      }
    },

    listen() {
      const layout = byId<HTMLSelectElement>('layout');
      layout.addEventListener('change', () => state.viewer?.setLayout(layout.value as keyof typeof LAYOUTS));
      byId('side').addEventListener('change', () => state.viewer?.setRadiological(isRadiological()));
      input('opacity').addEventListener('input', () => state.viewer?.setOpacity(input('opacity').valueAsNumber));
      byId('cut').addEventListener('change', showCut);
      input('cut-share').addEventListener('input', showCut);
      input('labels-only').addEventListener('change', () =>
        state.viewer?.setImageVisible(!input('labels-only').checked),
      );
      windows.listen();
    },
  };
}
