/** Names of nodes say which value of the graph they are for: the runtime's profile adds up by them. */
import { describe, expect, it } from 'vitest';
import { reachable } from '../../../src/graph/graph.ts';
import { collectParameters } from '../../../src/nn/parameters.ts';
import { unet } from '../../../src/nn/unet.ts';
import { Emitter } from '../../../src/onnx/emitter.ts';
import { lower } from '../../../src/onnx/lower.ts';
import { buildForward } from '../../../src/training/forward.ts';

const tagOf = ({ name }: { readonly name: string }): string => name.slice(0, name.indexOf('|'));

describe('a tag', () => {
  it('holds for what is emitted within, until another is set inside, and not beyond', () => {
    const emit = new Emitter([]);
    const one = emit.float(1);
    const inner = emit.tagged({ tag: 'outer' }, () => {
      const first = emit.unary('Neg', one);
      const second = emit.tagged({ tag: 'inner' }, () => emit.unary('Exp', first));
      return emit.unary('Sqrt', second);
    });
    const { nodes } = emit.finish([], { y: emit.unary('Abs', inner) });
    expect(nodes.map(node => [node.op, tagOf(node)])).toEqual([
      ['Neg', 'outer'],
      ['Exp', 'inner'],
      ['Sqrt', 'outer'],
      ['Abs', ''],
      ['Identity', 'output'],
    ]);
  });

  it('is left where building fails', () => {
    const emit = new Emitter([]);
    expect(() =>
      emit.tagged({ tag: 'broken' }, () => {
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(emit.finish([], { y: emit.unary('Neg', emit.float(1)) }).nodes.map(tagOf)).toEqual(['', 'output']);
  });
});

describe('the nodes of a lowered network', () => {
  const imageShape = [1, 1, 8, 8, 8];
  const network = unet({
    features: [4, 8],
    convolutionsPerLevel: 2,
    normalization: 'instance',
    negativeSlope: 0.01,
    classes: 3,
  });
  const graph = buildForward({ network, specs: collectParameters(network, imageShape) }, imageShape);
  const known = new Set(reachable(Object.values(graph.outputs)).map(({ tag }) => tag));

  it.each([0, 8, 16])('have the tags of the graph, convolutions those of their layers, with a block of %i', block => {
    const nodes = lower(graph, { block }).nodes.filter(node => tagOf(node) !== 'output');
    expect(nodes.map(tagOf).filter(tag => !known.has(tag))).toEqual([]);
    const convolutions = nodes.filter(({ op }) => op === 'Conv').map(tagOf);
    const layers = ['encoder0', 'encoder1', 'decoder0'].flatMap(level => [`${level}.conv0`, `${level}.conv1`]);
    expect([...new Set(convolutions)].filter(tag => /conv\d/.test(tag)).sort()).toEqual(
      layers.map(layer => `model/${layer}`).sort(),
    );
  });
});
