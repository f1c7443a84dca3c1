/** What of a source fits onto a network: by name and shape, and the last layer class by class. */
import { describe, expect, it } from 'vitest';
import { fitStart, type StartedNetwork } from '../../../src/experiment/start/fit.ts';
import type { StartSource } from '../../../src/experiment/start/source.ts';
import type { ParameterSpec } from '../../../src/nn/parameters.ts';

const spec = (name: string, shape: readonly number[]): ParameterSpec => ({
  name,
  shape,
  initializer: { kind: 'constant', value: 0 },
  role: name.endsWith('weight') ? 'kernel' : 'vector',
});

const network: StartedNetwork = {
  specs: [spec('a.weight', [2, 1]), spec('b.weight', [2, 2]), spec('head.weight', [3, 2]), spec('head.bias', [3])],
  classParameters: new Set(['head.weight', 'head.bias']),
  classes: ['background', 'liver', 'tumour'],
};

function source(classes: readonly string[] | undefined, tensors: Record<string, [number[], number[]]>): StartSource {
  return {
    path: 'm.onnx',
    sha256: '',
    classes,
    facts: undefined,
    tensors: new Map(
      Object.entries(tensors).map(([name, [shape, data]]) => [name, { shape, data: Float32Array.from(data) }]),
    ),
  };
}

const HEAD: Record<string, [number[], number[]]> = {
  'head.weight': [
    [3, 2],
    [1, 2, 3, 4, 5, 6],
  ],
  'head.bias': [[3], [7, 8, 9]],
};

describe('fitStart', () => {
  it('takes parameters of the same name and shape, and names the others', () => {
    const theta = new Float32Array(15).fill(-1);
    const fit = fitStart(theta, network, {
      ...source(['background', 'liver', 'tumour'], {
        'a.weight': [
          [2, 1],
          [1, 2],
        ],
        'b.weight': [[1, 2, 2], Array<number>(4).fill(0)],
        'c.weight': [[1], [0]],
        c7: [[1], [0]],
      }),
    });
    expect([...theta]).toEqual([1, 2, ...Array<number>(13).fill(-1)]);
    expect(fit).toEqual({
      fitted: ['a.weight'],
      partly: [],
      classes: [],
      newClasses: ['background', 'liver', 'tumour'],
      otherShape: [{ name: 'b.weight', shape: [2, 2], source: [1, 2, 2] }],
      missing: ['head.weight', 'head.bias'],
      unused: ['c.weight'],
    });
  });

  it('takes the rows of a head by the names of the classes, wherever they stand', () => {
    const theta = new Float32Array(15).fill(-1);
    const fit = fitStart(theta, network, source(['tumour', 'kidney', 'background'], HEAD));
    expect([...theta.slice(6)]).toEqual([5, 6, -1, -1, 1, 2, 9, -1, 7]);
    expect(fit).toMatchObject({
      fitted: [],
      partly: ['head.weight', 'head.bias'],
      classes: ['background', 'tumour'],
      newClasses: ['liver'],
    });
  });

  it('takes a head of fewer or more classes, and one in another order whole', () => {
    const theta = new Float32Array(15).fill(-1);
    const two = source(['background', 'liver'], { 'head.bias': [[2], [7, 8]] });
    expect(fitStart(theta, network, two).partly).toEqual(['head.bias']);
    expect([...theta.slice(12)]).toEqual([7, 8, -1]);
    expect(fitStart(theta, network, source(['liver', 'tumour', 'background'], HEAD)).fitted).toEqual([
      'head.weight',
      'head.bias',
    ]);
    expect([...theta.slice(12)]).toEqual([9, 7, 8]);
  });

  it('takes a head that nobody has named only if it has as many classes', () => {
    const theta = new Float32Array(15).fill(-1);
    expect(fitStart(theta, network, source(undefined, HEAD)).fitted).toEqual(['head.weight', 'head.bias']);
    const two = source(undefined, { 'head.bias': [[2], [1, 2]] });
    expect(fitStart(theta, network, two)).toMatchObject({ fitted: [], partly: [], classes: [] });
    expect([...theta.slice(12)]).toEqual([7, 8, 9]);
    // names that are not as many as the rows say nothing about them
    const wrong = source(['liver'], { 'head.bias': [[2], [1, 2]] });
    expect(fitStart(theta, network, wrong).classes).toEqual([]);
  });
});
