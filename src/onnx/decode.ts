/**
 * Decodes an ONNX file: the graph from read-model.ts, refused if it is not a whole model, with the facts that are
 * needed most.
 */
import { InputError } from '../core/errors.ts';
import { type FileModel, type FileTensor, readModel } from './read-model.ts';

/** Location of a tensor's values that are not in the model's file. */
export interface ExternalData {
  /** Path relative to the model's folder. */
  readonly location: string;
  /** Offset in bytes. */
  readonly offset: number;
  /** Length in bytes; to the end of the file if not given. */
  readonly length?: number;
}

/** An ONNX file that was read whole. */
export interface DecodedModel extends FileModel {
  /** Location of each initializer; undefined if its values are in the file. */
  readonly external: readonly (ExternalData | undefined)[];
  /** Operators by name with their number of uses. */
  readonly operators: ReadonlyMap<string, number>;
  /** Operators that neither ONNX nor ONNX Runtime defines, as `domain:name`, each once. */
  readonly customOperators: readonly string[];
  /** Names of the results of nodes, in the file's order. */
  readonly results: readonly string[];
}

function externalDataOf({ location, offset = '0', length }: FileTensor['external']): ExternalData | undefined {
  if (location === undefined) return undefined;
  return { location, offset: Number(offset), ...(length !== undefined && { length: Number(length) }) };
}

/** Domains whose operators ONNX or ONNX Runtime defines. */
const KNOWN_DOMAIN = /^(|ai\.onnx.*|com\.(ms|microsoft).*)$/;

/**
 * Reads an .onnx file. Its inputs are those that are not initializers.
 * @param path name of the file for messages
 * @throws {InputError} E_MODEL_CORRUPT if the bytes are not an ONNX model
 */
export function decodeModel(bytes: Uint8Array, path: string): DecodedModel {
  let model: FileModel;
  try {
    model = readModel(bytes);
  } catch (cause) {
    throw new InputError('E_MODEL_CORRUPT', `${path} is not a readable ONNX model`, { cause });
  }
  const { nodes, initializers } = model;
  if (model.outputs.length === 0 || nodes.length === 0 || model.operatorSets.size === 0) {
    throw new InputError('E_MODEL_CORRUPT', `${path} is not an ONNX model: it holds no whole graph`);
  }
  const operators = new Map<string, number>();
  for (const { op } of nodes) operators.set(op, (operators.get(op) ?? 0) + 1);
  const custom = nodes.filter(({ domain }) => !KNOWN_DOMAIN.test(domain)).map(({ domain, op }) => `${domain}:${op}`);
  const constants = new Set(initializers.map(({ name }) => name));
  return {
    ...model,
    inputs: model.inputs.filter(({ name }) => !constants.has(name)),
    external: initializers.map(({ external }) => externalDataOf(external)),
    operators,
    customOperators: [...new Set(custom)],
    results: nodes.flatMap(({ outputs }) => outputs.filter(name => name !== '')),
  };
}
