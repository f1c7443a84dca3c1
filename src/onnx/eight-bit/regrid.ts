/** Pooling and upsampling of folded 8-bit images. */
import type { Triple } from '../../core/shape.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { RUNTIME_DOMAIN } from './convolution.ts';
import { type Folded, imageShape, repack, spread, view } from './layout.ts';

/** The largest numbers of windows of [h, w] over [B, H, W, C]. */
function pool2d(emit: Emitter, input: Emitted, [h, w]: readonly [number, number]): Emitted {
  if (h * w === 1) return input;
  const [batch, height, width, channels] = input.shape as readonly [number, number, number, number];
  return emit.node('NhwcMaxPool', [input], [batch, height / h, width / w, channels], {
    domain: RUNTIME_DOMAIN,
    attributes: { kernel_shape: [h, w], strides: [h, w] },
  });
}

/** Max-pooling whose windows fill the image: first within planes, then over them. */
export function maxPool(
  emit: Emitter,
  input: Emitted,
  { fine, coarse, kernel }: { readonly fine: Folded; readonly coarse: Folded; readonly kernel: Triple },
): Emitted {
  const [planes, height, width] = kernel;
  const narrow = pool2d(emit, input, [height, width]);
  const [, h, w] = coarse.size;
  const { batch, channels } = fine;
  const inPlane = { ...fine, size: [fine.size[0], h, w] as const };
  if (planes === 1) return repack(emit, narrow, inPlane, coarse.pack);
  if (fine.pack % planes === 0) {
    const slots = view(emit, narrow, [batch * fine.groups, h * w, fine.pack, channels]);
    const pooled = pool2d(emit, slots, [1, planes]);
    const result = { ...coarse, pack: fine.pack / planes, groups: fine.groups, lanes: (fine.pack / planes) * channels };
    return repack(emit, view(emit, pooled, imageShape(result)), result, coarse.pack);
  }
  const apart = repack(emit, narrow, inPlane, 1);
  const pooled = pool2d(emit, view(emit, apart, [batch, fine.size[0], h * w, channels]), [planes, 1]);
  const result = { ...coarse, pack: 1, groups: coarse.size[0], lanes: channels };
  return repack(emit, view(emit, pooled, imageShape(result)), result, coarse.pack);
}

/** Nearest upsampling; along the depth only where every plane is by itself. */
export function upsample(emit: Emitter, input: Emitted, layout: Folded, [d, h, w]: Triple): Emitted {
  if (d * h * w === 1) return input;
  const { batch, groups, size, lanes } = layout;
  if (d === 1) {
    const apart = view(emit, input, [batch * groups, size[1], 1, size[2], 1, lanes]);
    const wide = spread(emit, apart, [batch * groups, size[1], h, size[2], w, lanes]);
    return view(emit, wide, [batch * groups, size[1] * h, size[2] * w, lanes]);
  }
  const apart = view(emit, input, [batch, groups, 1, size[1], 1, size[2], 1, lanes]);
  const wide = spread(emit, apart, [batch, groups, d, size[1], h, size[2], w, lanes]);
  return view(emit, wide, [batch * groups * d, size[1] * h, size[2] * w, lanes]);
}
