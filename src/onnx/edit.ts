/**
 * Changes a finished ONNX model's bytes: protobuf messages are copied field by field, with some of them replaced, left
 * out or added, so that whatever else is in the file stays as it is. Field numbers are those of onnx.proto3.
 */
import { PbfReader, PbfWriter } from 'pbf';
import { joinBytes } from '../core/bytes.ts';
import { InputError } from '../core/errors.ts';
import { decodeModel } from './decode.ts';

/** Field numbers of onnx.proto3. */
export const FIELD = {
  modelGraph: 7,
  graphOutput: 12,
  valueName: 1,
  modelMetadata: 14,
  entryKey: 1,
  entryValue: 2,
} as const;
const WIRE_BYTES = 2;
const LISTED_IN_MESSAGES = 20;

/** Result of an edit of a field: new content, removal, or no change. */
type Edit = (field: number, content: Uint8Array) => Uint8Array | 'drop' | 'keep';

/** Length-delimited field as protobuf writes it. */
export function bytesField(field: number, content: Uint8Array): Uint8Array[] {
  const header = new PbfWriter();
  header.writeVarint((field << 3) | WIRE_BYTES);
  header.writeVarint(content.length);
  return [header.finish().slice(), content];
}

/** A protobuf message with some fields edited; what follows is appended. Fields without bytes have empty content. */
export function editMessage(message: Uint8Array, edit: Edit, more: readonly Uint8Array[] = []): Uint8Array {
  const reader = new PbfReader(message);
  const parts: Uint8Array[] = [];
  for (let start = 0; start < message.length; start = reader.pos) {
    const field = reader.nextField(message.length);
    const isBytes = reader.type === WIRE_BYTES;
    const content = isBytes ? reader.readBytes() : new Uint8Array(0);
    if (!isBytes) reader.skip(reader.type);
    const edited = edit(field, content);
    if (edited === 'keep') parts.push(message.subarray(start, reader.pos));
    else if (edited !== 'drop') parts.push(...bytesField(field, edited));
  }
  return joinBytes([...parts, ...more]);
}

/**
 * The model with inner tensors as further outputs. Their types are left to the runtime, which infers them.
 * @param names names of node results; existing outputs are skipped
 * @param path for messages
 * @throws {InputError} E_LAYER if a tensor does not exist
 */
export function addOutputs(bytes: Uint8Array, names: readonly string[], path: string): Uint8Array {
  if (names.length === 0) return bytes;
  const { results, outputs } = decodeModel(bytes, path);
  if (names.every(name => outputs.some(output => output.name === name))) return bytes;
  const missing = names.filter(name => !results.includes(name));
  if (missing.length > 0) {
    const last = results.slice(-LISTED_IN_MESSAGES).join(', ');
    throw new InputError(
      'E_LAYER',
      `${path} has no inner tensor ${missing.map(name => `"${name}"`).join(', ')}; it has ${results.length}, the last are ${last}`,
    );
  }
  const added = names.filter(name => !outputs.some(output => output.name === name));
  const infos = added.flatMap(name => {
    const text = new TextEncoder().encode(name);
    return bytesField(FIELD.graphOutput, joinBytes(bytesField(FIELD.valueName, text)));
  });
  return editMessage(bytes, (field, graph) =>
    field === FIELD.modelGraph ? editMessage(graph, () => 'keep', infos) : 'keep',
  );
}

/** The model with other metadata. */
export function replaceMetadata(bytes: Uint8Array, metadata: Readonly<Record<string, string>>): Uint8Array {
  const text = (field: number, content: string): Uint8Array[] => bytesField(field, new TextEncoder().encode(content));
  const entries = Object.entries(metadata).flatMap(([key, value]) =>
    bytesField(FIELD.modelMetadata, joinBytes([...text(FIELD.entryKey, key), ...text(FIELD.entryValue, value)])),
  );
  return editMessage(bytes, field => (field === FIELD.modelMetadata ? 'drop' : 'keep'), entries);
}
