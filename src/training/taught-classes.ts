/**
 * A student and its labels in the classes of its teacher, which may be fewer: groups of the student's channels, one
 * each for most teachers. All terms that compare classes use the student in this form.
 */

import { LOGITS } from '../distillation/context.ts';
import type { GraphBuilder, Value } from '../graph/graph.ts';
import type { ChannelGroups } from '../inference/channel-groups.ts';
import { withBackground } from '../losses/distillation/boundary.ts';
import { groupedLogits } from '../losses/distillation/class-groups.ts';
import { type HardLossOptions, isSigmoid, targetMaps } from './hard-loss.ts';

/** The student's layers with logits for the teacher's classes. */
export function taughtLayers(
  builder: GraphBuilder,
  layers: ReadonlyMap<string, Value>,
  groups: ChannelGroups | undefined,
): ReadonlyMap<string, Value> {
  if (groups === undefined) return layers;
  return new Map([...layers, [LOGITS, groupedLogits(builder, layers.get(LOGITS) as Value, groups)]]);
}

/** A teacher's layers with some channels of the logits alone: those of one of several teachers. */
export function withChannels(
  builder: GraphBuilder,
  layers: ReadonlyMap<string, Value>,
  [first, end]: readonly [first: number, end: number],
): ReadonlyMap<string, Value> {
  return new Map([...layers, [LOGITS, builder.slice(layers.get(LOGITS) as Value, 1, first, end)]]);
}

/**
 * Labels as 0/1 maps of the teacher's classes, background first; for independent classes the background is what none of
 * them claims.
 * @param label class indices [N, 1, D, H, W]
 * @param options.channels channels of the student's logits
 * @returns [N, classes, D, H, W]
 */
export function taughtMaps(
  builder: GraphBuilder,
  label: Value,
  options: {
    readonly channels: number;
    readonly hardLoss: HardLossOptions;
    readonly groups: ChannelGroups | undefined;
  },
): Value {
  const { channels, hardLoss, groups } = options;
  const own = targetMaps(builder, label, channels, hardLoss);
  const map = (channel: number): Value => builder.slice(own, 1, channel, channel + 1);
  const maps =
    groups === undefined
      ? own
      : builder.concat(
          groups.map(group => group.map(map).reduce((sum, one) => builder.add(sum, one))),
          1,
        );
  return isSigmoid(hardLoss) ? withBackground(builder, maps) : maps;
}

/**
 * The classes of a teacher that labels mark completely, 1 or 0 in each sample, background first: those of which all
 * classes of the data were looked for. The background is what is left, so it is not asked.
 * @param annotated 1 for each channel of the student that was looked for, [N, K, 1, 1, 1]
 * @returns [N, classes, 1, 1, 1]
 */
export function completeClasses(
  builder: GraphBuilder,
  annotated: Value,
  options: { readonly groups: ChannelGroups | undefined; readonly isSigmoid: boolean },
): Value {
  const channel = (index: number): Value => builder.slice(annotated, 1, index, index + 1);
  const groups = options.groups ?? Array.from({ length: annotated.shape[1] as number }, (_, index) => [index]);
  const one = builder.float(new Array<number>(annotated.shape[0] as number).fill(1), [
    annotated.shape[0] as number,
    1,
    1,
    1,
    1,
  ]);
  const isBackground = (group: readonly number[]): boolean => !options.isSigmoid && group.includes(0);
  const all = groups.map(group =>
    isBackground(group) ? one : group.map(channel).reduce((product, next) => builder.mul(product, next)),
  );
  return builder.concat(options.isSigmoid ? [one, ...all] : all, 1);
}
