/** Reads what the program needs to know of an ONNX file: names, shapes, parameters and metadata. Never trusts a length in the file. */
import { PbfReader } from 'pbf';
import { InputError } from '../core/errors.ts';

/** What a file says about one of its tensors. */
interface TensorInfo {
  name: string;
  /** ONNX's number of the element type, 1 for float32; 0 where the file does not say. */
  elementType: number;
  /** A word or -1 is a dimension known only at run time. */
  shape: (number | string)[];
}

/** Where a tensor's values lie that are not in the model's file. */
export interface ExternalData {
  /** Relative to the model's folder. */
  readonly location: string;
  /** Bytes. */
  readonly offset: number;
  /** Bytes; to the end of the file if not given. */
  readonly length?: number;
}

/** The readable part of an ONNX file. */
export interface ModelSummary {
  readonly producer: string;
  /** Operator set versions by domain; the standard one is `''`. */
  readonly operatorSets: ReadonlyMap<string, number>;
  /** Inputs that are not initializers. */
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly initializers: readonly TensorInfo[];
  /** Of each initializer; undefined for one whose values are in the file. */
  readonly external: readonly (ExternalData | undefined)[];
  /** Operators by name with their number of uses. */
  readonly operators: ReadonlyMap<string, number>;
  /** Operators that neither ONNX nor ONNX Runtime defines, as `domain:name`, each once. */
  readonly customOperators: readonly string[];
  /** Names of the tensors that nodes give, in the file's order. */
  readonly results: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}

interface Draft {
  producer: string;
  operatorSets: Map<string, number>;
  inputs: TensorInfo[];
  outputs: TensorInfo[];
  initializers: TensorInfo[];
  external: (ExternalData | undefined)[];
  operators: Map<string, number>;
  custom: Set<string>;
  results: string[];
  metadata: Record<string, string>;
}

function readPair(pbf: PbfReader): { key: string; value: string } {
  return pbf.readMessage(
    (tag, pair: { key: string; value: string }, reader) => {
      if (tag === 1) pair.key = reader.readString();
      else if (tag === 2) pair.value = reader.readString();
    },
    { key: '', value: '' },
  );
}

function readDimension(tag: number, shape: (number | string)[], pbf: PbfReader): void {
  if (tag === 1) shape.push(pbf.readVarint(true));
  else if (tag === 2) shape.push(pbf.readString());
}

function readShape(tag: number, shape: (number | string)[], pbf: PbfReader): void {
  if (tag !== 1) return;
  const before = shape.length;
  pbf.readMessage(readDimension, shape);
  if (shape.length === before) shape.push(-1);
}

function readTensorType(tag: number, info: TensorInfo, pbf: PbfReader): void {
  if (tag === 1) info.elementType = pbf.readVarint();
  else if (tag === 2) pbf.readMessage(readShape, info.shape);
}

function readType(tag: number, info: TensorInfo, pbf: PbfReader): void {
  if (tag === 1) pbf.readMessage(readTensorType, info);
}

function readValueInfo(tag: number, info: TensorInfo, pbf: PbfReader): void {
  if (tag === 1) info.name = pbf.readString();
  else if (tag === 2) pbf.readMessage(readType, info);
}

/** An initializer; `location` holds what the file says of values that lie elsewhere. */
interface InitializerDraft extends TensorInfo {
  location: Record<string, string>;
}

function readInitializer(tag: number, info: InitializerDraft, pbf: PbfReader): void {
  if (tag === 1) {
    if (pbf.type === 2) info.shape.push(...pbf.readPackedVarint([], true));
    else info.shape.push(pbf.readVarint(true));
  } else if (tag === 2) info.elementType = pbf.readVarint();
  else if (tag === 8) info.name = pbf.readString();
  else if (tag === 13) {
    const { key, value } = readPair(pbf);
    info.location[key] = value;
  }
}

function externalDataOf({ location, offset = '0', length }: Record<string, string>): ExternalData | undefined {
  if (location === undefined) return undefined;
  return { location, offset: Number(offset), ...(length !== undefined && { length: Number(length) }) };
}

function readNode(tag: number, node: { op: string; domain: string; results: string[] }, pbf: PbfReader): void {
  if (tag === 2) node.results.push(pbf.readString());
  else if (tag === 4) node.op = pbf.readString();
  else if (tag === 7) node.domain = pbf.readString();
}

/** Domains whose operators ONNX or ONNX Runtime defines. */
const KNOWN_DOMAIN = /^(|ai\.onnx.*|com\.(ms|microsoft).*)$/;

const emptyInfo = (): TensorInfo => ({ name: '', elementType: 0, shape: [] });

function readGraph(tag: number, draft: Draft, pbf: PbfReader): void {
  if (tag === 1) {
    const { op, domain, results } = pbf.readMessage(readNode, { op: '', domain: '', results: [] });
    draft.results.push(...results.filter(name => name !== ''));
    draft.operators.set(op, (draft.operators.get(op) ?? 0) + 1);
    if (!KNOWN_DOMAIN.test(domain)) draft.custom.add(`${domain}:${op}`);
  } else if (tag === 5) {
    const { location, ...info } = pbf.readMessage(readInitializer, { ...emptyInfo(), location: {} });
    draft.initializers.push(info);
    draft.external.push(externalDataOf(location));
  } else if (tag === 11) draft.inputs.push(pbf.readMessage(readValueInfo, emptyInfo()));
  else if (tag === 12) draft.outputs.push(pbf.readMessage(readValueInfo, emptyInfo()));
}

function readModel(tag: number, draft: Draft, pbf: PbfReader): void {
  if (tag === 2) draft.producer = pbf.readString();
  else if (tag === 7) pbf.readMessage(readGraph, draft);
  else if (tag === 8) {
    const set = pbf.readMessage(
      (field, entry: { domain: string; version: number }, reader) => {
        if (field === 1) entry.domain = reader.readString();
        else if (field === 2) entry.version = reader.readVarint();
      },
      { domain: '', version: 0 },
    );
    draft.operatorSets.set(set.domain, set.version);
  } else if (tag === 14) {
    const { key, value } = readPair(pbf);
    draft.metadata[key] = value;
  }
}

/**
 * Reads an .onnx file's own account of itself.
 * @param path for the message only
 * @throws {InputError} E_MODEL_CORRUPT if the bytes are not an ONNX model
 */
export function decodeModel(bytes: Uint8Array, path: string): ModelSummary {
  const draft: Draft = {
    producer: '',
    operatorSets: new Map(),
    inputs: [],
    outputs: [],
    initializers: [],
    external: [],
    operators: new Map(),
    custom: new Set(),
    results: [],
    metadata: {},
  };
  try {
    const reader = new PbfReader(bytes);
    reader.readFields(readModel, draft);
    // a length that leads past the end is skipped silently: this is how a file that was cut off shows
    if (reader.pos > bytes.length) throw new RangeError(`it ends ${reader.pos - bytes.length} bytes too early`);
  } catch (cause) {
    throw new InputError('E_MODEL_CORRUPT', `${path} is not a readable ONNX model`, { cause });
  }
  if (draft.outputs.length === 0 || draft.operators.size === 0 || draft.operatorSets.size === 0) {
    throw new InputError('E_MODEL_CORRUPT', `${path} is not an ONNX model: it holds no whole graph`);
  }
  const constants = new Set(draft.initializers.map(info => info.name));
  const { custom, ...summary } = draft;
  const inputs = draft.inputs.filter(info => !constants.has(info.name));
  return { ...summary, inputs, customOperators: [...custom] };
}
