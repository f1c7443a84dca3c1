/**
 * Resize of other models: nearest by whole factors as the graph's own, everything else along one axis after another as
 * products with a matrix.
 */
import { range, type Triple } from '../../core/shape.ts';
import { type Context, demand, fromFront, intsOf, isGiven, type NodeRule, refuse, textOf, triple } from './context.ts';
import { alongAxis } from './windows.ts';

/** Ways to round that take voxel floor(x / s) for every whole factor s. */
const PLAIN_NEAREST = [
  'asymmetric floor',
  'half_pixel round_prefer_floor',
  'half_pixel round_prefer_ceil',
  'pytorch_half_pixel round_prefer_floor',
  'pytorch_half_pixel round_prefer_ceil',
];

interface Axis {
  readonly from: number;
  readonly to: number;
  readonly factor: number;
}

/** Where voxel `at` of the result is in the image. */
function positionOf(at: number, { from, to, factor }: Axis, way: string): number {
  switch (way) {
    case 'half_pixel':
      return (at + 0.5) / factor - 0.5;
    case 'pytorch_half_pixel':
      return to > 1 ? (at + 0.5) / factor - 0.5 : 0;
    case 'align_corners':
      return to > 1 ? (at * (from - 1)) / (to - 1) : 0;
    case 'asymmetric':
      return at / factor;
    default:
      return refuse(`Resize with coordinates ${way}`);
  }
}

function rounded(position: number, mode: string): number {
  switch (mode) {
    case 'floor':
      return Math.floor(position);
    case 'ceil':
      return Math.ceil(position);
    case 'round_prefer_floor':
      return Math.ceil(position - 0.5);
    case 'round_prefer_ceil':
      return Math.floor(position + 0.5);
    default:
      return refuse(`Resize that rounds by ${mode}`);
  }
}

/** More voxels along an axis than any image has. */
const LONGEST = 10_000;

/** Share of every voxel of the image in every voxel of the result, [to, from]. */
function weightsOf(axis: Axis, mode: 'nearest' | 'linear', [way, rounding]: readonly [string, string]): number[] {
  const { from, to } = axis;
  const inside = (at: number): number => Math.min(from - 1, Math.max(0, at));
  return range(to).flatMap(at => {
    const position = positionOf(at, axis, way);
    const row = new Array<number>(from).fill(0);
    if (mode === 'nearest') row[inside(rounded(position, rounding))] = 1;
    else {
      const clamped = inside(position);
      const low = Math.floor(clamped);
      row[low] = 1 - (clamped - low);
      if (low + 1 < from) row[low + 1] = clamped - low;
    }
    return row;
  });
}

/** Factor and size of every axis of the image; what no image can have is refused before memory is taken for it. */
function axesOf(context: Context): readonly Axis[] {
  const { node, known, value } = context;
  const { shape } = value(0);
  const axes = fromFront(
    intsOf(
      node,
      'axes',
      shape.map((_, axis) => axis),
    ),
    shape.length,
  );
  const isBySize = isGiven(context, 3) && (known(3)?.data.length ?? 1) > 0;
  const given =
    known(isBySize ? 3 : 2) ?? refuse(`Resize by ${isBySize ? 'sizes' : 'factors'} that depend on the image`);
  return shape.map((from, axis) => {
    const number = given.data[axes.indexOf(axis)];
    if (number === undefined) return { from, to: from, factor: 1 };
    const to = isBySize ? number : Math.floor(from * number);
    if (!Number.isInteger(to) || to < 1 || to > LONGEST) refuse(`Resize from ${from} to ${to} voxels`);
    return { from, to, factor: isBySize ? number / from : number };
  });
}

/** Resize. */
export const resize: NodeRule = context => {
  const { builder, node, value } = context;
  const mode = textOf(node, 'mode', 'nearest');
  if (mode !== 'nearest' && mode !== 'linear') return refuse(`Resize by ${mode}`);
  demand(node, { antialias: 0 });
  if (textOf(node, 'keep_aspect_ratio_policy', 'stretch') !== 'stretch') refuse('Resize that keeps the aspect ratio');
  const way = [
    textOf(node, 'coordinate_transformation_mode', 'half_pixel'),
    textOf(node, 'nearest_mode', 'round_prefer_floor'),
  ] as const;
  const x = value(0);
  const [samples, channels, ...space] = axesOf(context);
  if (samples?.to !== samples?.from || channels?.to !== channels?.from) refuse('Resize of samples or channels');
  const factors = space.map(({ factor }) => factor);
  if (mode === 'nearest' && PLAIN_NEAREST.includes(way.join(' ')) && factors.every(Number.isInteger)) {
    return builder.apply('Resize', [x], { scales: triple(factors, 'Resize') as Triple });
  }
  return space.reduce((image, axis, index) => {
    const isSame = axis.to === axis.from && axis.factor === 1;
    return isSame ? image : alongAxis(builder, image, index + 2, { rows: axis.to, values: weightsOf(axis, mode, way) });
  }, x);
};
