/**
 * Letters of orientation beside the four edges of every plane that is drawn. They are elements over the canvas, so that
 * they can be read on any image, in any layout and at any size.
 */
import type { Plane } from './cross-hair.ts';
import { make } from './elements.ts';

type Side = 'left' | 'right' | 'top' | 'bottom';

/** A plane on the screen: the rectangle of its image in CSS pixels from the corner of the canvas. */
export interface PlaneOnScreen {
  readonly plane: Plane;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

const LETTERS: Readonly<Record<Plane, Readonly<Record<Side, string>>>> = {
  axial: { left: 'L', right: 'R', top: 'A', bottom: 'P' },
  coronal: { left: 'L', right: 'R', top: 'S', bottom: 'I' },
  sagittal: { left: 'P', right: 'A', top: 'S', bottom: 'I' },
};

/**
 * The letters at the edges of a plane.
 * @param isRadiological whether the left of the patient is on the right of the screen
 */
export function lettersOf(plane: Plane, isRadiological: boolean): Readonly<Record<Side, string>> {
  const letters = LETTERS[plane];
  if (!isRadiological || plane === 'sagittal') return letters;
  return { ...letters, left: letters.right, right: letters.left };
}

/** Share of the width and height of a plane at which the letter of a side stands. */
const PLACES: Readonly<Record<Side, readonly [across: number, down: number]>> = {
  left: [0, 0.5],
  right: [1, 0.5],
  top: [0.5, 0],
  bottom: [0.5, 1],
};

/** Draws the letters of these planes in place of those before. */
export function drawLetters(element: HTMLElement, planes: readonly PlaneOnScreen[], isRadiological: boolean): void {
  const key = JSON.stringify([planes, isRadiological]);
  if (element.dataset['drawn'] === key) return;
  element.dataset['drawn'] = key;
  const spans = planes.flatMap(({ plane, left, top, width, height }) =>
    Object.entries(lettersOf(plane, isRadiological)).map(([side, letter]) => {
      const [across, down] = PLACES[side as Side];
      const style = `left: ${left + across * width}px; top: ${top + down * height}px`;
      return make('span', { class: side, style }, letter);
    }),
  );
  element.replaceChildren(...spans);
}
