/** Common parts of the rules of Keras's layers: a call of a layer, its settings, and its numbers as constants. */
import { elementCount, type Shape, type Triple } from '../../core/shape.ts';
import { tensor } from '../../core/tensor.ts';
import type { GraphBuilder, Value } from '../../graph/graph.ts';
import { perChannel } from '../../graph/moments.ts';
import type { Settings } from './config.ts';

/** A call of a layer. */
export interface LayerCall {
  readonly builder: GraphBuilder;
  readonly inputs: readonly Value[];
  readonly settings: Settings;
  /** Numbers of the layer in Keras's own shape. */
  readonly take: (kind: string, shape: Shape) => Float32Array;
  /** Refuses the layer, for a reason that follows its name. */
  readonly refuse: (reason: string) => never;
}

/** Builds a layer. */
export type LayerRule = (call: LayerCall) => Value;

/** 1 along every axis. */
export const ONES: Triple = [1, 1, 1];

/** The one tensor that a layer reads. */
export const only = ({ inputs, refuse }: LayerCall): Value =>
  inputs.length === 1 ? (inputs[0] as Value) : refuse(`reads ${inputs.length} tensors`);

/** Channels of an image. */
export const channelsOf = (value: Value): number => value.shape[1] as number;

/** A number of the settings. */
export function numberOf({ settings, refuse }: LayerCall, name: string, otherwise?: number): number {
  const value = settings[name] ?? otherwise;
  return typeof value === 'number' && Number.isFinite(value) ? value : refuse(`has ${name} ${JSON.stringify(value)}`);
}

/** Three whole numbers, or one for all axes. */
export function tripleOf({ settings, refuse }: LayerCall, name: string, otherwise: Triple): Triple {
  const value = settings[name] ?? otherwise;
  const three = typeof value === 'number' ? [value, value, value] : value;
  const isWhole = (item: unknown): item is number => Number.isInteger(item) && (item as number) > 0;
  if (Array.isArray(three) && three.length === 3) {
    const [a, b, c] = three as readonly unknown[];
    if (isWhole(a) && isWhole(b) && isWhole(c)) return [a, b, c];
  }
  return refuse(`has ${name} ${JSON.stringify(value)}, no three whole numbers`);
}

/** Two numbers per axis: before and after. */
export function pairsOf({ settings, refuse }: LayerCall, name: string): readonly (readonly [number, number])[] {
  const value = settings[name];
  const list = typeof value === 'number' ? [value, value, value] : value;
  const isCount = (item: unknown): item is number => Number.isInteger(item) && (item as number) >= 0;
  if (!Array.isArray(list) || list.length !== 3) return refuse(`has ${name} ${JSON.stringify(value)}`);
  return list.map((item): readonly [number, number] => {
    const [before, after] = Array.isArray(item) ? item : [item, item];
    return isCount(before) && isCount(after) ? [before, after] : refuse(`has ${name} ${JSON.stringify(value)}`);
  });
}

/** The axis of the channels, as Keras counts it. */
export function assertChannelAxis({ settings, refuse }: LayerCall): void {
  const { axis } = settings;
  const list = Array.isArray(axis) ? axis : [axis ?? -1];
  if (list.length !== 1 || (list[0] !== -1 && list[0] !== 4))
    refuse(`acts along axis ${JSON.stringify(axis)}, not along the channels`);
}

/** Refuses channels first. */
export function assertChannelsLast({ settings, refuse }: LayerCall): void {
  const { data_format: format = 'channels_last' } = settings;
  if (format !== 'channels_last') refuse(`has data_format ${String(format)}; channels_last is known`);
}

/** Numbers as a constant. */
export const constant = ({ builder }: LayerCall, data: Float32Array, shape: Shape): Value =>
  builder.constant(tensor('float32', data, shape));

/** One number per channel, as [1, C, 1, 1, 1]. */
export function vector(call: LayerCall, kind: string, channels: number): Value {
  return perChannel(call.builder, constant(call, call.take(kind, [channels]), [channels]));
}

/** Values whose axes are put in another order, axis i of the result being axis order[i]. */
export function turned(
  data: Float32Array,
  shape: Shape,
  order: readonly number[],
): { readonly data: Float32Array; readonly shape: Shape } {
  const strides = order.map(axis => elementCount(shape.slice(axis + 1)));
  const sizes = order.map(axis => shape[axis] as number);
  const result = new Float32Array(data.length);
  const at = new Array<number>(order.length).fill(0);
  let from = 0;
  for (let to = 0; to < result.length; to++) {
    result[to] = data[from] as number;
    for (let axis = order.length - 1; axis >= 0; axis--) {
      at[axis] = (at[axis] as number) + 1;
      from += strides[axis] as number;
      if ((at[axis] as number) < (sizes[axis] as number)) break;
      from -= (at[axis] as number) * (strides[axis] as number);
      at[axis] = 0;
    }
  }
  return { data: result, shape: sizes };
}

/** The padding of a layer. */
export function paddingOf({ settings, refuse }: LayerCall): 'same' | 'valid' {
  const { padding = 'valid' } = settings;
  return padding === 'same' || padding === 'valid' ? padding : refuse(`has padding ${String(padding)}`);
}
