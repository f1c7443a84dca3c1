/** Makes ITK's programs where no build has made them yet, for tests of the sources. */
import { writePipelines } from '../../scripts/itk.ts';

/** Called by vitest before the project's first test. */
export function setup(): Promise<void> {
  return writePipelines();
}
