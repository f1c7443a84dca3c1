/** The sample case: a phantom that no run trains on, since seeds of recipes are small and this one is not. */
import { generatePhantom, type Phantom } from '../src/data/phantom.ts';

export function samplePhantom(): Phantom {
  return generatePhantom(20_261_124, 0);
}
