/**
 * The network of a plan: PlainConvUNet or ResidualEncoderUNet with all of its numbers; what is not one of these is
 * refused by its name.
 */
import type { DynamicUnet } from '../networks/dynamic-unet.ts';
import { type Configuration, lastName, refusePlan } from './plans.ts';

const DEFAULT_EPSILON = 1e-5;
const DEFAULT_SLOPE = 0.01;

type Arguments = Configuration['architecture']['arch_kwargs'];

function listOf(value: number | readonly number[] | undefined, length: number): readonly number[] | undefined {
  return typeof value === 'number' ? new Array<number>(length).fill(value) : value;
}

function numberIn(record: Arguments['norm_op_kwargs'], key: string, fallback: number): number {
  const value = record?.[key];
  return typeof value === 'number' ? value : fallback;
}

/** Words of the arguments that ask for what is not built here. */
function unknownParts(net: Arguments, rank: number): string[] {
  const { conv_op, norm_op, nonlin, nonlin_first, block, bottleneck_channels, squeeze_excitation } = net;
  const found: string[] = [];
  if (lastName(conv_op) !== `Conv${rank}d`) found.push(`conv_op ${conv_op} for patches of ${rank} axes`);
  if (norm_op && lastName(norm_op) !== `InstanceNorm${rank}d`) found.push(`norm_op ${norm_op}`);
  if (!nonlin || lastName(nonlin) !== 'LeakyReLU') found.push(`nonlin ${nonlin}`);
  if (nonlin_first) found.push('nonlin_first');
  if (block && lastName(block) !== 'BasicBlockD') found.push(`block ${block}`);
  if (bottleneck_channels) found.push('bottleneck_channels');
  if (squeeze_excitation) found.push('squeeze_excitation');
  if (net.norm_op_kwargs?.track_running_stats === true) found.push('norm_op_kwargs.track_running_stats');
  return found;
}

/**
 * The network that a configuration describes.
 * @param classes channels of its output
 * @param path for messages
 * @throws {InputError} E_IMPORT_PLAN
 */
export function networkOf(
  { architecture, patch_size: patch }: Configuration,
  classes: number,
  path: string,
): DynamicUnet {
  const name = lastName(architecture.network_class_name);
  if (name !== 'PlainConvUNet' && name !== 'ResidualEncoderUNet') {
    refusePlan(path, `the network ${architecture.network_class_name}`);
  }
  const net = architecture.arch_kwargs;
  const rank = patch.length;
  const [unknown] = unknownParts(net, rank);
  if (unknown !== undefined) refusePlan(path, `the network ${name} with ${unknown}`);
  const stages = net.n_stages;
  const features = listOf(net.features_per_stage, stages) as readonly number[];
  const depth = listOf(name === 'PlainConvUNet' ? net.n_conv_per_stage : net.n_blocks_per_stage, stages);
  const decoderDepth = listOf(net.n_conv_per_stage_decoder, stages - 1) as readonly number[];
  const strides = net.strides.map(stride => listOf(stride, rank) as readonly number[]);
  const lengths = [features, depth ?? [], net.kernel_sizes, strides].map(({ length }) => length);
  const isWhole = lengths.every(length => length === stages) && decoderDepth.length === stages - 1 && stages > 1;
  const triples = [...net.kernel_sizes, ...strides];
  if (depth === undefined || !isWhole || triples.some(({ length }) => length !== rank)) {
    refusePlan(path, `the network ${name} whose lists do not fit its ${stages} stages`);
  }
  if (net.kernel_sizes.flat().some(taps => taps % 2 === 0)) refusePlan(path, 'kernels of even size');
  const epsilon = numberIn(net.norm_op_kwargs, 'eps', DEFAULT_EPSILON);
  return {
    encoder: name === 'PlainConvUNet' ? 'plain' : 'residual',
    features,
    kernels: net.kernel_sizes,
    strides,
    depth,
    decoderDepth,
    ...(net.stem_channels && { stemChannels: net.stem_channels }),
    bias: net.conv_bias,
    ...(net.norm_op && { norm: { epsilon, affine: net.norm_op_kwargs?.affine === true } }),
    negativeSlope: numberIn(net.nonlin_kwargs, 'negative_slope', DEFAULT_SLOPE),
    classes,
  };
}
