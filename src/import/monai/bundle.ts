/**
 * MONAI bundles: `configs/metadata.json` says what goes in and comes out, a configuration which network it is and how
 * images are prepared, `models/model.pt` has the weights. Source: MONAI's bundle specification, version 1.6.1.
 */
import { z } from 'zod';
import { InputError } from '../../core/errors.ts';
import type { Triple } from '../../core/shape.ts';
import type { ModelLabel } from '../../inference/model-info.ts';
import type { ImportChoice, ImportedFacts, ImportedModel, Importer, ImportFiles } from '../imported.ts';
import { parseAs, readDescription } from '../json.ts';
import { openCheckpoint } from '../torch/checkpoint.ts';
import { weightsOf } from '../torch/state-dict.ts';
import { buildMonai } from './build.ts';
import { type BundleConfig, readBundleConfig } from './config.ts';
import { describedNetwork } from './description.ts';
import { bundlePreprocessing } from './preprocessing.ts';
import { stateDictOf } from './state-dict-file.ts';

const WEIGHTS = 'models/model.pt';

const tensorFormat = z.looseObject({
  spatial_shape: z.array(z.union([z.number(), z.string()])).optional(),
  channel_def: z.record(z.string(), z.string()).optional(),
});
const metadata = z.looseObject({
  network_data_format: z.looseObject({
    inputs: z.looseObject({ image: tensorFormat }),
    outputs: z.record(z.string(), tensorFormat),
  }),
});
const inferer = z.looseObject({ roi_size: z.array(z.int().min(1)).min(2).max(3) });
const composed = z.looseObject({ transforms: z.array(z.looseObject({ _target_: z.string() })) });

/** The activation of the output, from the transforms after the network. */
function activationOf(config: BundleConfig): 'softmax' | 'sigmoid' {
  const after = composed.safeParse(config.get('postprocessing'));
  const transforms = after.success ? after.data.transforms : [];
  return transforms.some(one => /(^|\.)Activationsd?$/.test(one._target_) && one['sigmoid'] === true)
    ? 'sigmoid'
    : 'softmax';
}

function labelsOf(
  names: Readonly<Record<string, string>> | undefined,
  { channels, activation }: { readonly channels: number; readonly activation: 'softmax' | 'sigmoid' },
): readonly ModelLabel[] | undefined {
  const ordered = Object.entries(names ?? {}).sort(([left], [right]) => Number(left) - Number(right));
  if (ordered.length !== channels) return undefined;
  // independent classes do not include the background
  const first = activation === 'sigmoid' ? 1 : 0;
  return ordered.map(([, name], index) => ({ value: index + first, name }));
}

/** x, y, z as D, H, W; planes are one voxel deep. */
function windowOf(sizes: readonly (number | string)[] | undefined): Triple | undefined {
  if (sizes === undefined || !sizes.every((size): size is number => typeof size === 'number')) return undefined;
  const [x, y, z = 1] = sizes;
  return x === undefined || y === undefined ? undefined : [z, y, x];
}

async function read(files: ImportFiles, path: string, choice: ImportChoice): Promise<ImportedModel> {
  const folder = path.replace(/(?<=.)\/+$/, '');
  const config = await readBundleConfig(files, folder);
  const about = `${folder}/configs/metadata.json`;
  const { inputs, outputs } = parseAs(metadata, await readDescription(files, about), about).network_data_format;
  const network = describedNetwork(config.get('network_def'), `${config.path} network_def`);
  const window = inferer.safeParse(config.get('inferer'));
  const patch =
    choice.patch ??
    windowOf(window.success ? window.data.roi_size : undefined) ??
    windowOf(inputs.image.spatial_shape) ??
    choice.assumedPatch;
  if (patch === undefined) {
    throw new InputError(
      'E_IMPORT_DESCRIPTION',
      `${config.path} does not say its window (inferer.roi_size). Give it as --patch x,y,z.`,
    );
  }
  const weightsPath = `${folder}/${WEIGHTS}`;
  const checkpoint = openCheckpoint(await files.read(weightsPath), weightsPath);
  const weights = weightsOf(checkpoint, stateDictOf(checkpoint), { path: weightsPath });
  const activation = activationOf(config);
  const labels = labelsOf(Object.values(outputs)[0]?.channel_def, { channels: network.outChannels, activation });
  const { facts: prepared, notes } = bundlePreprocessing(config.get('preprocessing'), {
    path: config.path,
    channels: network.inChannels,
  });
  const facts: ImportedFacts = {
    ...(labels && { labels }),
    channels: network.inChannels,
    ...prepared,
    patch,
    activation,
    axes: 'NCZYX',
  };
  return { ...buildMonai(network, weights, { patch, axes: choice.axes ?? 'NCXYZ' }), facts, notes };
}

/** Reads MONAI bundles. */
export const bundleImporter: Importer = {
  name: 'a MONAI bundle (with configs/metadata.json and models/model.pt)',
  recognises: (files, path) => files.exists(`${path.replace(/(?<=.)\/+$/, '')}/configs/metadata.json`),
  read,
};
