/** The part of a recipe's schema for a network that is trained: one of the families, how it is trained, and more. */
import { z } from 'zod';
import { networkSchemas } from './network.ts';
import { trainSchema } from './train.ts';

/** A network of each family with its training, and further keys. */
export const trainedNetworks = <Shape extends z.ZodRawShape>(more: Shape) =>
  [
    z.strictObject({ unet: networkSchemas.unet, train: trainSchema, ...more }),
    z.strictObject({ residualUnet: networkSchemas.residualUnet, train: trainSchema, ...more }),
    z.strictObject({ generalizedUnet: networkSchemas.generalizedUnet, train: trainSchema, ...more }),
    z.strictObject({ meshnet: networkSchemas.meshnet, train: trainSchema, ...more }),
    z.strictObject({ deepmedic: networkSchemas.deepmedic, train: trainSchema, ...more }),
  ] as const;
