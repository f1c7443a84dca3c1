/** Replaces numcodecs in the page: 1.4 MB that NiiVue would load for volumes in Zarr. The page reads volumes itself. */
import { invariant } from '../src/core/errors.ts';

invariant(false, 'the page opens no Zarr');
