/**
 * A state dictionary of one of MONAI's networks, as torch.save writes it. Which network it is stands in the file
 * itself, under `network`, or in a JSON beside it: `model.json` for `model.pt`, where what else must be known stands
 * too.
 */
import { z } from 'zod';
import { InputError } from '../../core/errors.ts';
import { AXIS_ORDERS } from '../../inference/axes.ts';
import type { ImportChoice, ImportedModel, Importer, ImportFiles } from '../imported.ts';
import { parseAs, readDescription } from '../json.ts';
import { openCheckpoint, type TorchCheckpoint } from '../torch/checkpoint.ts';
import { isTensorRef, type PickleValue } from '../torch/globals.ts';
import { entryOf, weightsOf } from '../torch/state-dict.ts';
import { buildMonai } from './build.ts';
import { describedNetwork } from './description.ts';

const FILE = /\.(pt|pth|ckpt)$/i;
/** Names under which training programs keep the weights. */
const KEYS = ['state_dict', 'model_state_dict', 'model', 'net', 'network_weights', 'weights'] as const;

const beside = z.looseObject({
  network: z.unknown().optional(),
  patch: z.tuple([z.int().min(1), z.int().min(1), z.int().min(1)]).optional(),
  axes: z.enum(AXIS_ORDERS).optional(),
});

/** Values of a description; one that is larger repeats itself. */
const MOST_VALUES = 10_000;

/**
 * Plain data of a pickle, as JSON would have it.
 * @throws {InputError} E_IMPORT_DESCRIPTION if it is too large
 */
function plainOf(root: PickleValue | undefined, path: string): unknown {
  let seen = 0;
  const plain = (value: PickleValue | undefined): unknown => {
    if (++seen > MOST_VALUES) {
      throw new InputError('E_IMPORT_DESCRIPTION', `${path} describes its network by more than ${MOST_VALUES} values.`);
    }
    if (Array.isArray(value)) return value.map(plain);
    if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]));
    return typeof value === 'object' && value !== null ? undefined : value;
  };
  return plain(root);
}

/** The state dictionary: the file itself, or what it has under one of the usual names. */
export function stateDictOf({ root }: TorchCheckpoint): PickleValue {
  const isOne = (value: PickleValue | undefined): boolean =>
    value instanceof Map && [...value.values()].some(isTensorRef);
  const key = KEYS.find(one => isOne(entryOf(root, one)));
  return isOne(root) || key === undefined ? root : (entryOf(root, key) as PickleValue);
}

function lacking(path: string, json: string, what: string, example: string): InputError {
  return new InputError(
    'E_IMPORT_DESCRIPTION',
    `${path} does not say its ${what}. Write into ${json}, for example ${example}.`,
  );
}

async function read(files: ImportFiles, path: string, choice: ImportChoice): Promise<ImportedModel> {
  const checkpoint = openCheckpoint(await files.read(path), path);
  const json = `${path.replace(FILE, '')}.json`;
  const said = (await files.exists(json)) ? parseAs(beside, await readDescription(files, json), json) : {};
  const given = said.network ?? plainOf(entryOf(checkpoint.root, 'network'), path);
  if (given === undefined) {
    const example = '{ "network": { "class": "UNet", "arguments": { "spatial_dims": 3, "in_channels": 1, ... } } }';
    throw lacking(path, json, 'network', example);
  }
  const network = describedNetwork(given, json);
  const patch = choice.patch ?? said.patch ?? choice.assumedPatch;
  if (patch === undefined) {
    throw lacking(path, json, 'window', '{ "patch": [depth, height, width] }, or give it as --patch x,y,z');
  }
  const axes = choice.axes ?? said.axes ?? 'NCXYZ';
  const weights = weightsOf(checkpoint, stateDictOf(checkpoint), { path });
  const assumed = choice.axes === undefined && said.axes === undefined;
  return {
    ...buildMonai(network, weights, { patch, axes }),
    facts: { channels: network.inChannels, patch, axes: 'NCZYX' },
    notes: assumed
      ? [
          'its axes are taken to be x, y, z (NCXYZ), as MONAI loads images. Say "axes": "NCZYX" if it was trained on z, y, x.',
        ]
      : [],
  };
}

/** Reads state dictionaries of MONAI's networks. */
export const stateDictImporter: Importer = {
  name: 'a state dictionary (.pt, .pth) of MONAI’s UNet, BasicUNet, DynUNet or SegResNet with its class and arguments in a JSON beside it',
  recognises: async (files, path) => FILE.test(path) && (await files.exists(path)),
  read,
};
