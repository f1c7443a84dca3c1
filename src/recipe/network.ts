/** Turns a network of a recipe into one that can be built; only this file knows every family. */
import { zyx } from '../core/axes.ts';
import type { Triple, Xyz } from '../core/shape.ts';
import { type DeepmedicOptions, deepmedic, deepmedicGeometry } from '../nn/deepmedic.ts';
import {
  type GeneralizedUnetOptions,
  generalizedUnet,
  generalizedUnetGeometry,
  type Sides,
} from '../nn/generalized-unet.ts';
import type { Geometry } from '../nn/geometry.ts';
import type { HeadOptions } from '../nn/head.ts';
import type { Activation } from '../nn/layers.ts';
import { type MeshnetOptions, meshnet, meshnetGeometry } from '../nn/meshnet.ts';
import type { Network } from '../nn/parameters.ts';
import { type ResidualUnetOptions, residualUnet, residualUnetGeometry } from '../nn/residual-unet.ts';
import { type UnetOptions, unet, unetGeometry } from '../nn/unet.ts';
import type { FamilySettings, NetworkSettings } from './schema/network.ts';

/** A network with its facts before it is built. */
export interface Architecture {
  readonly network: Network;
  readonly geometry: Geometry;
  /** Penalties on the kernels of this network, beside those of the optimizer. */
  readonly penalties: { readonly l1: number; readonly l2: number };
  /**
   * Names of the features of the decoder that cover the whole patch, finest first; empty where there is no decoder, or
   * where valid padding cuts it.
   */
  readonly decoder: readonly string[];
}

const NO_PENALTY = { l1: 0, l2: 0 };

/** Features `decoder0`, `decoder1`, ... of all levels but the deepest. */
function decoderOf(features: readonly unknown[], prefix = 'decoder'): readonly string[] {
  return features.slice(1).map((_, level) => `${prefix}${level}`);
}

function activationOf({
  activation: kind,
  negativeSlope,
}: {
  readonly activation: Activation['kind'];
  readonly negativeSlope: number;
}): Activation {
  return kind === 'leaky-relu' ? { kind, negativeSlope } : { kind };
}

function headOf(settings: {
  readonly headKernels: readonly Xyz[];
  readonly headFeatures: readonly number[];
  readonly headDropout: readonly number[];
}): HeadOptions {
  const { headKernels, headFeatures, headDropout } = settings;
  return { kernels: headKernels.map(zyx), features: headFeatures, dropout: headDropout };
}

function unetOf(settings: FamilySettings['unet'], classes: number): Architecture {
  const { kernels, pooling, activation, negativeSlope, ...rest } = settings;
  const options: UnetOptions = {
    ...rest,
    kernels: kernels.map(zyx),
    pooling: pooling.map(zyx),
    negativeSlope: activation === 'relu' ? 0 : negativeSlope,
    classes,
  };
  const decoder = decoderOf(settings.features);
  return { network: unet(options), geometry: unetGeometry(options), penalties: NO_PENALTY, decoder };
}

function residualUnetOf(settings: FamilySettings['residualUnet'], classes: number): Architecture {
  const { kernels, strides, activation, negativeSlope, ...rest } = settings;
  const options: ResidualUnetOptions = {
    ...rest,
    kernels: kernels.map(zyx),
    strides: strides.map(zyx),
    negativeSlope: activation === 'relu' ? 0 : negativeSlope,
    classes,
  };
  const decoder = decoderOf(settings.features);
  return { network: residualUnet(options), geometry: residualUnetGeometry(options), penalties: NO_PENALTY, decoder };
}

function generalizedUnetOf(settings: FamilySettings['generalizedUnet'], classes: number): Architecture {
  const { subsampleFactors, kernels, features, padding, pooling, upsampling } = settings;
  const { normalization, relaxedNormalization, connections, l1, l2 } = settings;
  const options: GeneralizedUnetOptions = {
    subsampleFactors: subsampleFactors.map(zyx),
    kernels: kernels.map(([down, up]): Sides<Triple> => [down.map(zyx), up.map(zyx)]),
    features,
    head: headOf(settings),
    padding,
    pooling,
    upsampling,
    activation: activationOf(settings),
    normalization,
    relaxedNormalization,
    connections,
    classes,
  };
  const decoder = padding === 'same' ? decoderOf(features, 'up') : [];
  return {
    network: generalizedUnet(options),
    geometry: generalizedUnetGeometry(options),
    penalties: { l1, l2 },
    decoder,
  };
}

function meshnetOf(settings: FamilySettings['meshnet'], classes: number): Architecture {
  const { features, dilations, kernel, normalization, dropout } = settings;
  const options: MeshnetOptions = {
    features,
    dilations,
    kernel: zyx(kernel),
    normalization,
    activation: activationOf(settings),
    dropout,
    classes,
  };
  return { network: meshnet(options), geometry: meshnetGeometry(options), penalties: NO_PENALTY, decoder: [] };
}

function deepmedicOf(settings: FamilySettings['deepmedic'], classes: number): Architecture {
  const { features, kernels, subsampleFactors, padding, upsampling, normalization, l1, l2 } = settings;
  const options: DeepmedicOptions = {
    pathways: features.map((own, index) => ({
      features: own,
      kernels: (kernels[index] as readonly Xyz[]).map(zyx),
      subsampleFactor: zyx(subsampleFactors[index] as Xyz),
    })),
    head: headOf(settings),
    padding,
    upsampling,
    activation: activationOf(settings),
    normalization,
    classes,
  };
  return { network: deepmedic(options), geometry: deepmedicGeometry(options), penalties: { l1, l2 }, decoder: [] };
}

/**
 * The network of an arm.
 * @param settings the arm, or any object that names one family
 * @param classes number of channels of the logits
 */
export function architectureOf(settings: NetworkSettings, classes: number): Architecture {
  if ('unet' in settings) return unetOf(settings.unet, classes);
  if ('residualUnet' in settings) return residualUnetOf(settings.residualUnet, classes);
  if ('generalizedUnet' in settings) return generalizedUnetOf(settings.generalizedUnet, classes);
  if ('meshnet' in settings) return meshnetOf(settings.meshnet, classes);
  if ('deepmedic' in settings) return deepmedicOf(settings.deepmedic, classes);
  return settings satisfies never;
}
