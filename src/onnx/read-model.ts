/**
 * The one reader of .onnx files: protobuf messages as plain objects, with the values of tensors as views of the file.
 * It checks nothing but the wire format; decode.ts decides whether the result is a model. Field numbers are those of
 * onnx.proto3. Never trusts a length in the file.
 */
import { PbfReader } from 'pbf';

/** Type of an input or output of a graph. */
export interface FileValueInfo {
  readonly name: string;
  /** ONNX's number of the element type, 1 for float32; 0 if the file does not state it. */
  readonly elementType: number;
  /** Shape; a word or -1 is a dimension that is known only at run time. */
  readonly shape: readonly (number | string)[];
}

/** A tensor with its values: an initializer, or the value of an attribute. */
export interface FileTensor {
  readonly name: string;
  readonly elementType: number;
  readonly shape: readonly number[];
  /** Little-endian values, a view of the file; undefined where they are in one of the lists or in another file. */
  readonly raw: Uint8Array | undefined;
  /** Values of float_data and double_data. */
  readonly floats: readonly number[];
  /** Values of int32_data and int64_data; for float16 the bits. */
  readonly ints: readonly number[];
  /** Location, offset and length of values in another file. */
  readonly external: Readonly<Record<string, string>>;
}

/** An attribute; only the field of its kind is set. */
interface FileAttribute {
  readonly float: number;
  readonly int: number;
  readonly text: string;
  readonly floats: readonly number[];
  readonly ints: readonly number[];
  readonly tensor: FileTensor | undefined;
}

