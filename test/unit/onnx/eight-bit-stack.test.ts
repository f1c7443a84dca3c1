/** Stacked planes: the kernel of a group of planes is the sum over taps, worked out here one product at a time. */
import { describe, expect, it } from 'vitest';
import { planesMet, stackedKernel } from '../../../src/onnx/eight-bit/stack.ts';
import { LARGEST_WEIGHT, wholeKernel } from '../../../src/onnx/eight-bit/weights.ts';

describe('planesMet', () => {
  it('lists the planes under every tap of a group', () => {
    expect(planesMet(4, { taps: 3, dilation: 1 }, 1)).toEqual([-1, 0, 1, 2, 3, 4]);
    expect(planesMet(1, { taps: 3, dilation: 8 }, 1)).toEqual([-8, 0, 8]);
    expect(planesMet(4, { taps: 1, dilation: 1 }, 1)).toEqual([0, 1, 2, 3]);
  });

  it('lists coarse planes once', () => {
    expect(planesMet(4, { taps: 3, dilation: 1 }, 2)).toEqual([-1, 0, 1, 2]);
  });
});

describe('stackedKernel', () => {
  // two output channels, one tap in the plane: [Co, Ci, kD, 1, 1]
  const kernel = { shape: [2, 1, 3, 1, 1], data: Float32Array.of(1, 2, 3, 10, 20, 30) };

  it('has a shifted copy of the taps for each plane of the group', () => {
    const piece = { channels: 1, zoom: 1, scale: 1, planes: [-1, 0, 1, 2] };
    const { shape, data } = stackedKernel(kernel, [piece], { pack: 2, dilation: 1 });
    expect(shape).toEqual([4, 4, 1, 1]);
    expect([...data]).toEqual([1, 2, 3, 0, 10, 20, 30, 0, 0, 1, 2, 3, 0, 10, 20, 30]);
  });

  it('adds up the taps that meet one coarse plane, and takes the scale of the image in', () => {
    const piece = { channels: 1, zoom: 2, scale: 0.5, planes: [-1, 0, 1] };
    const { data } = stackedKernel(kernel, [piece], { pack: 2, dilation: 1 });
    // plane 0 meets coarse -1 by its first tap and coarse 0 by two; plane 1 meets coarse 0 by two and coarse 1 by one
    expect([...data]).toEqual([0.5, 2.5, 0, 5, 25, 0, 0, 1.5, 1.5, 0, 15, 15]);
  });

  it('puts pieces side by side, each with its own channels of the kernel', () => {
    const two = { shape: [1, 2, 1, 1, 1], data: Float32Array.of(3, 7) };
    const pieces = [
      { channels: 1, zoom: 1, scale: 1, planes: [0] },
      { channels: 1, zoom: 1, scale: 10, planes: [0] },
    ];
    expect([...stackedKernel(two, pieces, { pack: 1, dilation: 1 }).data]).toEqual([3, 70]);
  });
});

describe('wholeKernel', () => {
  it('rounds every output channel by its own largest weight, in all planes alike', () => {
    const stacked = { shape: [4, 2, 1, 1] as const, data: Float32Array.of(1, -2, 0.1, 0.05, 0.5, 2, 0.02, -0.1) };
    const { data, scales } = wholeKernel(stacked, 2);
    expect(scales[0]).toBeCloseTo(2 / LARGEST_WEIGHT, 8);
    expect(scales[1]).toBeCloseTo(0.1 / LARGEST_WEIGHT, 8);
    expect([...data]).toEqual([32, -64, 64, 32, 16, 64, 13, -64]);
  });

  it('cannot saturate 16 bits in pairs', () => {
    expect(2 * 255 * LARGEST_WEIGHT).toBeLessThan(2 ** 15);
  });

  it('takes a channel of zeros', () => {
    expect([...wholeKernel({ shape: [1, 2, 1, 1], data: new Float32Array(2) }, 1).data]).toEqual([0, 0]);
  });
});
