/** How many windows a volume will take, computed from its grid before it is read. */
import { mapAxes } from '../core/axes.ts';
import type { Triple } from '../core/shape.ts';
import { canonicalGrid } from '../volume/orientation.ts';
import { sizeAtSpacing } from '../volume/resample.ts';
import type { Grid, Xyz } from '../volume/volume.ts';
import type { ModelInfo } from './model-info.ts';
import { countNnunetWindows } from './nnunet/windows.ts';
import { countWindows, type WindowChoice } from './sliding-window.ts';

/** Size of a volume on the grid of a model; nnU-Net cuts away what is zero, which no header says. */
function sizeOnGrid(grid: Grid, { spacingMm, nnunet }: ModelInfo): Xyz {
  if (nnunet === undefined) return spacingMm === undefined ? grid.sizeVoxels : sizeAtSpacing(grid, spacingMm);
  return mapAxes(axis => {
    const to = nnunet.spacingMm[axis] ?? grid.spacingMm[axis];
    return Math.max(1, Math.round((grid.spacingMm[axis] / to) * grid.sizeVoxels[axis]));
  });
}

/**
 * The number of windows of a model or an ensemble; more than there will be where nnU-Net cuts a volume.
 * @param models at least one
 */
export function expectedWindows(models: readonly ModelInfo[], stored: Grid, window: WindowChoice): number {
  const grid = models[0]?.orientation === 'RAS' ? canonicalGrid(stored) : stored;
  return models.reduce((sum, info) => {
    const [width, height, depth] = sizeOnGrid(grid, info);
    const size: Triple = [depth, height, width];
    if (info.nnunet !== undefined) return sum + countNnunetWindows({ ...window, model: { info }, size });
    const { patch, output } = info;
    return sum + countWindows({ ...window, size, window: patch, ...(output && { output }) });
  }, 0);
}
