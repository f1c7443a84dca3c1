/** Writes itk/, as part of the build. */
import { writePipelines } from './itk.ts';

await writePipelines();
