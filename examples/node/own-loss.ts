/**
 * A training loop with a loss of your own: the Tversky loss, 1 - TP / (TP + a FP + b FN), which weighs missed voxels
 * (FN) and false ones (FP) apart. The loss is built as a graph, differentiated as a graph, and the whole step runs in
 * ONNX Runtime: `node own-loss.js`. Source of the loss: arXiv:1706.05721.
 */
import {
  collectParameters,
  decompose,
  encodeModel,
  GraphBuilder,
  gradient,
  initialize,
  lower,
  type ParameterSource,
  parameterCount,
  random,
  tensor,
  unet,
  type Value,
} from 'voxstill';
import { createNodeEngine } from 'voxstill/node';

const SIZE = [1, 1, 16, 16, 16] as const;
const LEARNING_RATE = 0.5;
const STEPS = 40;

/** @param probability of the foreground; @param target 0 or 1; both [N, 1, D, H, W] */
function tverskyLoss(builder: GraphBuilder, probability: Value, target: Value): Value {
  const [falsePositives, falseNegatives] = [0.3, 0.7];
  const hit = builder.total(builder.mul(probability, target));
  const wrong = builder.sub(builder.total(probability), hit);
  const missed = builder.sub(builder.total(target), hit);
  const all = builder.add(hit, builder.add(builder.mul(wrong, falsePositives), builder.mul(missed, falseNegatives)));
  return builder.sub(1, builder.div(hit, builder.add(all, 1e-5)));
}

const network = unet({
  features: [4, 8],
  convolutionsPerLevel: 1,
  normalization: 'instance',
  negativeSlope: 0,
  classes: 1,
});
const specs = collectParameters(network, SIZE);

// one step as a graph: forward pass, loss, derivative, update
const builder = new GraphBuilder();
const theta = builder.input('theta', [parameterCount(specs)]);
const [image, target] = [builder.input('image', SIZE), builder.input('target', SIZE)];
let start = 0;
const values = new Map(
  specs.map(({ name, shape }) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const value = builder.reshape(builder.slice(theta, 0, start, start + count), shape);
    start += count;
    return [name, value] as const;
  }),
);
const parameters: ParameterSource = { training: true, get: ({ name }) => values.get(name) as Value, update: () => {} };
const loss = tverskyLoss(builder, builder.sigmoid(network(builder, image, parameters)), target);
const [slope] = gradient(builder, loss, [theta]);
const next = builder.sub(theta, builder.mul(slope as Value, LEARNING_RATE));
const step = lower(decompose(new GraphBuilder(), { outputs: { loss, next } }), { block: 0 });

// a bright ball in noise
const noise = random(1, 'noise');
const inBall = (index: number): boolean => {
  const [x, y, z] = [index % 16, Math.floor(index / 16) % 16, Math.floor(index / 256)];
  return (x - 8) ** 2 + (y - 7) ** 2 + (z - 6) ** 2 < 20;
};
const ball = Float32Array.from({ length: 16 ** 3 }, (_, index) => (inBall(index) ? 1 : 0));
const feeds = {
  image: tensor(
    'float32',
    ball.map(value => value + 0.5 * noise.normal()),
    SIZE,
  ),
  target: tensor('float32', ball, SIZE),
};

const session = await (await createNodeEngine()).load(encodeModel(step));
let weights = tensor(
  'float32',
  initialize(specs, name => random(1, name)),
  [parameterCount(specs)],
);
for (let number = 1; number <= STEPS; number++) {
  const results = await session.run({ ...feeds, theta: weights });
  weights = results['next'] as typeof weights;
  if (number === 1 || number === STEPS)
    console.log(`step ${number}: loss ${Number(results['loss']?.data[0]).toFixed(3)}`);
}
await session.dispose();
