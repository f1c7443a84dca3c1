/** Opens models on a graphics card, in a form that ONNX Runtime's WebGPU computes, and computes correctly. */
import { type ModelFile, openModel } from '../../experiment/model-file.ts';
import { modelShape } from '../../inference/axes.ts';
import { assertSafeAsExported } from '../../onnx/folded-form.ts';
import { ungroupedForm } from '../../onnx/ungrouped-form.ts';
import type { Engine, Session } from '../../runtime/engine.ts';

/**
 * Opens a model for a graphics card, whose convolutions of volumes have no groups.
 * @throws {InputError} E_DEVICE if the card would compute the model wrongly, and as openModel
 */
export async function openOnCard(engine: Engine, file: ModelFile): Promise<Session> {
  const { bytes, info, metadata, path } = file;
  const shape = modelShape([info.batch ?? 1, info.channels, ...info.patch], metadata.axes);
  const form = ungroupedForm(bytes, { input: { name: info.inputName, shape }, outputs: [info.outputName] });
  assertSafeAsExported(form ?? bytes, path, 'Let the processor compute it (WebAssembly).');
  return openModel(engine, form === undefined ? file : { ...file, bytes: form });
}
