/** Where the names of curves and points go, so that none lies on another. */

/**
 * Moves labels apart, upwards from the lowest, and back down where the highest would leave the chart.
 * @param heights where they would like to be, in units of the axis
 * @param gap the least distance between two
 * @param top of the chart
 */
export function spreadLabels(heights: readonly number[], gap: number, top: number): number[] {
  const order = heights.map((_, index) => index).sort((a, b) => heights[a]! - heights[b]!);
  const placed = [...heights];
  let floor = Number.NEGATIVE_INFINITY;
  for (const index of order) {
    placed[index] = Math.max(placed[index]!, floor);
    floor = placed[index]! + gap;
  }
  let ceiling = top;
  for (const index of order.reverse()) {
    placed[index] = Math.min(placed[index]!, ceiling);
    ceiling = placed[index]! - gap;
  }
  return placed;
}
