/**
 * `plans.json` of nnU-Net v2: how a data set is prepared and which network segments it. Every word of it that changes a
 * prediction is read; what is not known is refused by its name, since a model that is used in another way than it was
 * trained says nothing. Sizes and spacings of a plan are in the order of the turned axes (`transpose_forward`), z, y, x
 * where nothing is turned.
 * Source: nnunetv2/utilities/plans_handling/plans_handler.py, version 2.8.1.
 */
import { z } from 'zod';
import { InputError } from '../../core/errors.ts';
import { parseAs } from '../json.ts';

const count = z.int().min(1);
/** Every stage halves the window along an axis or more. */
const MOST_STAGES = 32;
const counts = z.array(count).min(1);
const countOrCounts = z.union([count, counts]);
const optionalRecord = z.record(z.string(), z.unknown()).nullish();

const resampling = z.looseObject({
  order: z.int(),
  order_z: z.int().default(0),
  force_separate_z: z.boolean().nullable().default(null),
});

const architecture = z.looseObject({
  network_class_name: z.string(),
  arch_kwargs: z.looseObject({
    n_stages: count.max(MOST_STAGES),
    features_per_stage: countOrCounts,
    conv_op: z.string(),
    kernel_sizes: z.array(counts).min(1),
    strides: z.array(countOrCounts).min(1),
    n_conv_per_stage: countOrCounts.optional(),
    n_blocks_per_stage: countOrCounts.optional(),
    n_conv_per_stage_decoder: countOrCounts,
    conv_bias: z.boolean().default(false),
    norm_op: z.string().nullish(),
    norm_op_kwargs: optionalRecord,
    nonlin: z.string().nullish(),
    nonlin_kwargs: optionalRecord,
    nonlin_first: z.boolean().default(false),
    block: z.string().nullish(),
    bottleneck_channels: z.unknown().optional(),
    stem_channels: count.nullish(),
    squeeze_excitation: z.boolean().default(false),
  }),
});

/** A configuration whose architecture is spelled out, or as plans before 2.2 had it. */
const configuration = z.looseObject({
  preprocessor_name: z.string(),
  patch_size: z.array(count).min(2).max(3),
  spacing: z.array(z.number().gt(0)).min(2).max(3),
  normalization_schemes: z.array(z.string()).min(1),
  use_mask_for_norm: z.array(z.boolean()),
  resampling_fn_data: z.string().default('resample_data_or_seg_to_shape'),
  resampling_fn_data_kwargs: resampling.optional(),
  resampling_fn_probabilities: z.string().default('resample_data_or_seg_to_shape'),
  resampling_fn_probabilities_kwargs: resampling.optional(),
  architecture: architecture.optional(),
  previous_stage: z.string().nullish(),
  UNet_class_name: z.string().optional(),
  UNet_base_num_features: count.optional(),
  unet_max_num_features: count.optional(),
  n_conv_per_stage_encoder: counts.optional(),
  n_conv_per_stage_decoder: counts.optional(),
  pool_op_kernel_sizes: z.array(counts).optional(),
  conv_kernel_sizes: z.array(counts).optional(),
});

const intensities = z.looseObject({
  mean: z.number(),
  std: z.number(),
  percentile_00_5: z.number(),
  percentile_99_5: z.number(),
});

const plans = z.looseObject({
  plans_name: z.string().default('nnUNetPlans'),
  image_reader_writer: z.string().default('SimpleITKIO'),
  transpose_forward: z.array(z.int().min(0).max(2)).length(3),
  label_manager: z.string().default('LabelManager'),
  configurations: z.record(z.string(), z.record(z.string(), z.unknown())),
  foreground_intensity_properties_per_channel: z.record(z.string(), intensities).optional(),
  foreground_intensity_properties_by_modality: z.record(z.string(), intensities).optional(),
});

/** A plan as its file has it. */
export type Plans = z.output<typeof plans>;

/** One configuration of a plan. */
export type Configuration = z.output<typeof configuration> & {
  readonly architecture: z.output<typeof architecture>;
};

/** Refuses a plan, saying what of it is not known here. */
export function refusePlan(path: string, what: string): never {
  throw new InputError(
    'E_IMPORT_PLAN',
    `${path} has ${what}, which is not known here. Export the model to ONNX and say in the JSON beside it how it is used (docs/teachers.md).`,
  );
}

/** The last part of a dotted name, by which nnU-Net finds classes. */
export function lastName(name: string): string {
  return name.split('.').at(-1) ?? name;
}

/** A configuration with what it inherits: the parent's keys first, its own over them. */
function inherited(all: Plans['configurations'], name: string, path: string): Readonly<Record<string, unknown>> {
  const chain: Readonly<Record<string, unknown>>[] = [];
  const seen = new Set<string>();
  for (let next: unknown = name; next !== undefined; ) {
    const key = String(next);
    const own = Object.hasOwn(all, key) ? all[key] : undefined;
    if (own === undefined) {
      const known = Object.keys(all).join(', ');
      throw new InputError('E_IMPORT_PLAN', `${path} has no configuration "${key}"; it has ${known}.`);
    }
    if (seen.has(key)) refusePlan(path, `configurations that inherit from each other (${[...seen].join(', ')})`);
    seen.add(key);
    chain.unshift(own);
    next = own.inherits_from;
  }
  return Object.assign({}, ...chain);
}

/** The architecture of a plan from before 2.2, in the words of those after. */
function spelledOut(old: z.output<typeof configuration>, path: string): Configuration['architecture'] {
  const {
    UNet_class_name: name,
    UNet_base_num_features: base,
    unet_max_num_features: most,
    n_conv_per_stage_encoder: encoder,
    n_conv_per_stage_decoder: decoder,
    pool_op_kernel_sizes: strides,
    conv_kernel_sizes: kernels,
  } = old;
  const isWhole = name && base && most && encoder && decoder && strides && kernels;
  if (!isWhole) return refusePlan(path, 'no description of its network');
  const rank = old.patch_size.length;
  return {
    network_class_name: name,
    arch_kwargs: {
      n_stages: encoder.length,
      features_per_stage: encoder.map((_, stage) => Math.min(base * 2 ** stage, most)),
      conv_op: `Conv${rank}d`,
      kernel_sizes: kernels,
      strides,
      n_conv_per_stage: encoder,
      n_blocks_per_stage: encoder,
      n_conv_per_stage_decoder: decoder,
      conv_bias: true,
      norm_op: `InstanceNorm${rank}d`,
      norm_op_kwargs: { eps: 1e-5, affine: true },
      nonlin: 'LeakyReLU',
      nonlin_kwargs: {},
      nonlin_first: false,
      squeeze_excitation: false,
    },
  };
}

/**
 * Reads a plan.
 * @param path for messages
 * @throws {InputError} E_IMPORT_DESCRIPTION
 */
export function parsePlans(value: unknown, path: string): Plans {
  const result = parseAs(plans, value, path);
  const turned = [...result.transpose_forward].sort().join();
  return turned === '0,1,2' ? result : refusePlan(path, `transpose_forward [${result.transpose_forward}]`);
}

/**
 * One configuration of a plan, with what it inherits.
 * @throws {InputError} E_IMPORT_PLAN if there is none of that name; E_IMPORT_DESCRIPTION
 */
export function configurationOf(plan: Plans, name: string, path: string): Configuration {
  const found = parseAs(configuration, inherited(plan.configurations, name, path), `${path} configurations.${name}`);
  return { ...found, architecture: found.architecture ?? spelledOut(found, path) };
}
