/**
 * The arguments of MONAI's networks as a file names them: a class and its keywords, checked by one schema per class.
 */
import { z } from 'zod';
import { InputError } from '../../core/errors.ts';

const count = z.int().min(1);
const sizes = z.union([count, z.array(count).min(2).max(3)]);

/** A layer by name, or by name and keywords. */
const layer = z
  .union([z.string(), z.tuple([z.string()]), z.tuple([z.string(), z.record(z.string(), z.unknown())])])
  .transform(value =>
    typeof value === 'string' ? { name: value, options: {} } : { name: value[0], options: value[1] ?? {} },
  );

/** A layer and its keywords. */
export type Layer = z.output<typeof layer>;

const rank = z.union([z.literal(2), z.literal(3)]);
const dropout = z.unknown().optional();

/** Arguments of monai.networks.nets.UNet. */
export const unetArguments = z.strictObject({
  spatial_dims: rank,
  in_channels: count,
  out_channels: count,
  channels: z.array(count).min(2),
  strides: z.array(sizes).min(1),
  kernel_size: sizes.default(3),
  up_kernel_size: sizes.default(3),
  num_res_units: z.int().min(0).default(0),
  act: layer.prefault('PRELU'),
  norm: layer.prefault('INSTANCE'),
  dropout,
  bias: z.boolean().default(true),
  adn_ordering: z
    .string()
    .regex(/^[NDA]+$/i)
    .default('NDA'),
});

/** Arguments of monai.networks.nets.BasicUNet. */
export const basicUnetArguments = z.strictObject({
  spatial_dims: rank.default(3),
  in_channels: count.default(1),
  out_channels: count.default(2),
  features: z.array(count).length(6).default([32, 32, 64, 128, 256, 32]),
  act: layer.prefault(['LeakyReLU', { negative_slope: 0.1 }]),
  norm: layer.prefault(['instance', { affine: true }]),
  bias: z.boolean().default(true),
  dropout,
  upsample: z.enum(['deconv', 'nontrainable']).default('deconv'),
});

/** Arguments of monai.networks.nets.DynUNet. */
export const dynUnetArguments = z.strictObject({
  spatial_dims: rank,
  in_channels: count,
  out_channels: count,
  kernel_size: z.array(sizes).min(3),
  strides: z.array(sizes).min(3),
  upsample_kernel_size: z.array(sizes).min(2),
  filters: z.array(count).nullish(),
  dropout,
  norm_name: layer.prefault(['INSTANCE', { affine: true }]),
  act_name: layer.prefault(['leakyrelu', { negative_slope: 0.01 }]),
  deep_supervision: z.boolean().default(false),
  deep_supr_num: count.default(1),
  res_block: z.boolean().default(false),
  trans_bias: z.boolean().default(false),
});

/** Arguments of monai.networks.nets.SegResNet. */
export const segResNetArguments = z.strictObject({
  spatial_dims: rank.default(3),
  init_filters: count.default(8),
  in_channels: count.default(1),
  out_channels: count.default(2),
  dropout_prob: dropout,
  act: layer.prefault('RELU'),
  norm: layer.prefault(['GROUP', { num_groups: 8 }]),
  norm_name: z.literal('').default(''),
  num_groups: count.default(8),
  use_conv_final: z.literal(true).default(true),
  blocks_down: z.array(count).min(1).default([1, 2, 2, 4]),
  blocks_up: z.array(count).min(1).default([1, 1, 1]),
  upsample_mode: z.enum(['deconv', 'nontrainable']).default('nontrainable'),
});

/** Refuses a network with an unsupported part. */
export function refuseNetwork(what: string): never {
  throw new InputError(
    'E_IMPORT_NETWORK',
    `the network has ${what}, which is not known here. Export the model to ONNX in Python (docs/teachers.md).`,
  );
}

/** One size per axis. */
export function perAxis(value: number | readonly number[], axes: 2 | 3): readonly number[] {
  if (typeof value === 'number') return new Array<number>(axes).fill(value);
  return value.length === axes ? value : refuseNetwork(`the sizes [${value}] for ${axes} axes`);
}
