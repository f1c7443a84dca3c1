/**
 * Dropout whose masks are computed in the graph from a key of the step, so that a resumed training, any number of
 * threads and any runtime draw the same masks. Every element has its own 22-bit number; three rounds of a Feistel
 * network with the middle of a square as round function mix it with the step's key. All intermediate numbers are whole
 * and below 2^24, so float32 holds them exactly.
 * Sources: https://jmlr.org/papers/v15/srivastava14a.html (dropout); arXiv:2004.06278 (squares as a counter-based
 * generator).
 */
import { random } from '../core/random.ts';
import { elementCount, range, type Shape } from '../core/shape.ts';
import type { GraphBuilder, Value } from '../graph/graph.ts';
import type { LayerContext } from './layers.ts';

/** Number of bits of each half of an element's number. */
const HALF_BITS = 11;
const HALF = 2 ** HALF_BITS;
/** Upper bound of the keys. */
export const DROPOUT_KEYS = HALF * HALF;
/** One whole number per round below HALF, so that no two rounds are alike. */
const ROUNDS = [1, 684, 1367];
/** Bits below the middle of a square of 2 * HALF_BITS + 2 bits. */
const LOW = 2 ** 6;

interface Halves {
  readonly left: Value;
  readonly right: Value;
}

/** floor(x / divisor) for whole x >= 0 and a power of two, exact. */
function quotient(builder: GraphBuilder, x: Value, divisor: number): Value {
  return builder.cast(builder.cast(builder.mul(x, 1 / divisor), 'int32'), 'float32');
}

/** x modulo HALF. */
function wrapped(builder: GraphBuilder, x: Value): Value {
  return builder.sub(x, builder.mul(quotient(builder, x, HALF), HALF));
}

/**
 * Left and right half of every element's number: those of its row [N, C, D, 1, 1] plus those of its column [1, 1, 1, H,
 * W].
 */
function places(builder: GraphBuilder, name: string, shape: Shape): Halves {
  const source = random('dropout', name);
  const draw = (part: Shape): Value =>
    builder.float(
      range(elementCount(part)).map(() => source.integer(HALF)),
      part,
    );
  const half = (): Value =>
    builder.add(
      draw(shape.map((size, axis) => (axis < 3 ? size : 1))),
      draw(shape.map((size, axis) => (axis < 3 ? 1 : size))),
    );
  return { left: half(), right: half() };
}

/** A number in [0, 1) for every element of a shape [N, C, D, H, W], different for every key and name. */
export function uniformNoise(builder: GraphBuilder, key: Value, name: string, shape: Shape): Value {
  const keyLeft = quotient(builder, key, HALF);
  const keyRight = builder.sub(key, builder.mul(keyLeft, HALF));
  const own = places(builder, name, shape);
  let left = wrapped(builder, builder.add(own.left, keyLeft));
  let right = wrapped(builder, builder.add(own.right, keyRight));
  for (const [round, constant] of ROUNDS.entries()) {
    const roundKey = wrapped(builder, builder.add(round % 2 === 0 ? keyRight : keyLeft, constant));
    const sum = builder.add(right, roundKey);
    const middle = quotient(builder, builder.mul(sum, sum), LOW);
    [left, right] = [right, wrapped(builder, builder.add(left, middle))];
  }
  return builder.mul(builder.add(builder.mul(right, HALF), left), 1 / DROPOUT_KEYS);
}

/**
 * Sets a fraction of the numbers to 0 and divides the others by 1 - rate; only in training, where the parameters have
 * the step's key.
 * @param rate fraction that is dropped, 0 to below 1
 * @param unit whether single voxels or whole feature maps are dropped (arXiv:1411.4280)
 */
export function dropout(
  { builder, parameters, name }: LayerContext,
  input: Value,
  { rate, unit }: { readonly rate: number; readonly unit: 'voxel' | 'feature map' },
): Value {
  if (rate === 0 || parameters.dropoutKey === undefined) return input;
  const shape = unit === 'voxel' ? input.shape : input.shape.map((size, axis) => (axis < 2 ? size : 1));
  const noise = uniformNoise(builder, parameters.dropoutKey(), name, shape);
  const kept = builder.cast(builder.greater(noise, rate), 'float32');
  return builder.mul(input, builder.mul(kept, 1 / (1 - rate)));
}
