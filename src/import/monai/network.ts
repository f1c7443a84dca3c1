/** MONAI's networks by the name of their class, with the arguments that a file gives. */

import type { z } from 'zod';
import { lookUp } from '../../core/look-up.ts';
import type { Value } from '../../graph/graph.ts';
import { parseAs } from '../json.ts';
import type { Material } from '../networks/layers.ts';
import { basicUnetArguments, dynUnetArguments, refuseNetwork, segResNetArguments, unetArguments } from './arguments.ts';
import { basicUnet } from './basic-unet.ts';
import { dynUnet, isRepeatedDynUnetName } from './dyn-unet.ts';
import { segResNet } from './seg-resnet.ts';
import { monaiUnet } from './unet.ts';

/** A network that can be built. */
export interface MonaiNetwork {
  readonly rank: 2 | 3;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly build: (material: Material, image: Value) => Value;
  /** Names that need no place in the network. */
  readonly isRepeated: (name: string) => boolean;
}

interface SharedArguments {
  readonly spatial_dims: 2 | 3;
  readonly in_channels: number;
  readonly out_channels: number;
}

type Read = (given: unknown, path: string) => MonaiNetwork;

function reader<Net extends SharedArguments>(
  schema: z.ZodType<Net>,
  build: (net: Net, material: Material, image: Value) => Value,
  isRepeated: (name: string) => boolean = () => false,
): Read {
  return (given, path) => {
    const net = parseAs(schema, given, path);
    return {
      rank: net.spatial_dims,
      inChannels: net.in_channels,
      outChannels: net.out_channels,
      build: (material, image) => build(net, material, image),
      isRepeated,
    };
  };
}

const NETWORKS: Readonly<Record<string, Read>> = {
  UNet: reader(unetArguments, monaiUnet),
  BasicUNet: reader(basicUnetArguments, basicUnet),
  DynUNet: reader(dynUnetArguments, dynUnet, isRepeatedDynUnetName),
  // its one activation is listed a second time, where it ends the network
  SegResNet: reader(segResNetArguments, segResNet, name => name.startsWith('act_mod.')),
};
const OTHER_NAMES: Readonly<Record<string, string>> = {
  Unet: 'UNet',
  unet: 'UNet',
  BasicUnet: 'BasicUNet',
  Basicunet: 'BasicUNet',
  basicunet: 'BasicUNet',
  DynUnet: 'DynUNet',
  Dynunet: 'DynUNet',
};

/**
 * The network that a file describes.
 * @param target class, with or without its module
 * @param path for messages
 * @throws {InputError} E_IMPORT_NETWORK for another class; E_IMPORT_DESCRIPTION for arguments that it does not have
 */
export function monaiNetwork(target: string, given: unknown, path: string): MonaiNetwork {
  const name = target.split('.').at(-1) ?? target;
  const own = lookUp(OTHER_NAMES, name) ?? name;
  const read = lookUp(NETWORKS, own);
  return read === undefined
    ? refuseNetwork(`the class ${target} (known are ${Object.keys(NETWORKS).join(', ')} of MONAI)`)
    : read(given, path);
}
