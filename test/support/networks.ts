/** What tests build small networks of: one of every family by what a recipe would say, and the plainest convolution. */
import type { ConvAttributes } from '../../src/graph/ops.ts';
import { type NetworkSettings, networkSchemas } from '../../src/recipe/network-schema.ts';

export const unet = (input: object): NetworkSettings => ({ unet: networkSchemas.unet.parse(input) });
export const generalized = (input: object): NetworkSettings => ({
  generalizedUnet: networkSchemas.generalizedUnet.parse(input),
});
export const meshnet = (input: object): NetworkSettings => ({ meshnet: networkSchemas.meshnet.parse(input) });
export const deepmedic = (input: object): NetworkSettings => ({ deepmedic: networkSchemas.deepmedic.parse(input) });

/** 3x3x3, of the size of what comes in. */
export const PLAIN_CONVOLUTION: ConvAttributes = {
  kernel: [3, 3, 3],
  strides: [1, 1, 1],
  dilations: [1, 1, 1],
  pads: [1, 1, 1, 1, 1, 1],
  group: 1,
  upsample: [1, 1, 1],
};
