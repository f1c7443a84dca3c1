/** The arguments and flags of `voxstill predict`; commands/predict.ts holds the action. */
import type { DeclareCommand } from '../program.ts';
import { addModelFlags, type ModelFlags } from './model.ts';

/** The flags as commander parses them. */
export interface PredictFlags extends ModelFlags {
  readonly input: readonly string[];
  readonly output: string;
  readonly series?: string;
  readonly probabilities: boolean;
  readonly entropy: boolean;
  readonly bids: boolean;
  readonly strict: boolean;
}

export const declarePredict: DeclareCommand = (command, start) => {
  addModelFlags(command)
    .requiredOption(
      '--input <paths...>',
      'NIfTI, NRRD, MetaImage or MGH file, DICOM series (its folder or one of its files), or a folder with any of these and DICOM folders below; a.nii.gz,b.nii.gz for the channels of one volume',
    )
    .requiredOption('--output <path>', 'output file (.nii.gz, .nrrd, .mha or .mgz) or folder')
    .option('--series <uid>', 'SeriesInstanceUID of the DICOM series to take from a folder with several')
    .option('--probabilities', 'also write the probability map of every class', false)
    .option(
      '--entropy',
      'also write how unsure the model is at every voxel: the entropy of its calibrated probabilities, from 0 to 1, in the format of the labels',
      false,
    )
    .option(
      '--bids',
      'write a BIDS derivative into the folder --output: sub-<label>_..._dseg.nii.gz after the names of the inputs, with dseg.tsv and dataset_description.json',
      false,
    )
    .option(
      '--strict',
      'a volume that is far from the training cases of the model, or whose result is, is an error and nothing is written for it (default: a warning)',
      false,
    )
    .action((flags: PredictFlags) =>
      start(async session => (await import('../commands/predict.ts')).predict(flags, session)),
    );
};
