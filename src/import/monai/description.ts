/** Reads the description of a network: a class and its arguments, in the notation of MONAI's bundles or a plain one. */
import { z } from 'zod';
import { parseAs } from '../json.ts';
import { type MonaiNetwork, monaiNetwork } from './network.ts';

const named = z.strictObject({ class: z.string(), arguments: z.record(z.string(), z.unknown()).default({}) });
const instantiated = z.looseObject({ _target_: z.string() });

/**
 * The network of `{ "class": "UNet", "arguments": { ... } }` or `{ "_target_": "monai.networks.nets.UNet", ... }`.
 * @param path for messages
 * @throws {InputError} E_IMPORT_DESCRIPTION, E_IMPORT_NETWORK
 */
export function describedNetwork(value: unknown, path: string): MonaiNetwork {
  const given = parseAs(z.union([named, instantiated]), value, `${path} network`);
  if (!('_target_' in given)) return monaiNetwork(given.class, given.arguments, `${path} network.arguments`);
  const { _target_: target, ...rest } = given;
  const own = Object.entries(rest).filter(([key]) => !['_desc_', '_requires_', '_disabled_', '_mode_'].includes(key));
  return monaiNetwork(target, Object.fromEntries(own), `${path} network`);
}
