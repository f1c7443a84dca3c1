/**
 * Estimates the peak memory of a model's activations from its file: the sizes of its intermediate images by the shape
 * rules of the common operators, and how long each one lives when nodes run in the order of the file. Arrays are [N, C,
 * spatial...]. It ignores what a runtime adds (scratch, alignment, unused memory). Operators with unknown rules count
 * as if their output were as large as their largest input.
 */
import { type FileNode, readModel } from './read-model.ts';
import { type Known, tensorContent } from './tensor-content.ts';

/** Number of channels, then the sizes of the spatial axes. */
type Size = readonly number[];

/** Scales of a Resize are at most five numbers; weights are not looked at. */
const FEW = 8;

const voxelsOf = (size: Size): number => size.reduce((product, length) => product * length, 1);

function largest(sizes: readonly Size[]): Size {
  return sizes.reduce((best, size) => (voxelsOf(size) > voxelsOf(best) ? size : best), [0]);
}

/** Spatial sizes after a window of a convolution or a pooling went over them. */
function slid(spatial: Size, kernel: Size, node: FileNode): Size {
  const ints = (name: string): readonly number[] => node.attributes.get(name)?.ints ?? [];
  const [strides, pads, dilations] = [ints('strides'), ints('pads'), ints('dilations')];
  const isSame = node.attributes.get('auto_pad')?.text.startsWith('SAME') === true;
  return spatial.map((length, axis) => {
    const stride = strides[axis] ?? 1;
    if (isSame) return Math.ceil(length / stride);
    const reach = (dilations[axis] ?? 1) * ((kernel[axis] ?? 1) - 1) + 1;
    const padded = length + (pads[axis] ?? 0) + (pads[axis + spatial.length] ?? 0);
    return Math.max(1, Math.floor((padded - reach) / stride) + 1);
  });
}

/** Facts about an initializer: its shape, and its values if they are few. */
interface Constant {
  readonly shape: Size;
  readonly values: Known['data'] | readonly never[];
}

function outputSize(node: FileNode, inputs: readonly Size[], constants: ReadonlyMap<string, Constant>): Size {
  const first = inputs[0] ?? [0];
  const [channels = 0, ...spatial] = first;
  const ints = (name: string): readonly number[] => node.attributes.get(name)?.ints ?? [];
  const weights = constants.get(node.inputs[1] ?? '')?.shape ?? [];
  switch (node.op) {
    case 'Conv':
      return [weights[0] ?? channels, ...slid(spatial, weights.slice(2), node)];
    case 'ConvTranspose': {
      const group = node.attributes.get('group')?.int ?? 1;
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
      const scales = node.inputs.flatMap(name => [...(constants.get(name)?.values ?? [])]).slice(2);
      return [channels, ...spatial.map((length, axis) => Math.round(length * (scales[axis] ?? 2)))];
    }
    default:
      return largest(inputs);
  }
}

/**
 * The most bytes that input and activations of a model take together while it runs once on one window.
 * @param model an ONNX file that `decodeModel` has read
 * @param options.channels number of input channels
 * @param options.window spatial sizes of the input, in the order of the model's axes
 */
export function activationBytes(
  model: Uint8Array,
  { inputName, channels, window }: { readonly inputName: string; readonly channels: number; readonly window: Size },
): number {
  const { nodes, initializers } = readModel(model);
  const constants = new Map(
    initializers.map(tensor => {
      const isSmall = tensor.shape.length === 1 && (tensor.shape[0] ?? 0) <= FEW;
      return [tensor.name, { shape: tensor.shape, values: (isSmall && tensorContent(tensor)?.data) || [] }] as const;
    }),
  );
  const lastUse = new Map<string, number>();
  nodes.forEach(({ inputs }, index) => {
    for (const name of inputs) lastUse.set(name, index);
  });
  const live = new Map<string, Size>([[inputName, [channels, ...window]]]);
  let [now, most] = [voxelsOf([channels, ...window]), 0];
  nodes.forEach((node, index) => {
    const inputs = node.inputs.flatMap(name => {
      const size = live.get(name);
      return size === undefined ? [] : [size];
    });
    if (inputs.length > 0) {
      const size = outputSize(node, inputs, constants);
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
