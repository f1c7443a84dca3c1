/**
 * How much memory the activations of a model take at one time, estimated from its file: the sizes of its intermediate images by the shape
 * rules of the common operators, and how long each one lives when nodes run in the order of the file. Arrays are [N, C, spatial...].
 * It does not know what a runtime adds (scratch, alignment, unused memory), nor operators that change sizes in ways of their own: their
 * output counts as their largest input.
 */
import { PbfReader } from 'pbf';

interface Attribute {
  name: string;
  int: number;
  ints: number[];
  text: string;
}

interface FileNode {
  op: string;
  inputs: string[];
  outputs: string[];
  attributes: Attribute[];
}

interface FileTensor {
  name: string;
  shape: number[];
  floats: number[];
}

/** Channels, then the sizes of the spatial axes. */
type Size = readonly number[];

const decoder = new TextDecoder();
/** Scales of a Resize are at most five numbers; weights are not read. */
const FEW_BYTES = 64;

function readAttribute(tag: number, attribute: Attribute, pbf: PbfReader): void {
  if (tag === 1) attribute.name = pbf.readString();
  else if (tag === 3) attribute.int = pbf.readVarint(true);
  else if (tag === 4) attribute.text = decoder.decode(pbf.readBytes());
  else if (tag === 8) {
    if (pbf.type === 2) attribute.ints.push(...pbf.readPackedVarint([], true));
    else attribute.ints.push(pbf.readVarint(true));
  }
}

function readNode(tag: number, node: FileNode, pbf: PbfReader): void {
  if (tag === 1) node.inputs.push(pbf.readString());
  else if (tag === 2) node.outputs.push(pbf.readString());
  else if (tag === 4) node.op = pbf.readString();
  else if (tag === 5) node.attributes.push(pbf.readMessage(readAttribute, { name: '', int: 0, ints: [], text: '' }));
}

function readTensor(tag: number, tensor: FileTensor, pbf: PbfReader): void {
  if (tag === 1) {
    if (pbf.type === 2) tensor.shape.push(...pbf.readPackedVarint([], true));
    else tensor.shape.push(pbf.readVarint(true));
  } else if (tag === 4) tensor.floats.push(...pbf.readPackedFloat());
  else if (tag === 8) tensor.name = pbf.readString();
  else if (tag === 9) {
    const bytes = pbf.readBytes();
    if (bytes.length > FEW_BYTES) return;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + 4 <= bytes.length; at += 4) tensor.floats.push(view.getFloat32(at, true));
  }
}

interface FileGraph {
  readonly nodes: FileNode[];
  readonly constants: Map<string, FileTensor>;
}

function readGraph(tag: number, graph: FileGraph, pbf: PbfReader): void {
  if (tag === 1) graph.nodes.push(pbf.readMessage(readNode, { op: '', inputs: [], outputs: [], attributes: [] }));
  else if (tag === 5) {
    const tensor = pbf.readMessage(readTensor, { name: '', shape: [], floats: [] });
    graph.constants.set(tensor.name, tensor);
  }
}

const voxelsOf = (size: Size): number => size.reduce((product, length) => product * length, 1);

function largest(sizes: readonly Size[]): Size {
  return sizes.reduce((best, size) => (voxelsOf(size) > voxelsOf(best) ? size : best), [0]);
}

/** Spatial sizes after a window of a convolution or a pooling went over them. */
function slid(spatial: Size, kernel: Size, node: FileNode): Size {
  const ints = (name: string): readonly number[] => node.attributes.find(one => one.name === name)?.ints ?? [];
  const [strides, pads, dilations] = [ints('strides'), ints('pads'), ints('dilations')];
  const isSame = node.attributes.some(({ name, text }) => name === 'auto_pad' && text.startsWith('SAME'));
  return spatial.map((length, axis) => {
    const stride = strides[axis] ?? 1;
    if (isSame) return Math.ceil(length / stride);
    const reach = (dilations[axis] ?? 1) * ((kernel[axis] ?? 1) - 1) + 1;
    const padded = length + (pads[axis] ?? 0) + (pads[axis + spatial.length] ?? 0);
    return Math.max(1, Math.floor((padded - reach) / stride) + 1);
  });
}

function outputSize(node: FileNode, inputs: readonly Size[], constants: FileGraph['constants']): Size {
  const first = inputs[0] ?? [0];
  const [channels = 0, ...spatial] = first;
  const ints = (name: string): readonly number[] => node.attributes.find(one => one.name === name)?.ints ?? [];
  const weights = constants.get(node.inputs[1] ?? '')?.shape ?? [];
  switch (node.op) {
    case 'Conv':
      return [weights[0] ?? channels, ...slid(spatial, weights.slice(2), node)];
    case 'ConvTranspose': {
      const group = node.attributes.find(({ name }) => name === 'group')?.int ?? 1;
      return [
        (weights[1] ?? channels) * group,
        ...spatial.map((length, axis) => length * (ints('strides')[axis] ?? 1)),
      ];
    }
    case 'MaxPool':
    case 'AveragePool':
      return [channels, ...slid(spatial, ints('kernel_shape'), node)];
    case 'GlobalAveragePool':
    case 'ReduceMean':
    case 'Shape':
      return [channels];
    case 'Concat':
      return [inputs.reduce((sum, size) => sum + size[0]!, 0), ...largest(inputs).slice(1)];
    case 'Resize':
    case 'Upsample': {
      const scales = node.inputs.flatMap(name => constants.get(name)?.floats ?? []).slice(2);
      return [channels, ...spatial.map((length, axis) => Math.round(length * (scales[axis] ?? 2)))];
    }
    default:
      return largest(inputs);
  }
}

/**
 * The most bytes that input and activations of a model take together while it runs once on one window.
 * @param model an ONNX file that `decodeModel` has read
 * @param options.channels of the input
 * @param options.window spatial sizes of the input, in the order of the model's axes
 */
export function activationBytes(
  model: Uint8Array,
  { inputName, channels, window }: { readonly inputName: string; readonly channels: number; readonly window: Size },
): number {
  const graph: FileGraph = { nodes: [], constants: new Map() };
  new PbfReader(model).readFields((tag, _, pbf) => {
    if (tag === 7) pbf.readMessage(readGraph, graph);
  }, null);
  const lastUse = new Map<string, number>();
  graph.nodes.forEach(({ inputs }, index) => {
    for (const name of inputs) lastUse.set(name, index);
  });
  const live = new Map<string, Size>([[inputName, [channels, ...window]]]);
  let [now, most] = [voxelsOf([channels, ...window]), 0];
  graph.nodes.forEach((node, index) => {
    const inputs = node.inputs.flatMap(name => {
      const size = live.get(name);
      return size === undefined ? [] : [size];
    });
    if (inputs.length > 0) {
      const size = outputSize(node, inputs, graph.constants);
      for (const name of node.outputs) {
        live.set(name, size);
        now += voxelsOf(size);
      }
    }
    most = Math.max(most, now);
    for (const name of new Set(node.inputs)) {
      const size = live.get(name);
      if (size === undefined || lastUse.get(name) !== index) continue;
      live.delete(name);
      now -= voxelsOf(size);
    }
  });
  return most * Float32Array.BYTES_PER_ELEMENT;
}
