/** Colours of classes, the same in the report's pictures, in the page and in files of results. */

export type Colour = readonly [red: number, green: number, blue: number];

/** Okabe and Ito's colours for the colour-blind (https://jfly.uni-koeln.de/color/), those that stand out on grey. */
const COLOURS: readonly Colour[] = [
  [230, 159, 0],
  [86, 180, 233],
  [0, 158, 115],
  [240, 228, 66],
  [213, 94, 0],
  [204, 121, 167],
];

/**
 * Colour of a class, repeating after six.
 * @param label 1 or more
 */
export function labelColour(label: number): Colour {
  return COLOURS[(label - 1) % COLOURS.length]!;
}

/** `#rrggbb` */
export function hexOf(colour: Colour): string {
  return `#${colour.map(part => part.toString(16).padStart(2, '0')).join('')}`;
}
