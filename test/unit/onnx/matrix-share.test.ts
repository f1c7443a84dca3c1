/** How much arithmetic is in products of matrices, against a count by hand; and the lowering for graphics cards. */
import { describe, expect, it } from 'vitest';
import { PLAIN_CONVOLUTION } from '../../../src/graph/convolution.ts';
import { GraphBuilder } from '../../../src/graph/graph.ts';
import { Emitter } from '../../../src/onnx/emitter.ts';
import { encodeModel } from '../../../src/onnx/encode.ts';
import { convolveFolded } from '../../../src/onnx/folded/conv.ts';
import { assertSafeAsExported, notRecompiled } from '../../../src/onnx/folded-form.ts';
import { lower } from '../../../src/onnx/lower.ts';
import { matrixShare } from '../../../src/onnx/matrix-share.ts';

const IMAGE = [2, 3, 4, 5, 6];

function convolution(group = 1) {
  const builder = new GraphBuilder();
  const [x, w] = [builder.input('x', IMAGE), builder.input('w', [6, 3 / group, 3, 3, 3])];
  return { outputs: { y: builder.apply('Conv', [x, w], { ...PLAIN_CONVOLUTION, group }) } };
}

describe('the share in products of matrices', () => {
  const work = 2 * 6 * (4 * 5 * 6) * 3 * 27;

  it('is none of a convolution of volumes, and all of the same one for a graphics card', () => {
    expect(matrixShare(lower(convolution(), { block: 0 }))).toEqual({ multiplyAdds: work, inMatrices: 0 });
    const folded = matrixShare(lower(convolution(), { block: 0, folded: true }));
    expect(folded).toEqual({ multiplyAdds: work, inMatrices: work });
  });

  it('has no convolution in groups', () => {
    const { multiplyAdds, inMatrices } = matrixShare(lower(convolution(3), { block: 0, folded: true }));
    expect([multiplyAdds, inMatrices]).toEqual([work / 3, 0]);
  });
});

describe('the lowering for graphics cards', () => {
  it('makes copies of the image for few taps at once where they would be too large', () => {
    const nodesAt = (mostBytes: number): number => {
      const emit = new Emitter(['x', 'w', 'y']);
      const x = { name: 'x', shape: IMAGE, dataType: 'float32' } as const;
      const w = { name: 'w', shape: [6, 3, 3, 3, 3], dataType: 'float32' } as const;
      const model = emit.finish([], { y: convolveFolded(emit, [x, w], PLAIN_CONVOLUTION, mostBytes) });
      return model.nodes.filter(({ op }) => op === 'Conv').length;
    };
    expect([nodesAt(2 ** 20), nodesAt(4 * 720), nodesAt(2 * 4 * 720)]).toEqual([1, 3, 2]);
  });
});

describe('a model that runs as exported', () => {
  function normalized(epsilon: number): Uint8Array {
    const builder = new GraphBuilder();
    const [x, one] = [builder.input('x', IMAGE), builder.float([1, 1, 1], [3])];
    const y = builder.apply('InstanceNormalization', [x, one, one], { epsilon });
    return encodeModel(lower({ outputs: { y } }, { block: 0 }));
  }

  it("is refused where WebGPU's normalisation would take another epsilon", () => {
    expect(() => assertSafeAsExported(normalized(1e-5), 'm.onnx', 'never')).not.toThrow();
    expect(() => assertSafeAsExported(normalized(1e-3), 'm.onnx', notRecompiled('a reason'))).toThrow(
      expect.objectContaining({ code: 'E_DEVICE', message: expect.stringContaining('(a reason)') }),
    );
  });
});
