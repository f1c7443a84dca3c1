/** Where the texts of a picture stand: nothing beyond its right edge, nothing on each other. */
import { expect, it } from 'vitest';
import { layOut } from '../../../web/picture.ts';

/** Ten pixels for each letter. */
const measure = (text: string): number => 10 * text.length;

it('puts the legend into as many rows as it needs, and breaks lines between words', () => {
  const legend = ['liver', 'spleen', 'a name that is wider than the picture'].map(name => ({
    name,
    colour: [1, 2, 3] as const,
  }));
  const lines = ['one two three four', 'five'];
  const { pieces, lineCount } = layOut({ legend, lines }, { widthPx: 200, measure });
  expect(pieces.map(({ text, x, line }) => [text, x, line])).toEqual([
    ['liver', 12, 0],
    ['spleen', 94, 0],
    ['a name that is wider than the picture', 12, 1],
    ['one two three', 12, 2],
    ['four', 12, 3],
    ['five', 12, 4],
  ]);
  expect(lineCount).toBe(5);
});

it('needs no legend', () => {
  expect(layOut({ legend: [], lines: ['one'] }, { widthPx: 200, measure })).toEqual({
    pieces: [{ text: 'one', x: 12, line: 0 }],
    lineCount: 1,
  });
});
