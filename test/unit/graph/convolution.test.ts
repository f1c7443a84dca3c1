/** The zeros around an image: those of TensorFlow's SAME, and both forms of ONNX's auto_pad. */
import { describe, expect, it } from 'vitest';
import { padsFrom, reachOf, samePads } from '../../../src/graph/convolution.ts';

describe('the geometry of a convolution', () => {
  it('counts a dilated kernel from its first to its last tap', () => {
    expect(reachOf([3, 1, 2], [2, 5, 3])).toEqual([5, 1, 4]);
  });

  it('puts the odd zero of a stride after the image, or before it', () => {
    // 5 voxels, 3 taps, stride 2: 3 places need 7 voxels; 6 voxels, 4 taps, stride 2: 3 places need 8; 4 taps, stride
    // 1: 3 more
    const window = { size: [5, 6, 7], reach: [3, 4, 4], strides: [2, 2, 1] } as const;
    expect(samePads(window, 'after')).toEqual([1, 1, 1, 1, 1, 2]);
    expect(samePads(window, 'before')).toEqual([1, 1, 2, 1, 1, 1]);
  });

  it('needs no zeros where the window is smaller than the stride', () => {
    expect(samePads({ size: [8, 8, 8], reach: [1, 2, 1], strides: [2, 2, 4] }, 'after')).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('lists the zeros before all axes first', () => {
    expect(
      padsFrom(
        axis => axis,
        axis => axis + 10,
      ),
    ).toEqual([0, 1, 2, 10, 11, 12]);
  });
});
