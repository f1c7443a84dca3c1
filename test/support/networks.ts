/** What tests build small networks of: one of every family by what a recipe would say. */
import { type NetworkSettings, networkSchemas } from '../../src/recipe/schema/network.ts';

export const unet = (input: object): NetworkSettings => ({ unet: networkSchemas.unet.parse(input) });
export const residualUnet = (input: object): NetworkSettings => ({
  residualUnet: networkSchemas.residualUnet.parse(input),
});
export const generalized = (input: object): NetworkSettings => ({
  generalizedUnet: networkSchemas.generalizedUnet.parse(input),
});
export const meshnet = (input: object): NetworkSettings => ({ meshnet: networkSchemas.meshnet.parse(input) });
export const deepmedic = (input: object): NetworkSettings => ({ deepmedic: networkSchemas.deepmedic.parse(input) });
