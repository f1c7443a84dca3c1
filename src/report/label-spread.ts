/** Places the names of curves and points so that they do not overlap. */

/**
 * Moves labels apart, upwards from the lowest, and back down if the highest would leave the chart.
 * @param heights preferred positions, in units of the axis
 * @param gap smallest distance between two labels
 * @param top upper end of the chart
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
