import { describe, expect, it } from 'vitest';
import { InputError } from '../../../src/core/errors.ts';
import { random } from '../../../src/core/random.ts';
import { decodeModel } from '../../../src/onnx/decode.ts';
import { encodeModel } from '../../../src/onnx/encode.ts';
import { tensorContent } from '../../../src/onnx/tensor-content.ts';
import { countAllocations } from '../../support/allocations.ts';

/** y = x w + x, with a dimension by name, metadata, and an operator of another domain. */
const model = encodeModel({
  nodes: [
    { name: 'product', op: 'MatMul', inputs: ['x', 'w'], outputs: ['xw'], attributes: {} },
    { name: 'sum', op: 'Add', inputs: ['xw', 'x'], outputs: ['s'], attributes: {} },
    { name: 'more', op: 'Add', domain: 'org.example', inputs: ['s', 'x'], outputs: ['y'], attributes: {} },
  ],
  initializers: [{ name: 'w', dataType: 'float32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
  inputs: [{ name: 'x', dataType: 'float32', shape: ['N', 2] }],
  outputs: [{ name: 'y', dataType: 'float32', shape: ['N', 2] }],
  metadata: { voxstill: '{"classes":["background","hippocampus, ant\u00e9rieur"]}', note: 'short' },
});

/** E_MODEL_CORRUPT as such, or a summary of which every field has its type; anything else fails the test. */
function outcome(bytes: Uint8Array): 'corrupt' | 'summary' {
  try {
    const { inputs, outputs, initializers, operators, operatorSets, producer, metadata } = decodeModel(bytes, 'm.onnx');
    for (const { name, elementType, shape } of [...inputs, ...outputs, ...initializers]) {
      expect([typeof name, typeof elementType]).toEqual(['string', 'number']);
      expect(shape.every(size => typeof size === 'string' || Number.isFinite(size))).toBe(true);
    }
    expect(operators.size).toBeGreaterThan(0);
    expect(operatorSets.size).toBeGreaterThan(0);
    expect([producer, ...Object.values(metadata)].every(text => typeof text === 'string')).toBe(true);
    return 'summary';
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    expect(error.code).toBe('E_MODEL_CORRUPT');
    expect(error.message).toContain('m.onnx');
    return 'corrupt';
  }
}

describe('decodeModel', () => {
  it('reads back what the encoder wrote', () => {
    const { nodes, initializers, ...decoded } = decodeModel(model, 'm.onnx');
    expect(decoded).toEqual({
      producer: 'voxstill',
      operatorSets: new Map([
        ['', 17],
        ['org.example', 1],
      ]),
      inputs: [{ name: 'x', elementType: 1, shape: ['N', 2] }],
      outputs: [{ name: 'y', elementType: 1, shape: ['N', 2] }],
      external: [undefined],
      customOperators: ['org.example:Add'],
      results: ['xw', 's', 'y'],
      operators: new Map([
        ['MatMul', 1],
        ['Add', 2],
      ]),
      metadata: { voxstill: '{"classes":["background","hippocampus, ant\u00e9rieur"]}', note: 'short' },
    });
    expect(nodes.map(({ op, domain, inputs, outputs }) => [op, domain, inputs, outputs])).toEqual([
      ['MatMul', '', ['x', 'w'], ['xw']],
      ['Add', '', ['xw', 'x'], ['s']],
      ['Add', 'org.example', ['s', 'x'], ['y']],
    ]);
    expect(initializers.map(({ name, elementType }) => [name, elementType])).toEqual([['w', 1]]);
    expect(tensorContent(initializers[0]!)).toEqual({ shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) });
  });

  it('refuses a file that was cut off, wherever the cut is not between two entries at the end', () => {
    const metadataEntry = (key: string, value: string): number => 6 + new TextEncoder().encode(key + value).length;
    const lastEntry = model.length - metadataEntry('note', 'short');
    const kept: number[] = [];
    for (let length = 0; length < model.length; length++) {
      if (outcome(model.subarray(0, length)) === 'summary') kept.push(length);
    }
    expect(kept).toContain(lastEntry);
    // an operator set, then two metadata entries: only at their borders is the rest a whole file
    expect(kept.length).toBeLessThanOrEqual(3);
  });

  it('refuses what is not protobuf at all', () => {
    const text = new TextEncoder().encode('{"this": "is JSON, not a model"}');
    expect([new Uint8Array(0), new Uint8Array(1000), new Uint8Array(1000).fill(255), text].map(outcome)).toEqual(
      new Array(4).fill('corrupt'),
    );
  });

  it('refuses noise and survives 200 damaged models', () => {
    const source = random(7, 'damage');
    const outcomes = Array.from({ length: 200 }, () => {
      const damaged = model.slice(0, source.integer(4) === 0 ? source.integer(model.length) : model.length);
      for (let count = source.integer(8); count >= 0 && damaged.length > 0; count--) {
        damaged[source.integer(damaged.length)] = source.integer(256);
      }
      return outcome(damaged);
    });
    expect(new Set(outcomes)).toEqual(new Set(['corrupt', 'summary']));
    const noise = Uint8Array.from({ length: 4096 }, () => source.integer(256));
    expect(outcome(noise)).toBe('corrupt');
  });

  it('refuses a length far beyond the file without taking memory for it', () => {
    // graph (field 7) of 2^31 bytes; initializer (5) in it with packed dims (1) of 2^31 bytes
    const huge = [0xff, 0xff, 0xff, 0xff, 0x07];
    const bytes = Uint8Array.of(0x3a, ...huge, 0x2a, ...huge, 0x0a, ...huge, 1, 2, 3);
    const { result, bytes: allocated } = countAllocations(() => outcome(bytes));
    expect(result).toBe('corrupt');
    expect(allocated).toBeLessThan(1000);
  });
});
