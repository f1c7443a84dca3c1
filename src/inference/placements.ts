/**
 * Positions of windows along one axis of an image, and weights of their voxels. Windows form a regular grid, so the
 * weights of a window are products of one profile per axis, and so are the sums of weights at a voxel: each profile is
 * divided by its sum beforehand, so blending is a plain sum. Source: nnU-Net (Isensee et al., Nature Methods 18, 2021)
 * for the positions and the Gaussian with sigma = window / 8.
 */

/** Weighting of the voxels of a window: all the same, or highest in the middle. */
export type Weighting = 'gaussian' | 'constant';

/** One position of the window along one axis. */
export interface Placement {
  /** Index in the image of the window's first voxel; negative if the image is smaller than the window. */
  readonly start: number;
  /** Weight of each voxel of the window; the weights of all placements sum to 1 at every voxel of the image. */
  readonly weights: Float64Array;
}

export interface PlacementOptions {
  /** Length of the image along the axis, voxels. */
  readonly size: number;
  /** Length of the window, voxels. */
  readonly window: number;
  /** Fraction of a window that its neighbour also covers, in [0, 1). */
  readonly overlap: number;
  readonly weighting: Weighting;
}

/**
 * Evenly spaced positions along one axis with a step of at most window * (1 - overlap), from border to border; one
 * centred position if the image is not larger than the window.
 * @returns ascending by start
 */
export function placements({ size, window, overlap, weighting }: PlacementOptions): readonly Placement[] {
  const slack = size - window;
  const intervals = slack <= 0 ? 0 : Math.ceil(slack / Math.max(1, Math.floor(window * (1 - overlap))));
  const starts = Array.from({ length: intervals + 1 }, (_, index) =>
    intervals === 0 ? Math.ceil(slack / 2) : Math.round((slack * index) / intervals),
  );
  const profile = weightProfile(window, weighting);
  const sums = new Float64Array(size);
  const inside = (start: number, offset: number): boolean => start + offset >= 0 && start + offset < size;
  for (const start of starts) {
    for (let offset = 0; offset < window; offset++) {
      if (inside(start, offset)) sums[start + offset]! += profile[offset]!;
    }
  }
  return starts.map(start => ({
    start,
    weights: profile.map((weight, offset) => (inside(start, offset) ? weight / sums[start + offset]! : 0)),
  }));
}

/**
 * Weights along one axis of a window: 1, or a Gaussian about the middle with sigma = length / 8, which is 3e-4 at the
 * ends and never 0.
 */
function weightProfile(length: number, weighting: Weighting): Float64Array {
  switch (weighting) {
    case 'constant':
      return new Float64Array(length).fill(1);
    case 'gaussian': {
      const middle = (length - 1) / 2;
      return Float64Array.from({ length }, (_, offset) => Math.exp(-0.5 * ((offset - middle) / (length / 8)) ** 2));
    }
    default:
      return weighting satisfies never;
  }
}

/** First and last-but-one offset of a window that lie inside the image along one axis. */
export function insideRange(start: number, window: number, size: number): readonly [number, number] {
  return [Math.min(window, Math.max(0, -start)), Math.max(0, Math.min(window, size - start))];
}
