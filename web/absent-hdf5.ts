/** Replaces h5wasm in the page, whose teachers are ONNX files: 5 MB for Keras models that it does not take. */
import { InputError } from '../src/core/errors.ts';

throw new InputError(
  'E_IMPORT_KIND',
  'the page reads no Keras models. Convert the model with voxstill import, and open the .onnx file.',
);
