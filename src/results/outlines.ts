/**
 * Outlines of a mask in a slice, on the edges of its pixels: exactly what was segmented, and nothing smoothed. Pixels
 * that touch at a corner alone have outlines of their own. A hole is joined to the outline around it by a channel
 * without width, so that every outline is one closed polygon. Source: DICOM PS3.3, C.8.8.6.3 (keyholes).
 */
import { invariant } from '../core/errors.ts';

/** A corner of pixels: x along the columns, y along the rows; the first pixel reaches from (0, 0) to (1, 1). */
type Corner = readonly [x: number, y: number];

/** A closed polygon; the last corner is joined to the first. */
export type Outline = readonly Corner[];

/** Directions of edges: right, down, left, up. The mask is on the right of an edge, so outer outlines turn right. */
const STEPS = [
  [1, 0],
  [0, 1],
  [-1, 0],
  [0, -1],
] as const;

/** The edges of a mask: for each corner the directions in which an edge leaves it. */
function edgesOf(mask: (x: number, y: number) => boolean, width: number, height: number): Map<number, number[]> {
  const edges = new Map<number, number[]>();
  const stride = width + 1;
  const add = (x: number, y: number, direction: number): void => {
    const known = edges.get(y * stride + x);
    if (known === undefined) edges.set(y * stride + x, [direction]);
    else known.push(direction);
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!mask(x, y)) continue;
      if (!mask(x, y - 1)) add(x, y, 0);
      if (!mask(x + 1, y)) add(x + 1, y, 1);
      if (!mask(x, y + 1)) add(x + 1, y + 1, 2);
      if (!mask(x - 1, y)) add(x, y + 1, 3);
    }
  }
  return edges;
}

/** Follows edges from a corner back to it, and takes them out. Only corners where it turns are kept. */
function follow(edges: Map<number, number[]>, start: number, stride: number): Outline {
  const outline: Corner[] = [];
  let [place, before, first] = [start, -1, -1];
  do {
    const leaving = edges.get(place);
    invariant(leaving !== undefined, 'an outline is not closed');
    // of two edges that leave a corner the one to the right, which stays at the same pixel
    const right = (before + 1) % 4;
    const direction = before >= 0 && leaving.includes(right) ? right : (leaving[0] as number);
    if (first < 0) first = direction;
    if (leaving.length === 1) edges.delete(place);
    else leaving.splice(leaving.indexOf(direction), 1);
    if (direction !== before) outline.push([place % stride, Math.floor(place / stride)]);
    const [stepX, stepY] = STEPS[direction] as readonly [number, number];
    place += stepY * stride + stepX;
    before = direction;
    // an outline may come by its start before its end, where two of its pixels touch at that corner
  } while (place !== start || (edges.has(start) && (before + 1) % 4 !== first));
  return outline;
}

/** Twice the area; positive for outer outlines, negative for holes. */
function signedArea(outline: Outline): number {
  return outline.reduce((sum, [x, y], index) => {
    const [nextX, nextY] = outline[(index + 1) % outline.length] as Corner;
    return sum + x * nextY - nextX * y;
  }, 0);
}

/** The corner of a hole that is farthest to the left, and of those the topmost, as its index. */
function leftmost(outline: Outline): number {
  return outline.reduce((best, [x, y], index) => {
    const [bestX, bestY] = outline[best] as Corner;
    return x < bestX || (x === bestX && y < bestY) ? index : best;
  }, 0);
}

/** Where a ray to the left meets an outline: the index of the edge, and x. */
function met(outline: Outline, [x, y]: Corner): { readonly edge: number; readonly x: number } | undefined {
  let found: { readonly edge: number; readonly x: number } | undefined;
  outline.forEach(([fromX, fromY], edge) => {
    const [toX, toY] = outline[(edge + 1) % outline.length] as Corner;
    const isCrossed = fromX === toX && fromX <= x && Math.min(fromY, toY) <= y && y <= Math.max(fromY, toY);
    if (isCrossed && (found === undefined || fromX > found.x)) found = { edge, x: fromX };
  });
  return found;
}

/** Joins a hole to the nearest outline on its left. */
function joinHole(outlines: readonly Outline[], hole: Outline): readonly Outline[] {
  const start = leftmost(hole);
  const corner = hole[start] as Corner;
  const meetings = outlines.map(outline => met(outline, corner));
  const nearest = meetings.reduce((best, meeting, index) => {
    const known = meetings[best];
    return meeting !== undefined && (known === undefined || meeting.x > known.x) ? index : best;
  }, 0);
  const meeting = meetings[nearest];
  invariant(meeting !== undefined, 'a hole is in no outline');
  const outer = outlines[nearest] as Outline;
  const bridge: Corner = [meeting.x, corner[1]];
  const around = [...hole.slice(start), ...hole.slice(0, start), corner];
  const joined = [...outer.slice(0, meeting.edge + 1), bridge, ...around, bridge, ...outer.slice(meeting.edge + 1)];
  return outlines.with(nearest, joined);
}

/** A polygon without corners that repeat the one before. */
function withoutRepeats(outline: Outline): Outline {
  return outline.filter(([x, y], index) => {
    const [beforeX, beforeY] = outline.at(index - 1) as Corner;
    return x !== beforeX || y !== beforeY;
  });
}

/**
 * The outlines of a mask.
 * @param mask whether a pixel is in it; false outside of the image
 */
export function outlinesOf(
  mask: (x: number, y: number) => boolean,
  { width, height }: { readonly width: number; readonly height: number },
): readonly Outline[] {
  const edges = edgesOf(mask, width, height);
  const loops: Outline[] = [];
  for (let first = edges.keys().next(); !first.done; first = edges.keys().next()) {
    loops.push(follow(edges, first.value, width + 1));
  }
  const outer: readonly Outline[] = loops.filter(loop => signedArea(loop) > 0);
  const holes = loops
    .filter(loop => signedArea(loop) < 0)
    .sort((one, two) => (one[leftmost(one)] as Corner)[0] - (two[leftmost(two)] as Corner)[0]);
  return holes.reduce(joinHole, outer).map(withoutRepeats);
}
