/**
 * Whether the channels of an image are like those that a model was trained on: constant ones, label maps, and the range
 * of intensities. What a normalisation takes away, their scale, is compared only where the model keeps it.
 */
import type { ChannelFacts } from '../../data/image-facts.ts';
import { shapeOf, type TrainingFacts } from '../../data/training-facts.ts';
import type { ModelInfo } from '../model-info.ts';
import {
  allowanceFor,
  type Expectation,
  isFar,
  type PlausibilityWarning,
  shown,
  shownRange,
  timesBeyond,
} from './bounds.ts';

/** A warning without the name of the image. */
type Found = PlausibilityWarning;

/** Shift of the intensity 0 that is far, as a share of the range of intensities: CT with air against MR is 0.4. */
const FAR_OFFSET = 0.25;

/** The normalisation of a channel: what it takes away from the intensities. */
function keepsOf({ normalize, nnunet }: ModelInfo, channel: number): 'unit' | 'extremes' | 'percentiles' {
  const all = nnunet?.normalize ?? normalize;
  const method = Array.isArray(all) ? all[channel] : all;
  if (typeof method !== 'string') return 'unit';
  if (method === 'none') return 'unit';
  return method === 'percentile' ? 'percentiles' : 'extremes';
}

/** Intensities of one channel of the image and of the training cases. */
interface Compared {
  readonly facts: ChannelFacts;
  readonly channel: number;
  readonly training: TrainingFacts;
  readonly keeps: ReturnType<typeof keepsOf>;
}

function foregroundWarning({ facts, channel, training, keeps }: Compared): Omit<Found, 'code'> | undefined {
  const known = training.foreground?.[channel];
  if (known === undefined || keeps !== 'unit') return undefined;
  const { low, high } = known;
  if (facts.maximum >= low && facts.minimum <= high) return undefined;
  return {
    message: `all intensities lie between ${shown(facts.minimum)} and ${shown(facts.maximum)}; what was segmented in training between ${shown(low)} and ${shown(high)}`,
    found: [facts.minimum, facts.maximum],
    training: { min: low, max: high },
  };
}

/** The first way in which the intensities of a channel are far from those of the training cases. */
function intensityWarning(compared: Compared): Omit<Found, 'code'> | undefined {
  const { facts, channel, training, keeps } = compared;
  const known = training.intensities?.[channel] ?? undefined;
  if (known === undefined) return foregroundWarning(compared);
  const { cases } = training;
  const { low, high, minimum, maximum } = facts;
  const { width, offset, reach } = shapeOf(facts);
  const between =
    `99 % of the intensities lie between ${shown(low)} and ${shown(high)} ` +
    `(in training between ${shown(known.low.min)} and ${shown(known.high.max)})`;
  const common = {
    found: [low, high],
    training: { min: [known.low.min, known.high.min], max: [known.low.max, known.high.max] },
  };
  const shift = FAR_OFFSET * allowanceFor(cases);
  if (offset < known.offset.min - shift || offset > known.offset.max + shift) {
    const message =
      `${between}, and 0 lies elsewhere in their range: it begins at ${shown(offset)} of its width, in training at ` +
      `${shownRange(known.offset)}. The image may be of another modality, such as CT for MR, or scaled before`;
    return { ...common, message };
  }
  if (keeps === 'unit' && isFar(width, known.width, { cases })) {
    return {
      ...common,
      message: `${between}. They may be in another unit`,
      times: timesBeyond(width, known.width),
    };
  }
  if (keeps !== 'percentiles' && reach > known.reach.max && isFar(reach, known.reach, { cases })) {
    const message = `a few voxels reach from ${shown(minimum)} to ${shown(maximum)}, ${shown(reach)} times as far as 99 % of them, in training at most ${shown(known.reach.max)} times; they squeeze all others. Set such voxels to the value of the background`;
    return {
      message,
      found: [minimum, maximum],
      training: { min: known.minimum, max: known.maximum },
      times: timesBeyond(reach, known.reach),
    };
  }
  return undefined;
}

/** What can be said of a channel without training cases, unless such channels are usual. */
function looksWarning(
  { isConstant, isLabelMap, minimum, maximum }: ChannelFacts,
  where: string,
  usual: { readonly constant: boolean; readonly labels: boolean },
): Omit<Found, 'channel'> | undefined {
  if (isConstant && !usual.constant) {
    const value = Number.isNaN(minimum) ? 'is not finite' : `has the value ${shown(minimum)}`;
    const message = `every voxel of ${where} ${value}; there is nothing to see in it. Give the right file.`;
    return { code: 'W_IMAGE_CONSTANT', message };
  }
  if (!isLabelMap || usual.labels) return undefined;
  const message = `${where} looks like a label map: few whole values, ${shown(minimum)} to ${shown(maximum)}, in areas of one value each. Give the scan itself.`;
  return { code: 'W_IMAGE_LABELS', message, found: [minimum, maximum] };
}

/** Compares the channels of an image with those of training; without these it reports constant ones and label maps. */
export function channelWarnings(facts: readonly ChannelFacts[], { info, training }: Expectation): readonly Found[] {
  // of a model whose training is not known, single channels may well be masks
  const isMaskUsual = !facts.every(({ isLabelMap }) => isLabelMap);
  const isAlone = facts.length === 1;
  return facts.flatMap((one, channel): Found[] => {
    const looks = looksWarning(one, isAlone ? 'the image' : `channel ${channel}`, {
      constant: training?.constantChannels?.includes(channel) === true,
      labels: training?.labelChannels?.includes(channel) ?? isMaskUsual,
    });
    if (looks !== undefined) return [{ ...looks, channel }];
    if (training === undefined || one.isConstant || one.isLabelMap) return [];
    const found = intensityWarning({ facts: one, channel, training, keeps: keepsOf(info, channel) });
    if (found === undefined) return [];
    const message = `${isAlone ? '' : `channel ${channel}: `}${found.message}.`;
    return [{ code: 'W_IMAGE_INTENSITY', channel, unit: 'intensity', ...found, message }];
  });
}
