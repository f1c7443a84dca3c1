/** The flags of `voxstill predict`; commands/predict.ts does the study. */
import type { DeclareCommand } from '../program.ts';
import { addModelFlags, type ModelFlags } from './model.ts';

/** As commander gives them. */
export interface PredictFlags extends ModelFlags {
  readonly input: string;
  readonly output: string;
  readonly probabilities: boolean;
}

export const declarePredict: DeclareCommand = (command, start) => {
  addModelFlags(command)
    .requiredOption(
      '--input <path>',
      'a NIfTI, NRRD or MetaImage file, a DICOM series (its folder or a file), or a folder of these',
    )
    .requiredOption('--output <path>', 'a .nii.gz, .nrrd or .mha file, or a folder')
    .option('--probabilities', 'also write the probability of every class', false)
    .action((flags: PredictFlags) =>
      start(async session => (await import('../commands/predict.ts')).predict(flags, session)),
    );
};
