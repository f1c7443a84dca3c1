/** Student's t distribution with any number of degrees of freedom, whole or not, and its noncentral form. */
import { normalUpperTail } from './normal.ts';

/** Lanczos' approximation of ln Gamma(x), x > 0, with g = 7 and nine terms; relative error below 1e-13. */
function logGamma(x: number): number {
  const coefficients = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ];
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const shifted = x - 1;
  const top = shifted + 7.5;
  const sum = coefficients.reduce(
    (total, value, index) => total + (index === 0 ? value : value / (shifted + index)),
    0,
  );
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(top) - top + Math.log(sum);
}

/** Continued fraction of the incomplete beta function by Lentz's method (Abramowitz and Stegun 26.5.8). */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const guard = (value: number): number => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / guard(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m < 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guard(1 + even * d);
    c = guard(1 + even / c);
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / guard(1 + odd * d);
    c = guard(1 + odd / c);
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return fraction;
}

/** Regularised incomplete beta function I_x(a, b). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  // the fraction converges fast on this side of the mean only
  return x < (a + 1) / (a + b + 2) ? (front * betaFraction(x, a, b)) / a : 1 - (front * betaFraction(1 - x, b, a)) / b;
}

/**
 * P(T > t).
 * @param degreesOfFreedom above 0
 * @see Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.1
 */
export function studentUpperTail(t: number, degreesOfFreedom: number): number {
  if (t < 0) return 1 - studentUpperTail(-t, degreesOfFreedom);
  return 0.5 * incompleteBeta(degreesOfFreedom / (degreesOfFreedom + t * t), degreesOfFreedom / 2, 0.5);
}

/**
 * The t that a share of the distribution lies below, by bisection.
 * @param share 0.5 or more, below 1
 * @param degreesOfFreedom above 0
 */
export function studentQuantile(share: number, degreesOfFreedom: number): number {
  let [low, high] = [0, 1];
  while (studentUpperTail(high, degreesOfFreedom) > 1 - share) high *= 2;
  for (let halving = 0; halving < 200; halving++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (studentUpperTail(middle, degreesOfFreedom) > 1 - share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Steps of the rule that integrates over the estimated standard deviation; even. */
const STEPS = 400;

/**
 * P(T > t) of the noncentral t distribution: T = (Z + shift) / u, u = sqrt(chi squared / degrees of freedom). It is the
 * mean of P(Z > t u - shift) over u, by Simpson's rule over where u has nearly all of its weight.
 * @param degreesOfFreedom above 0
 * @see Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2, chapter 31
 */
export function noncentralUpperTail(t: number, degreesOfFreedom: number, shift: number): number {
  if (!Number.isFinite(degreesOfFreedom)) return normalUpperTail(t - shift);
  const half = degreesOfFreedom / 2;
  const constant = Math.log(2) + half * Math.log(half) - logGamma(half);
  const density = (u: number): number =>
    u === 0 ? 0 : Math.exp(constant + (degreesOfFreedom - 1) * Math.log(u) - half * u * u);
  // u has mean near 1 and variance near 1 / (2 f)
  const reach = 9 / Math.sqrt(2 * degreesOfFreedom);
  const [from, to] = [Math.max(0, 1 - reach), 1 + reach];
  const step = (to - from) / STEPS;
  let [sum, weight] = [0, 0];
  for (let index = 0; index <= STEPS; index++) {
    const u = from + index * step;
    const share = density(u) * (index === 0 || index === STEPS ? 1 : index % 2 === 1 ? 4 : 2);
    sum += share * normalUpperTail(t * u - shift);
    weight += share;
  }
  return sum / weight;
}
