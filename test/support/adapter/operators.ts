/**
 * Program: every operator as graphics cards get it, run by WebGPU and held against the evaluator in float64. Prints the
 * largest relative error of every case by operator, and the operators that ran on the processor.
 */
import { argv, exit, stdout } from 'node:process';
import type { tensor } from '../../../src/core/tensor.ts';
import { GraphBuilder, type Value } from '../../../src/graph/graph.ts';
import type { OpName } from '../../../src/graph/ops.ts';
import { encodeModel } from '../../../src/onnx/encode.ts';
import { lower } from '../../../src/onnx/lower.ts';
import { loadRuntime, onGpu } from '../../../src/platform/node/engine-parts.ts';
import { relativeError } from '../central-difference.ts';
import { evaluate } from '../evaluate.ts';
import { draw, OPERATOR_CASES, toTensor } from '../operator-cases.ts';

const onCpu: string[] = [];
const engine = onGpu(await loadRuntime(), 'webgpu', {
  threads: 1,
  onFallback: placement => onCpu.push(...placement.onCpu.keys()),
});
const errors: Record<string, Record<string, number>> = {};
for (const op of argv.slice(2) as OpName[]) {
  const builder = new GraphBuilder();
  const outputs: Record<string, Value> = {};
  const exact: Record<string, Float64Array> = {};
  const feeds: Record<string, ReturnType<typeof tensor>> = {};
  for (const { name, operands, build } of OPERATOR_CASES[op]) {
    const inputs = operands.map((operand, index) => {
      const key = `${name}.${index}`;
      exact[key] = draw(operand, name, index);
      feeds[key] = toTensor(exact[key], operand.dataType, operand.shape);
      return builder.input(key, operand.shape, operand.dataType);
    });
    outputs[name] = build(builder, inputs);
  }
  const session = await engine.load(encodeModel(lower({ outputs }, engine)));
  const results = await session.run(feeds);
  const expected = evaluate(outputs, exact);
  errors[op] = Object.fromEntries(
    Object.entries(expected).map(([name, values]) => [
      name,
      relativeError(results[name]?.data as ArrayLike<number>, values),
    ]),
  );
  await session.dispose();
}
stdout.write(JSON.stringify({ errors, onCpu }), () => exit(0));
