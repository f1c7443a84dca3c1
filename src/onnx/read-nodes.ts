/** The nodes and weights of an .onnx file, as far as import.ts needs them. Field numbers are those of onnx.proto3. */
import { PbfReader } from 'pbf';
import { elementCount } from '../core/shape.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { ONNX_TYPES } from './model.ts';

/** A tensor of the file; undefined where its elements are of another type, or not in the file. */
export type FileTensor = Tensor<'float32'> | Tensor<'int64'> | undefined;

/** What the file says of an attribute; the field that its kind uses is filled. */
interface FileAttribute {
  float: number;
  int: number;
  text: string;
  ints: number[];
  tensor: FileTensor;
}

/** A node as the file has it. */
export interface FileNode {
  readonly op: string;
  readonly domain: string;
  /** Tensor names; an empty string is an operand left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, FileAttribute>;
}

/** The graph of a file. */
export interface FileGraph {
  /** In topological order, as ONNX demands. */
  readonly nodes: readonly FileNode[];
  readonly initializers: ReadonlyMap<string, FileTensor>;
}

interface TensorDraft {
  shape: number[];
  type: number;
  name: string;
  floats: number[];
  ints: number[];
  raw: Uint8Array | undefined;
}

function readTensor(tag: number, draft: TensorDraft, pbf: PbfReader): void {
  const isPacked = pbf.type === 2;
  if (tag === 1) isPacked ? pbf.readPackedVarint(draft.shape, true) : draft.shape.push(pbf.readVarint(true));
  else if (tag === 2) draft.type = pbf.readVarint();
  else if (tag === 4) isPacked ? pbf.readPackedFloat(draft.floats) : draft.floats.push(pbf.readFloat());
  else if (tag === 7) isPacked ? pbf.readPackedVarint(draft.ints, true) : draft.ints.push(pbf.readVarint(true));
  else if (tag === 8) draft.name = pbf.readString();
  else if (tag === 9) draft.raw = pbf.readBytes();
}

function namedTensor(pbf: PbfReader): readonly [string, FileTensor] {
  const empty: TensorDraft = { shape: [], type: 0, name: '', floats: [], ints: [], raw: undefined };
  const { shape, type, name, floats, ints, raw } = pbf.readMessage(readTensor, empty);
  const count = elementCount(shape);
  // a copy, since raw bytes may begin anywhere; undefined where they are not as long as the shape says
  const rawOf = (bytes: number): ArrayBuffer | undefined =>
    raw?.length === count * bytes ? new Uint8Array(raw).buffer : undefined;
  if (type === ONNX_TYPES.float32) {
    const bytes = rawOf(4);
    const data = bytes === undefined ? Float32Array.from(floats) : new Float32Array(bytes);
    return [name, data.length === count ? tensor('float32', data, shape) : undefined];
  }
  if (type === ONNX_TYPES.int64) {
    const bytes = rawOf(8);
    const data = bytes === undefined ? BigInt64Array.from(ints, BigInt) : new BigInt64Array(bytes);
    return [name, data.length === count ? tensor('int64', data, shape) : undefined];
  }
  return [name, undefined];
}

function readAttribute(tag: number, draft: FileAttribute & { name: string }, pbf: PbfReader): void {
  if (tag === 1) draft.name = pbf.readString();
  else if (tag === 2) draft.float = pbf.readFloat();
  else if (tag === 3) draft.int = pbf.readVarint(true);
  else if (tag === 4) draft.text = pbf.readString();
  else if (tag === 5) draft.tensor = namedTensor(pbf)[1];
  else if (tag === 8) {
    if (pbf.type === 2) pbf.readPackedVarint(draft.ints, true);
    else draft.ints.push(pbf.readVarint(true));
  }
}

interface NodeDraft {
  inputs: string[];
  outputs: string[];
  op: string;
  domain: string;
  attributes: Map<string, FileAttribute>;
}

function readNode(tag: number, draft: NodeDraft, pbf: PbfReader): void {
  if (tag === 1) draft.inputs.push(pbf.readString());
  else if (tag === 2) draft.outputs.push(pbf.readString());
  else if (tag === 4) draft.op = pbf.readString();
  else if (tag === 7) draft.domain = pbf.readString();
  else if (tag === 5) {
    const empty = { name: '', float: 0, int: 0, text: '', ints: [], tensor: undefined };
    const { name, ...attribute } = pbf.readMessage(readAttribute, empty as FileAttribute & { name: string });
    draft.attributes.set(name, attribute);
  }
}

/** Reads the graph of a file that decode.ts has accepted, with its weights inside. */
export function readNodes(bytes: Uint8Array): FileGraph {
  const nodes: FileNode[] = [];
  const initializers = new Map<string, FileTensor>();
  new PbfReader(bytes).readFields((field, _, model) => {
    if (field !== 7) return;
    model.readMessage((tag, __, pbf) => {
      if (tag === 1) {
        nodes.push(pbf.readMessage(readNode, { inputs: [], outputs: [], op: '', domain: '', attributes: new Map() }));
      } else if (tag === 5) {
        const [name, value] = namedTensor(pbf);
        initializers.set(name, value);
      }
    }, undefined);
  }, undefined);
  return { nodes, initializers };
}
