/**
 * Temperature scaling: one number T by which logits are divided so that probabilities mean what they say. It is
 * fitted on cases that the network was not trained on, by the negative log-likelihood of their references. A row
 * holds the logits of one voxel, up to a constant; logarithms of probabilities are logits too, so probabilities that
 * were blended over windows can be calibrated as they are. The order of the classes of a voxel never changes.
 * Source: Guo et al., On Calibration of Modern Neural Networks (ICML 2017), section 4.2.
 */

/** Logits with their references; rows may have been drawn from more voxels. */
export interface LogitRows {
  /** Number of classes of a row. */
  readonly classes: number;
  /** [rows, classes] */
  readonly logits: Float32Array;
  /** Index of the right class of each row. */
  readonly truth: ArrayLike<number>;
}

/** A fitted temperature, with the negative log-likelihood per row before (T = 1) and after, in nats. */
export interface TemperatureFit {
  readonly temperature: number;
  readonly nllBefore: number;
  readonly nllAfter: number;
}

/** Range of temperatures; a fit that wants more, as where every voxel is right, ends here. */
const TEMPERATURES = [0.05, 20] as const;

/** Relative precision of the fit. */
const PRECISION = 1e-7;
const MOST_STEPS = 100;

/** Negative log-likelihood per row at 1 / T = `inverse`, and its first two derivatives by that. */
function likelihood(
  { classes, logits, truth }: LogitRows,
  inverse: number,
): { readonly nll: number; readonly slope: number; readonly curvature: number } {
  const rows = truth.length;
  let [nll, slope, curvature] = [0, 0, 0];
  for (let row = 0; row < rows; row++) {
    const start = row * classes;
    let largest = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < classes; k++) largest = Math.max(largest, logits[start + k]!);
    let [sum, first, second] = [0, 0, 0];
    for (let k = 0; k < classes; k++) {
      const logit = logits[start + k]! - largest;
      const weight = Math.exp(inverse * logit);
      sum += weight;
      first += weight * logit;
      second += weight * logit * logit;
    }
    const [mean, right] = [first / sum, logits[start + truth[row]!]! - largest];
    nll += Math.log(sum) - inverse * right;
    slope += mean - right;
    curvature += second / sum - mean * mean;
  }
  return { nll: nll / rows, slope: slope / rows, curvature: curvature / rows };
}

/**
 * The temperature T that minimises the mean over rows of -log softmax(z / T)[right class]. In 1 / T this is convex, so
 * the zero of its slope is found by Newton's method, kept inside a bracket that shrinks.
 * @param rows with finite logits
 * @returns T in [0.05, 20]; undefined without a row
 */
export function fitTemperature(rows: LogitRows): TemperatureFit | undefined {
  if (rows.truth.length === 0) return undefined;
  let [low, high] = [1 / TEMPERATURES[1], 1 / TEMPERATURES[0]];
  const nllBefore = likelihood(rows, 1).nll;
  let inverse = 1;
  if (likelihood(rows, low).slope >= 0) inverse = low;
  else if (likelihood(rows, high).slope <= 0) inverse = high;
  else {
    for (let step = 0; step < MOST_STEPS && high - low > PRECISION * inverse; step++) {
      const { slope, curvature } = likelihood(rows, inverse);
      if (slope > 0) high = inverse;
      else low = inverse;
      const newton = inverse - slope / curvature;
      const next = newton > low && newton < high ? newton : (low + high) / 2;
      if (Math.abs(next - inverse) <= PRECISION * inverse) {
        inverse = next;
        break;
      }
      inverse = next;
    }
  }
  return { temperature: 1 / inverse, nllBefore, nllAfter: likelihood(rows, inverse).nll };
}
