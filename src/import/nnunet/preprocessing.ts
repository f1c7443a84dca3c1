/** Converts nnU-Net's description of preprocessing to a pipeline; unknown terms are refused. */
import { mapAxes } from '../../core/axes.ts';
import type { NnunetNormalization, NnunetPipeline, NnunetResampling } from '../../inference/nnunet/pipeline.ts';
import type { Space } from '../networks/space.ts';
import { type Configuration, lastName, type Plans, refusePlan } from './plans.ts';

type Resampling = NonNullable<Configuration['resampling_fn_data_kwargs']>;

const LARGEST_BYTE = 255;
const LEAST_DEVIATION = 1e-8;

/** The axes of a plan's network in terms of z, y, x as files have them. */
export function spaceOf({ transpose_forward: forward }: Plans, { patch_size: patch }: Configuration): Space {
  const order = mapAxes(axis => forward.indexOf(axis));
  return { rank: patch.length === 2 ? 2 : 3, order };
}

function normalizationOf(
  { scheme, masked, channel }: { readonly scheme: string; readonly masked: boolean; readonly channel: number },
  plan: Plans,
  path: string,
): NnunetNormalization {
  switch (lastName(scheme)) {
    case 'ZScoreNormalization':
      return masked ? 'z-score-inside' : 'z-score';
    case 'NoNormalization':
      return 'none';
    case 'RescaleTo01Normalization':
      return 'min-max';
    case 'RGBTo01Normalization':
      return { ct: { low: 0, high: LARGEST_BYTE, mean: 0, deviation: LARGEST_BYTE } };
    case 'CTNormalization': {
      const all = plan.foreground_intensity_properties_per_channel ?? plan.foreground_intensity_properties_by_modality;
      const found = all?.[String(channel)];
      if (found === undefined) return refusePlan(path, `no intensities for CTNormalization of channel ${channel}`);
      const { percentile_00_5: low, percentile_99_5: high, mean, std } = found;
      return { ct: { low, high, mean, deviation: Math.max(std, LEAST_DEVIATION) } };
    }
    default:
      return refusePlan(path, `the normalisation ${scheme}`);
  }
}

function resamplingOf(
  name: string,
  { order, order_z: across, force_separate_z: separate }: Resampling,
  path: string,
): NnunetResampling {
  if (lastName(name) !== 'resample_data_or_seg_to_shape') return refusePlan(path, `the resampling ${name}`);
  if ((order !== 1 && order !== 3) || (across !== 0 && across !== 1)) {
    return refusePlan(path, `resampling of order ${order} and, across slices, ${across}`);
  }
  return { order, orderAcross: across, separate };
}

/**
 * How a plan prepares volumes.
 * @param channels of a volume
 * @param path for messages
 * @throws {InputError} E_IMPORT_PLAN
 */
export function pipelineOf(
  plan: Plans,
  config: Configuration,
  { channels, path }: { readonly channels: number; readonly path: string },
): NnunetPipeline {
  if (lastName(config.preprocessor_name) !== 'DefaultPreprocessor') {
    refusePlan(path, `the preprocessor ${config.preprocessor_name}`);
  }
  const { normalization_schemes: schemes, use_mask_for_norm: masks, spacing } = config;
  if (schemes.length !== channels || masks.length !== channels) {
    refusePlan(path, `${schemes.length} normalisations for ${channels} channel(s)`);
  }
  if (spacing.length !== config.patch_size.length) refusePlan(path, 'a spacing and a patch of different axes');
  const { order } = spaceOf(plan, config);
  // in two axes the one across the planes comes first and keeps its spacing
  const all = spacing.length === 2 ? [null, ...spacing] : spacing;
  const [z, y, x] = order.map(place => all[place] as number | null) as [number | null, number | null, number | null];
  const usual = { order_z: 0, force_separate_z: null };
  return {
    spacingMm: [x, y, z],
    normalize: schemes.map((scheme, channel) =>
      normalizationOf({ scheme, masked: masks[channel] === true, channel }, plan, path),
    ),
    image: resamplingOf(config.resampling_fn_data, config.resampling_fn_data_kwargs ?? { order: 3, ...usual }, path),
    logits: resamplingOf(
      config.resampling_fn_probabilities,
      config.resampling_fn_probabilities_kwargs ?? { order: 1, ...usual },
      path,
    ),
  };
}
