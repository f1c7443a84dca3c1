/**
 * Copies a model with weights in separate files (ONNX's external data) into one with the weights inside;
 * all other fields stay the same. Source: onnx.proto3, TensorProto.external_data.
 */
import { InputError } from '../core/errors.ts';
import type { ExternalData } from './decode.ts';
import { bytesField, editMessage } from './edit.ts';

const FIELD = { modelGraph: 7, graphInitializer: 5, rawData: 9, externalData: 13, dataLocation: 14 } as const;

/**
 * Embeds weights from other files in the model.
 * @param external location of each initializer, in the file's order; undefined for those that are inside
 * @param path path of the model, for messages
 * @param read reads a file by the location that the model gives
 * @throws {InputError} E_MODEL_WEIGHTS if a file is shorter than the model says
 */
export async function embedExternalData(
  bytes: Uint8Array,
  external: readonly (ExternalData | undefined)[],
  { path, read }: { readonly path: string; readonly read: (location: string) => Promise<Uint8Array> },
): Promise<Uint8Array> {
  const contents = new Map<string, Uint8Array>();
  for (const location of new Set(external.flatMap(data => data?.location ?? []))) {
    contents.set(location, await read(location));
  }
  const valuesOf = ({ location, offset, length }: ExternalData): Uint8Array => {
    const content = contents.get(location) as Uint8Array;
    const end = length === undefined ? content.length : offset + length;
    if (end > content.length) {
      throw new InputError(
        'E_MODEL_WEIGHTS',
        `${path} needs ${end} bytes of its weights file ${location}, which has ${content.length}. Copy both files anew.`,
      );
    }
    return content.subarray(offset, end);
  };
  let index = 0;
  const editInitializer = (tensor: Uint8Array): Uint8Array => {
    const data = external[index++];
    if (data === undefined) return tensor;
    return editMessage(
      tensor,
      field => (field === FIELD.externalData || field === FIELD.dataLocation ? 'drop' : 'keep'),
      bytesField(FIELD.rawData, valuesOf(data)),
    );
  };
  const editGraph = (graph: Uint8Array): Uint8Array =>
    editMessage(graph, (field, content) => (field === FIELD.graphInitializer ? editInitializer(content) : 'keep'));
  return editMessage(bytes, (field, content) => (field === FIELD.modelGraph ? editGraph(content) : 'keep'));
}
