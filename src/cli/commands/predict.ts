/** `voxstill predict`: segments volumes; a result has its input's exact grid and geometry. */
import { predictFiles } from '../../experiment/predict.ts';
import { formatSeconds } from '../../report/format.ts';
import { addModelFlags, type ModelFlags, readModels, windowChoice } from '../model-flags.ts';
import type { AddCommand } from '../program.ts';
import { openLaboratory } from '../session.ts';

interface Flags extends ModelFlags {
  readonly input: string;
  readonly output: string;
  readonly probabilities: boolean;
}

export const addPredict: AddCommand = (program, start) => {
  addModelFlags(program.command('predict').description('segment volumes'))
    .requiredOption(
      '--input <path>',
      'a NIfTI, NRRD or MetaImage file, a DICOM series (its folder or a file), or a folder of these',
    )
    .requiredOption('--output <path>', 'a .nii.gz, .nrrd or .mha file, or a folder')
    .option('--probabilities', 'also write the probability of every class', false)
    .action((flags: Flags) =>
      start(async session => {
        const laboratory = await openLaboratory(session, null);
        const { input, output, probabilities } = flags;
        const predictions = await predictFiles(laboratory, {
          models: await readModels(laboratory.files, flags),
          input,
          output,
          probabilities,
          window: windowChoice(flags),
          postprocess: flags.postprocess,
          signal: session.signal,
        });
        const lines = predictions.map(({ output: path, seconds, volumesMl }) => {
          const volumes = Object.entries(volumesMl).map(([name, ml]) => `${name} ${ml.toFixed(2)} ml`);
          return `${path}: ${volumes.join(', ')} (${formatSeconds(seconds)})`;
        });
        return { json: { predictions }, text: lines.join('\n') };
      }),
    );
};
