/** Shape and type rules: what fits gives this shape, what does not is refused by name with the shapes. */
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../../src/core/errors.ts';
import type { Shape } from '../../../src/core/shape.ts';
import type { DataType } from '../../../src/core/tensor.ts';
import { PLAIN_CONVOLUTION } from '../../../src/graph/convolution.ts';
import { infer } from '../../../src/graph/infer.ts';
import type { OpAttributes, OpName } from '../../../src/graph/ops.ts';

type Operand = Shape | { readonly shape: Shape; readonly dataType: DataType };
const typed = (operand: Operand) =>
  'dataType' in operand ? operand : { shape: operand, dataType: 'float32' as const };

interface Fit {
  readonly op: OpName;
  readonly operands: readonly Operand[];
  readonly attributes: OpAttributes[OpName];
  readonly shape: Shape;
  readonly dataType: DataType;
}

function fits<K extends OpName>(
  op: K,
  operands: readonly Operand[],
  attributes: OpAttributes[K],
  shape: Shape,
  dataType: DataType = 'float32',
): Fit {
  return { op, operands, attributes, shape, dataType };
}

const int = (shape: Shape): Operand => ({ shape, dataType: 'int32' });
const bool = (shape: Shape): Operand => ({ shape, dataType: 'bool' });

describe('the shape rules', () => {
  it.each([
    fits(
      'Add',
      [
        [2, 1, 4],
        [3, 1],
      ],
      {},
      [2, 3, 4],
    ),
    fits('Mul', [[], [3]], {}, [3]),
    fits('Max', [int([2]), int([2])], {}, [2], 'int32'),
    fits('Exp', [[2, 3]], {}, [2, 3]),
    fits('PRelu', [[2, 3], [3]], {}, [2, 3]),
    fits('LeakyReluGradient', [[2], [2]], { alpha: 0 }, [2]),
    fits('Equal', [int([2, 1]), int([3])], {}, [2, 3], 'bool'),
    fits('Greater', [[2], []], {}, [2], 'bool'),
    fits('Where', [bool([2, 1]), [3], []], {}, [2, 3]),
    fits('Cast', [[2]], { to: 'bool' }, [2], 'bool'),
    fits('ReduceSum', [[2, 3, 4]], { axes: [0, 2] }, [1, 3, 1]),
    fits('LogSoftmax', [[2, 3]], { axis: 1 }, [2, 3]),
    fits('Reshape', [[2, 6]], { shape: [3, 4] }, [3, 4]),
    fits('Transpose', [[2, 3, 4]], { perm: [2, 0, 1] }, [4, 2, 3]),
    fits('Slice', [[2, 5]], { axis: 1, start: 1, end: 4 }, [2, 3]),
    fits('Pad', [[2, 3]], { pads: [1, 0, 0, 2] }, [3, 5]),
    fits(
      'Concat',
      [
        [2, 1, 3],
        [2, 4, 3],
      ],
      { axis: 1 },
      [2, 5, 3],
    ),
    fits('Expand', [[3, 1]], { shape: [2, 3, 4] }, [2, 3, 4]),
    fits(
      'MatMul',
      [
        [5, 1, 2, 3],
        [4, 3, 6],
      ],
      {},
      [5, 4, 2, 6],
    ),
    fits(
      'Conv',
      [
        [2, 3, 4, 5, 6],
        [7, 3, 3, 3, 3],
      ],
      PLAIN_CONVOLUTION,
      [2, 7, 4, 5, 6],
    ),
    fits(
      'Conv',
      [
        [1, 4, 5, 5, 5],
        [6, 2, 3, 3, 3],
      ],
      { ...PLAIN_CONVOLUTION, group: 2, strides: [2, 2, 2] },
      [1, 6, 3, 3, 3],
    ),
    fits(
      'Conv',
      [
        [1, 1, 7, 7, 7],
        [1, 1, 3, 3, 3],
      ],
      { ...PLAIN_CONVOLUTION, dilations: [2, 2, 2] },
      [1, 1, 5, 5, 5],
    ),
    fits(
      'Conv',
      [
        [1, 1, 2, 3, 4],
        [1, 1, 3, 3, 3],
      ],
      { ...PLAIN_CONVOLUTION, upsample: [2, 1, 3] },
      [1, 1, 4, 3, 12],
    ),
    fits(
      'ConvTranspose',
      [
        [1, 6, 3, 3, 3],
        [6, 2, 3, 3, 3],
      ],
      { ...PLAIN_CONVOLUTION, group: 2, strides: [2, 2, 2], size: [5, 6, 5] },
      [1, 4, 5, 6, 5],
    ),
    fits(
      'ConvKernelGradient',
      [
        [2, 4, 5, 5, 5],
        [2, 6, 5, 5, 5],
      ],
      { ...PLAIN_CONVOLUTION, group: 2 },
      [6, 2, 3, 3, 3],
    ),
    fits('MaxPool', [[1, 2, 4, 6, 3]], { kernel: [2, 3, 1] }, [1, 2, 2, 2, 3]),
    fits('Resize', [[1, 2, 4, 6, 3]], { scales: [2, 1, 3] }, [1, 2, 8, 6, 9]),
    fits('InstanceNormalization', [[1, 2, 4, 6, 3], [2], [2]], { epsilon: 1e-5 }, [1, 2, 4, 6, 3]),
  ])('of $op give $shape for operands $operands', ({ op, operands, attributes, shape, dataType }) => {
    expect(infer(op, operands.map(typed), attributes)).toEqual({ shape, dataType });
  });

  const misfit = <K extends OpName>(
    op: K,
    operands: readonly Operand[],
    attributes: OpAttributes[K],
    message: string,
  ) => ({
    op: op as OpName,
    operands,
    attributes: attributes as OpAttributes[OpName],
    message,
  });

  it.each([
    misfit('Add', [[2, 3], [4]], {}, 'Add(float32 2x3, float32 4): shapes do not broadcast'),
    misfit('Sub', [[2], int([2])], {}, 'Sub(float32 2, int32 2): element types differ'),
    misfit('Mul', [[2]], {}, 'Mul(float32 2): operand 1 is missing'),
    misfit('PRelu', [[3], [2, 3]], {}, 'PRelu(float32 3, float32 2x3): the slope is larger than the input'),
    misfit('LeakyReluGradient', [[3], [1]], { alpha: 0 }, 'LeakyReluGradient(float32 3, float32 1): shapes differ'),
    misfit('Where', [bool([4]), [3], []], {}, 'Where(bool 4, float32 3, float32 scalar): shapes do not broadcast'),
    misfit('ReduceMean', [[2, 3]], { axes: [2] }, 'ReduceMean(float32 2x3): axes 2 are outside the rank'),
    misfit('Reshape', [[2, 3]], { shape: [4] }, 'Reshape(float32 2x3): cannot become 4'),
    misfit('Transpose', [[2, 3]], { perm: [0, 0] }, 'Transpose(float32 2x3): perm 0,0'),
    misfit('Slice', [[2, 3]], { axis: 1, start: 2, end: 4 }, 'Slice(float32 2x3): 2:4 is outside axis 1'),
    misfit('Slice', [[2, 3]], { axis: 2, start: 0, end: 1 }, 'Slice(float32 2x3): axis 2 is outside the rank'),
    misfit('Pad', [[2, 3]], { pads: [1, 1] }, 'Pad(float32 2x3): pads 1,1'),
    misfit(
      'Concat',
      [
        [2, 3],
        [3, 3],
      ],
      { axis: 1 },
      'Concat(float32 2x3, float32 3x3): differ outside axis 1',
    ),
    misfit('Expand', [[2, 3]], { shape: [4, 3] }, 'Expand(float32 2x3): cannot become 4x3'),
    misfit('Expand', [[2, 3]], { shape: [1, 3] }, 'Expand(float32 2x3): cannot become 1x3'),
    misfit(
      'MatMul',
      [
        [2, 3],
        [2, 3],
      ],
      {},
      'MatMul(float32 2x3, float32 2x3): inner sizes differ',
    ),
    misfit(
      'Conv',
      [
        [1, 3, 4, 4, 4],
        [7, 2, 3, 3, 3],
      ],
      PLAIN_CONVOLUTION,
      'Conv(float32 1x3x4x4x4, float32 7x2x3x3x3): input channels against 1 groups',
    ),
    misfit(
      'Conv',
      [
        [1, 2, 4, 4, 4],
        [7, 2, 3, 3, 1],
      ],
      PLAIN_CONVOLUTION,
      'Conv(float32 1x2x4x4x4, float32 7x2x3x3x1): kernel attribute 3,3,3',
    ),
    misfit(
      'Conv',
      [
        [1, 2, 4, 4, 4],
        [7, 2, 3, 3, 3],
      ],
      { ...PLAIN_CONVOLUTION, dilations: [3, 1, 1] },
      'Conv(float32 1x2x4x4x4, float32 7x2x3x3x3): nothing is left of the input (0,4,4)',
    ),
    misfit(
      'Conv',
      [
        [2, 4, 4],
        [7, 2, 3, 3, 3],
      ],
      { ...PLAIN_CONVOLUTION, group: 2 },
      'an image is [N, C, D, H, W], got 2x4x4',
    ),
    misfit(
      'ConvTranspose',
      [
        [1, 2, 4, 4, 4],
        [3, 2, 3, 3, 3],
      ],
      { ...PLAIN_CONVOLUTION, size: [4, 4, 4] },
      'ConvTranspose(float32 1x2x4x4x4, float32 3x2x3x3x3): channels differ',
    ),
    misfit(
      'ConvTranspose',
      [
        [1, 2, 4, 4, 4],
        [2, 2, 3, 3, 3],
      ],
      { ...PLAIN_CONVOLUTION, size: [4, 4, 5] },
      'ConvTranspose(float32 1x2x4x4x4, float32 2x2x3x3x3): size 4,4,5 would give 4,4,5',
    ),
    misfit(
      'ConvKernelGradient',
      [
        [1, 2, 4, 4, 4],
        [1, 2, 4, 4, 2],
      ],
      PLAIN_CONVOLUTION,
      'ConvKernelGradient(float32 1x2x4x4x4, float32 1x2x4x4x2): the convolution gives 4,4,4',
    ),
    misfit(
      'MaxPool',
      [[1, 2, 4, 5, 4]],
      { kernel: [2, 2, 2] },
      'MaxPool(float32 1x2x4x5x4): window 2,2,2 does not divide the size',
    ),
    misfit('AveragePool', [[2, 4, 4]], { kernel: [2, 2, 2] }, 'AveragePool(float32 2x4x4): needs [N, C, D, H, W]'),
    misfit('Resize', [[2, 4, 4]], { scales: [2, 2, 2] }, 'an image is [N, C, D, H, W], got 2x4x4'),
    misfit(
      'InstanceNormalization',
      [[1, 2, 4, 4, 4], [2], [3]],
      { epsilon: 1e-5 },
      'InstanceNormalization(float32 1x2x4x4x4, float32 2, float32 3): scale and bias need one number per channel',
    ),
    misfit('Input', [], { name: 'x' }, 'Input(): is made by the builder'),
  ])('of $op refuse operands $operands: $message', ({ op, operands, attributes, message }) => {
    const act = (): unknown => infer(op, operands.map(typed), attributes);
    expect(act).toThrow(ShapeError);
    expect(act).toThrow(expect.objectContaining({ code: 'E_SHAPE', message }));
  });
});
