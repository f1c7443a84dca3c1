/**
 * A model whose weights are stored in half precision: every large float32 initializer becomes a float16 one, and a Cast
 * in front of the graph makes float32 of it, which runtimes do once, when they load the file. All else stays byte for
 * byte. The file takes half the space, and computes as before with weights rounded to 11 significant bits.
 */
import { PbfWriter } from 'pbf';
import { joinBytes } from '../core/bytes.ts';
import { toFloat16 } from '../core/float16.ts';
import { bytesField, editMessage, FIELD } from './edit.ts';
import { type FileTensor, readModel } from './read-model.ts';
import { tensorContent } from './tensor-content.ts';

/** Smaller tensors stay: a Cast takes more room than they save. */
const FEWEST_VALUES = 64;
/** Largest number in half precision. */
const LARGEST_HALF = 65_504;
const FLOAT32 = 1;
const FLOAT16 = 10;
const ATTRIBUTE_INT = 2;

/** Field numbers of onnx.proto3. */
const GRAPH = { node: 1, initializer: 5 } as const;

/** A tensor in half precision, as protobuf; undefined where it stays. */
function halfTensor(tensor: FileTensor, name: string): Uint8Array | undefined {
  if (tensor.elementType !== FLOAT32) return undefined;
  const content = tensorContent(tensor);
  if (content === undefined || content.data.length < FEWEST_VALUES) return undefined;
  const values = Float32Array.from(content.data);
  if (!values.every(value => Math.abs(value) <= LARGEST_HALF)) return undefined;
  const halves = toFloat16(values);
  const pbf = new PbfWriter();
  for (const size of tensor.shape) pbf.writeVarintField(1, size);
  pbf.writeVarintField(2, FLOAT16);
  pbf.writeStringField(8, name);
  pbf.writeBytesField(9, new Uint8Array(halves.buffer));
  return pbf.finish();
}

/** A node that makes float32 of a tensor. */
function castNode(from: string, to: string): Uint8Array {
  const pbf = new PbfWriter();
  pbf.writeStringField(1, from);
  pbf.writeStringField(2, to);
  pbf.writeStringField(3, `Cast|${to}`);
  pbf.writeStringField(4, 'Cast');
  pbf.writeMessage(
    5,
    (_, attribute) => {
      attribute.writeStringField(1, 'to');
      attribute.writeVarintField(3, FLOAT32);
      attribute.writeVarintField(20, ATTRIBUTE_INT);
    },
    undefined,
  );
  return pbf.finish();
}

/**
 * The model with its weights in half precision.
 * @param bytes with all weights inside
 * @returns the model, and how many tensors were rounded
 */
export function halfForm(bytes: Uint8Array): { readonly bytes: Uint8Array; readonly tensors: number } {
  const { initializers, inputs, nodes } = readModel(bytes);
  // an initializer that is also an input may be fed, and keeps its type
  const fed = new Set(inputs.map(({ name }) => name));
  const taken = new Set([...initializers.map(({ name }) => name), ...nodes.flatMap(({ outputs }) => outputs)]);
  const names = initializers.map(({ name }) => {
    let half = `${name}.float16`;
    while (taken.has(half)) half += '_';
    taken.add(half);
    return half;
  });
  const halves = initializers.map((tensor, index) =>
    fed.has(tensor.name) ? undefined : halfTensor(tensor, names[index] as string),
  );
  const casts = initializers.flatMap(({ name }, index) =>
    halves[index] === undefined ? [] : bytesField(GRAPH.node, castNode(names[index] as string, name)),
  );
  let next = 0;
  const edited = editMessage(bytes, (field, graph) => {
    if (field !== FIELD.modelGraph) return 'keep';
    const rest = editMessage(graph, part => (part === GRAPH.initializer ? (halves[next++] ?? 'keep') : 'keep'));
    return joinBytes([...casts, rest]);
  });
  return { bytes: edited, tensors: halves.filter(half => half !== undefined).length };
}
