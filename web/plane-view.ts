/**
 * A plane as it is drawn on the screen: from pixels to voxels and back. Voxels are counted along right, anterior and
 * superior, as the viewer turns them; a whole number is the centre of a voxel.
 */
import type { Plane } from './cross-hair.ts';

/** A place between voxels: right, anterior, superior. */
export type Point = readonly [number, number, number];
/** A place on the canvas in CSS pixels. */
export type Pixel = readonly [x: number, y: number];

export interface PlaneView {
  readonly plane: Plane;
  /** The voxels that are drawn lie at this number along the axis through the plane. */
  readonly slice: number;
  /** Rectangle of the plane in CSS pixels. */
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** Voxels per pixel along the two axes of the plane, negative where they run against the screen. */
  readonly scale: readonly [across: number, down: number];
  /** What lies in the middle of the rectangle. */
  readonly middle: Point;
}

/** Axes across and up each plane, and through it: 0 right, 1 anterior, 2 superior. */
export const PLANE_AXES: Readonly<
  Record<Plane, { readonly across: 0 | 1; readonly up: 1 | 2; readonly through: 0 | 1 | 2 }>
> = {
  axial: { across: 0, up: 1, through: 2 },
  coronal: { across: 0, up: 2, through: 1 },
  sagittal: { across: 1, up: 2, through: 0 },
};

function middlePixel({ left, top, width, height }: PlaneView): Pixel {
  return [left + width / 2, top + height / 2];
}

/** The place under a pixel, on the slice that is drawn. */
export function pointAt(view: PlaneView, [x, y]: Pixel): Point {
  const { across, up, through } = PLANE_AXES[view.plane];
  const [middleX, middleY] = middlePixel(view);
  const point: [number, number, number] = [...view.middle];
  point[across] += (x - middleX) * view.scale[0];
  point[up] += (y - middleY) * view.scale[1];
  point[through] = view.slice;
  return point;
}

/** Where a place is drawn. */
export function pixelOf(view: PlaneView, point: Point): Pixel {
  const { across, up } = PLANE_AXES[view.plane];
  const [middleX, middleY] = middlePixel(view);
  return [
    middleX + (point[across] - view.middle[across]) / view.scale[0],
    middleY + (point[up] - view.middle[up]) / view.scale[1],
  ];
}

/** The plane that a pixel lies in. */
export function viewAt(views: readonly PlaneView[], [x, y]: Pixel): PlaneView | undefined {
  return views.find(({ left, top, width, height }) => x >= left && x < left + width && y >= top && y < top + height);
}
