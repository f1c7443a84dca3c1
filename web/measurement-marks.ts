/** Measurements as they are drawn over the planes: lines, ellipses and texts, as SVG. */
import type { Measurement } from './measurements.ts';
import { type Pixel, PLANE_AXES, type PlaneView, pixelOf } from './plane-view.ts';

export type Mark =
  | { readonly kind: 'line'; readonly from: Pixel; readonly to: Pixel }
  | { readonly kind: 'ellipse'; readonly centre: Pixel; readonly radii: Pixel }
  | { readonly kind: 'text'; readonly at: Pixel; readonly text: string };

/** Pixels between a text and what it belongs to. */
const GAP = 6;
const SVG = 'http://www.w3.org/2000/svg';

function shapesOf({ kind, points }: Measurement, view: PlaneView): readonly Mark[] {
  const pixels = points.map(point => pixelOf(view, point));
  if (kind === 'region' && pixels.length === 2) {
    const [[left, top], [right, bottom]] = pixels as unknown as readonly [Pixel, Pixel];
    const centre = [(left + right) / 2, (top + bottom) / 2] as const;
    return [{ kind: 'ellipse', centre, radii: [Math.abs(right - left) / 2, Math.abs(bottom - top) / 2] }];
  }
  return pixels.slice(1).map((to, index) => ({ kind: 'line', from: pixels[index]!, to }));
}

/**
 * What is drawn of measurements that lie in the slices on the screen.
 * @param texts what each of them measures; none of one that is not finished
 */
export function marksOf(
  measurements: readonly Measurement[],
  texts: readonly (string | undefined)[],
  views: readonly PlaneView[],
): readonly Mark[] {
  return measurements.flatMap((measurement, index) =>
    views.flatMap(view => {
      const { plane, points } = measurement;
      const { through } = PLANE_AXES[view.plane];
      if (view.plane !== plane || Math.round(points[0]![through]) !== view.slice) return [];
      const text = texts[index];
      const [x, y] = pixelOf(view, points.at(-1)!);
      const label: readonly Mark[] = text === undefined ? [] : [{ kind: 'text', at: [x + GAP, y - GAP], text }];
      return [...shapesOf(measurement, view), ...label];
    }),
  );
}

function svgElement(name: string, attributes: Readonly<Record<string, string | number>>, text = ''): SVGElement {
  const element = document.createElementNS(SVG, name) as SVGElement;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.textContent = text;
  return element;
}

/** A mark as an element of an SVG. */
export function svgOf(mark: Mark): SVGElement {
  switch (mark.kind) {
    case 'line': {
      const [[x1, y1], [x2, y2]] = [mark.from, mark.to];
      return svgElement('line', { x1, y1, x2, y2 });
    }
    case 'ellipse': {
      const [[cx, cy], [rx, ry]] = [mark.centre, mark.radii];
      return svgElement('ellipse', { cx, cy, rx, ry });
    }
    case 'text':
      return svgElement('text', { x: mark.at[0], y: mark.at[1] }, mark.text);
    default:
      return mark satisfies never;
  }
}
