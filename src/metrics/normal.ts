/** The standard normal distribution. */

/**
 * P(Z > z) of the standard normal: the series of Marsaglia (Evaluating the Normal Distribution, J. Stat. Software 11,
 * 2004) near 0, and Laplace's continued fraction in the tail, where the series would cancel.
 */
export function normalUpperTail(z: number): number {
  if (z < 0) return 1 - normalUpperTail(-z);
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  if (z < 3) {
    let sum = z;
    let term = z;
    for (let k = 3; term > sum * 1e-17; k += 2) {
      term *= (z * z) / k;
      sum += term;
    }
    return 0.5 - density * sum;
  }
  let fraction = z;
  for (let k = 100; k >= 1; k--) fraction = z + k / fraction;
  return density / fraction;
}