/** A node of the file. */
export interface FileNode {
  readonly op: string;
  readonly domain: string;
  /** Tensor names; an empty string is an omitted operand. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, FileAttribute>;
}

/** A whole file. */
export interface FileModel {
  readonly producer: string;
  readonly operatorSets: ReadonlyMap<string, number>;
  /** Nodes in topological order, as ONNX requires. */
  readonly nodes: readonly FileNode[];
  readonly initializers: readonly FileTensor[];
  readonly inputs: readonly FileValueInfo[];
  readonly outputs: readonly FileValueInfo[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** A draft of a message: its lists can grow. */
type Draft<T> = {
  -readonly [K in keyof T]: T[K] extends readonly (infer Item)[]
    ? Item[]
    : T[K] extends ReadonlyMap<infer Key, infer Item>
      ? Map<Key, Item>
      : T[K];
};

const LENGTH_DELIMITED = 2;

function readPair(pbf: PbfReader): { readonly key: string; readonly value: string } {
  return pbf.readMessage(
    (tag, pair: { key: string; value: string }, reader) => {
      if (tag === 1) pair.key = reader.readString();
      else if (tag === 2) pair.value = reader.readString();
    },
    { key: '', value: '' },
  );
}

/** A repeated number, single or packed. */
function readVarints(list: number[], pbf: PbfReader): void {
  if (pbf.type === LENGTH_DELIMITED) pbf.readPackedVarint(list, true);
  else list.push(pbf.readVarint(true));
}

function readFloats(list: number[], pbf: PbfReader): void {
  if (pbf.type === LENGTH_DELIMITED) pbf.readPackedFloat(list);
  else list.push(pbf.readFloat());
}

function readDoubles(list: number[], pbf: PbfReader): void {
  if (pbf.type === LENGTH_DELIMITED) pbf.readPackedDouble(list);
  else list.push(pbf.readDouble());
}

function readTensorField(tag: number, draft: Draft<FileTensor> & { external: Record<string, string> }, pbf: PbfReader) {
  if (tag === 1) readVarints(draft.shape, pbf);
  else if (tag === 2) draft.elementType = pbf.readVarint();
  else if (tag === 4) readFloats(draft.floats, pbf);
  else if (tag === 5 || tag === 7) readVarints(draft.ints, pbf);
  else if (tag === 8) draft.name = pbf.readString();
  else if (tag === 9) draft.raw = pbf.readBytes();
  else if (tag === 10) readDoubles(draft.floats, pbf);
  else if (tag === 13) {
    const { key, value } = readPair(pbf);
    draft.external[key] = value;
  }
}

const readTensor = (pbf: PbfReader): FileTensor =>
  pbf.readMessage(readTensorField, {
    name: '',
    elementType: 0,
    shape: [],
    raw: undefined,
    floats: [],
    ints: [],
    external: {},
  });

function readAttribute(tag: number, draft: Draft<FileAttribute> & { name: string }, pbf: PbfReader): void {
  if (tag === 1) draft.name = pbf.readString();
  else if (tag === 2) draft.float = pbf.readFloat();
  else if (tag === 3) draft.int = pbf.readVarint(true);
  else if (tag === 4) draft.text = pbf.readString();
  else if (tag === 5) draft.tensor = readTensor(pbf);
  else if (tag === 7) readFloats(draft.floats, pbf);
  else if (tag === 8) readVarints(draft.ints, pbf);
}

function readNode(tag: number, draft: Draft<FileNode>, pbf: PbfReader): void {
  if (tag === 1) draft.inputs.push(pbf.readString());
  else if (tag === 2) draft.outputs.push(pbf.readString());
  else if (tag === 4) draft.op = pbf.readString();
  else if (tag === 7) draft.domain = pbf.readString();
  else if (tag === 5) {
    const empty = { name: '', float: 0, int: 0, text: '', floats: [], ints: [], tensor: undefined };
    const { name, ...attribute } = pbf.readMessage(readAttribute, empty as Draft<FileAttribute> & { name: string });
    draft.attributes.set(name, attribute);
  }
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

function readTensorType(tag: number, info: Draft<FileValueInfo>, pbf: PbfReader): void {
  if (tag === 1) info.elementType = pbf.readVarint();
  else if (tag === 2) pbf.readMessage(readShape, info.shape);
}

function readValueInfo(tag: number, info: Draft<FileValueInfo>, pbf: PbfReader): void {
  if (tag === 1) info.name = pbf.readString();
  else if (tag === 2) {
    pbf.readMessage((field, draft: Draft<FileValueInfo>, reader) => {
      if (field === 1) reader.readMessage(readTensorType, draft);
    }, info);
  }
}

type ModelDraft = Draft<FileModel> & { metadata: Record<string, string> };

function readGraph(tag: number, draft: ModelDraft, pbf: PbfReader): void {
  const info = (): Draft<FileValueInfo> => ({ name: '', elementType: 0, shape: [] });
  if (tag === 1) {
    draft.nodes.push(pbf.readMessage(readNode, { op: '', domain: '', inputs: [], outputs: [], attributes: new Map() }));
  } else if (tag === 5) draft.initializers.push(readTensor(pbf));
  else if (tag === 11) draft.inputs.push(pbf.readMessage(readValueInfo, info()));
  else if (tag === 12) draft.outputs.push(pbf.readMessage(readValueInfo, info()));
}

function readModelField(tag: number, draft: ModelDraft, pbf: PbfReader): void {
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
    // `ai.onnx` is another name of the standard set
    draft.operatorSets.set(set.domain === 'ai.onnx' ? '' : set.domain, set.version);
  } else if (tag === 14) {
    const { key, value } = readPair(pbf);
    draft.metadata[key] = value;
  }
}

/**
 * Reads the messages of a file.
 * @throws {Error} of any kind if the bytes are not protobuf; decode.ts gives it a code
 */
export function readModel(bytes: Uint8Array): FileModel {
  const draft: ModelDraft = {
    producer: '',
    operatorSets: new Map(),
    nodes: [],
    initializers: [],
    inputs: [],
    outputs: [],
    metadata: {},
  };
  const reader = new PbfReader(bytes);
  reader.readFields(readModelField, draft);
  // a length that leads past the end is skipped silently: this is how a file that was cut off shows
  if (reader.pos > bytes.length) throw new RangeError(`it ends ${reader.pos - bytes.length} bytes too early`);
  return draft;
}
