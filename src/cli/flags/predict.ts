/** The arguments and flags of `voxstill predict`; commands/predict.ts holds the action. */
import { Option } from 'commander';
import type { SegmentationType } from '../../results/segmentation-object.ts';
import type { DeclareCommand } from '../program.ts';
import { wholeNumber } from '../values.ts';
import { addDeviceFlag, type DeviceFlags } from './device.ts';
import { addModelFlags, type ModelFlags } from './model.ts';

/** The flags as commander parses them. */
export interface PredictFlags extends ModelFlags, DeviceFlags {
  readonly input: readonly string[];
  readonly output: string;
  readonly series?: string;
  readonly frame?: number;
  readonly probabilities: boolean;
  readonly entropy: boolean;
  readonly bids: boolean;
  readonly strict: boolean;
  readonly format?: string;
  readonly segmentationType?: SegmentationType;
  readonly rtstruct?: string;
  readonly measurements?: string;
  readonly surfaces?: string;
}

/** Endings of results, without their dot. */
const FORMATS = ['nii.gz', 'nrrd', 'seg.nrrd', 'mha', 'mgz', 'dcm'];
/** Types of DICOM Segmentations. */
const SEGMENTATION_TYPES = ['binary', 'labelmap'];

export const declarePredict: DeclareCommand = (command, start) => {
  addDeviceFlag(addModelFlags(command))
    .requiredOption(
      '--input <paths...>',
      'NIfTI, NRRD, MetaImage or MGH file, DICOM series (its folder or one of its files), or a folder with any of these and DICOM folders below; a.nii.gz,b.nii.gz for the channels of one volume',
    )
    .requiredOption(
      '--output <path>',
      'output file (.nii.gz, .nrrd, .seg.nrrd for 3D Slicer, .mha, .mgz, or .dcm, a DICOM Segmentation of a DICOM series) or folder',
    )
    .addOption(new Option('--format <ending>', 'format of the results in a folder (default: nii.gz)').choices(FORMATS))
    .addOption(
      new Option(
        '--segmentation-type <type>',
        'type of DICOM Segmentations: binary, which most systems read, or labelmap, which is smaller (default: binary)',
      ).choices(SEGMENTATION_TYPES),
    )
    .option('--rtstruct <file>', 'also write the outlines as a DICOM RT Structure Set (.dcm); for one DICOM series')
    .option(
      '--measurements <file>',
      'also write the volumes as a DICOM report (.dcm, TID 1500) that refers to the DICOM Segmentation --output',
    )
    .option(
      '--surfaces <file>',
      'also write surfaces in millimetres (RAS): one .obj with all classes, or a .stl for each, <name>_<class>.stl; for one volume',
    )
    .option('--series <uid>', 'SeriesInstanceUID of the DICOM series to take from a folder with several')
    .option(
      '--frame <n>',
      'the frame to segment, from 1, of images with several, such as a series in time (default: all are channels of one image)',
      wholeNumber(1),
    )
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
