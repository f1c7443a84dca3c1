/** Surfaces of the segmentation that is shown, in the 3D rendering: those that are saved as STL and OBJ. */
import { formatWhole, plural } from '../src/core/format.ts';
import { labelColour } from '../src/results/label-colours.ts';
import type { Surface } from '../src/results/surface.ts';
import { byId } from './elements.ts';
import { guarded } from './message.ts';
import type { PageState } from './page-state.ts';
import type { SegmentationView } from './segmentation-view.ts';
import type { Segmented } from './segmentations.ts';

export interface SurfaceView {
  listen(): void;
}

/** A surface as the viewer draws it. */
export interface ColouredSurface {
  readonly surface: Surface;
  readonly colour: readonly [number, number, number];
}

/** @param state of the page, for its viewer and the segmentation that is shown */
export function createSurfaceView(state: PageState, segmentations: SegmentationView): SurfaceView {
  const box = byId<HTMLInputElement>('surfaces');
  let drawn: Segmented | undefined;

  function wanted(): Segmented | undefined {
    // they would be old after every stroke of the pen
    if (!box.checked || state.viewer === undefined || state.correcting !== undefined) return undefined;
    return state.segmented[state.shown];
  }

  async function make(item: Segmented): Promise<void> {
    const { surfaceOf } = await import('../src/results/surface.ts');
    const surfaces: ColouredSurface[] = [];
    for (const { value, name } of item.classes) {
      const surface = value === 0 ? undefined : surfaceOf(item.labels, { value, name });
      if (surface !== undefined) surfaces.push({ surface, colour: labelColour(value) });
      // a large structure takes long, and another segmentation may have been chosen meanwhile
      await new Promise(resolve => setTimeout(resolve));
      if (drawn !== item || state.viewer === undefined) return;
    }
    state.viewer?.showSurfaces(surfaces);
    const triangles = surfaces.reduce((sum, { surface }) => sum + surface.triangles.length, 0);
    byId('surfaces-facts').textContent = `${plural(surfaces.length, 'surface')}, ${formatWhole(triangles)} triangles`;
  }

  function update(): void {
    const item = wanted();
    if (item === drawn) return;
    drawn = item;
    state.viewer?.showSurfaces([]);
    byId('surfaces-facts').textContent = '';
    if (item !== undefined) void guarded(() => make(item));
  }

  return {
    listen() {
      segmentations.onDrawn(update);
      box.addEventListener('change', update);
    },
  };
}
