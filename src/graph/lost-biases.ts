/**
 * Leaves out numbers per channel that are added just before an instance normalisation, which takes every channel's mean
 * away again. Exact, and more so than what it replaces. For models that only run forward: such a bias has no gradient,
 * but a training keeps it as a parameter.
 */
import { type Graph, type GraphBuilder, isOp, type Value } from './graph.ts';
import { rewrite } from './rewrite.ts';

/** A number per channel, the same in every sample: [1, C, 1, 1, 1]. */
const isBias = ({ shape }: Value): boolean =>
  shape.length === 5 && shape.every((size, axis) => axis === 1 || size === 1);

/** The image without what was added to its channels. */
function withoutBias(image: Value): Value {
  if (!isOp(image, 'Add')) return image;
  const [first, second] = image.inputs as readonly [Value, Value];
  const rest = isBias(second) ? first : isBias(first) ? second : undefined;
  return rest !== undefined && String(rest.shape) === String(image.shape) ? withoutBias(rest) : image;
}

/** Copies the graph into `builder` without biases that are lost. */
export function dropLostBiases(builder: GraphBuilder, graph: Graph): Graph {
  return rewrite(builder, graph, (_, value, [image, scale, bias]) => {
    if (!isOp(value, 'InstanceNormalization')) return undefined;
    return builder.apply(
      'InstanceNormalization',
      [withoutBias(image as Value), scale as Value, bias as Value],
      value.attributes,
    );
  });
}
