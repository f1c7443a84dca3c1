/** Keras's activations by name. Source: keras/src/activations/activations.py, version 3.15. */
import { lookUp } from '../../core/look-up.ts';
import type { GraphBuilder, Value } from '../../graph/graph.ts';
import type { LayerCall } from './call.ts';
import type { Settings } from './config.ts';

/** Activations by name, each as a function of the value. */
export const ACTIVATIONS: Readonly<Record<string, (builder: GraphBuilder, x: Value) => Value>> = {
  linear: (_, x) => x,
  relu: (builder, x) => builder.apply('Relu', [x], {}),
  relu6: (builder, x) => builder.apply('Clip', [x], { min: 0, max: 6 }),
  leaky_relu: (builder, x) => builder.apply('LeakyRelu', [x], { alpha: 0.2 }),
  sigmoid: (builder, x) => builder.sigmoid(x),
  softmax: (builder, x) => builder.exp(builder.apply('LogSoftmax', [x], { axis: 1 })),
  tanh: (builder, x) => builder.apply('Tanh', [x], {}),
  softplus: (builder, x) => builder.apply('Softplus', [x], {}),
  exponential: (builder, x) => builder.exp(x),
  silu: (builder, x) => builder.mul(x, builder.sigmoid(x)),
  swish: (builder, x) => builder.mul(x, builder.sigmoid(x)),
  mish: (builder, x) => builder.mul(x, builder.apply('Tanh', [builder.apply('Softplus', [x], {})], {})),
  elu: (builder, x) => elu(builder, x, 1),
};

/** x where it is positive, alpha (e^x - 1) elsewhere. */
export function elu(builder: GraphBuilder, x: Value, alpha: number): Value {
  const below = builder.mul(builder.sub(builder.exp(builder.min(x, 0)), 1), alpha);
  return builder.add(builder.apply('Relu', [x], {}), below);
}

/** The name of an activation, whatever its form in the file. */
function activationName(settings: Settings, name = 'activation'): string {
  const value = settings[name] ?? 'linear';
  const inside = typeof value === 'object' && value !== null && 'class_name' in value ? value.class_name : value;
  return String(typeof inside === 'object' ? JSON.stringify(inside) : inside);
}

/** The value after the activation that the settings name. */
export function activate(call: LayerCall, x: Value): Value {
  const name = activationName(call.settings);
  const activation = lookUp(ACTIVATIONS, name);
  return activation === undefined ? call.refuse(`has the activation ${name}`) : activation(call.builder, x);
}
