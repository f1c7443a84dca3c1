/** Outlines against the masks that they are of: filled again by the even-odd rule, they must give them back. */
import { describe, expect, it } from 'vitest';
import { random as randomOf } from '../../../src/core/random.ts';
import { type Outline, outlinesOf } from '../../../src/results/outlines.ts';

interface Image {
  readonly width: number;
  readonly height: number;
  readonly pixels: readonly boolean[];
}

function maskOf({ width, height, pixels }: Image) {
  return (x: number, y: number): boolean =>
    x >= 0 && y >= 0 && x < width && y < height && pixels[y * width + x] === true;
}

/** Whether the centre of a pixel is inside: an odd number of edges lies to its left. */
function isInside(outline: Outline, x: number, y: number): boolean {
  const crossings = outline.filter(([fromX, fromY], index) => {
    const [toX, toY] = outline[(index + 1) % outline.length] as readonly [number, number];
    return fromX === toX && fromX < x + 0.5 && Math.min(fromY, toY) < y + 0.5 && y + 0.5 < Math.max(fromY, toY);
  });
  return crossings.length % 2 === 1;
}

function filled(outlines: readonly Outline[], { width, height }: Image): boolean[] {
  return Array.from({ length: width * height }, (_, index) => {
    const inside = outlines.filter(outline => isInside(outline, index % width, Math.floor(index / width)));
    expect(inside.length).toBeLessThanOrEqual(1);
    return inside.length === 1;
  });
}

/** Number of groups of pixels that share sides. */
function groups(image: Image): number {
  const mask = maskOf(image);
  const seen = new Set<number>();
  let count = 0;
  image.pixels.forEach((_, start) => {
    if (seen.has(start) || !mask(start % image.width, Math.floor(start / image.width))) return;
    count++;
    const stack = [start];
    while (stack.length > 0) {
      const place = stack.pop() as number;
      const [x, y] = [place % image.width, Math.floor(place / image.width)];
      if (seen.has(place) || !mask(x, y)) continue;
      seen.add(place);
      for (const [dx, dy] of [
        [1, 0],
        [-1, 0],
        [0, 1],
        [0, -1],
      ] as const) {
        if (mask(x + dx, y + dy)) stack.push((y + dy) * image.width + x + dx);
      }
    }
  });
  return count;
}

function drawn(...rows: readonly string[]): Image {
  return { width: rows[0]!.length, height: rows.length, pixels: [...rows.join('')].map(letter => letter === '#') };
}

describe('outlinesOf', () => {
  it('gives back random masks, one outline for each group of pixels that share sides', () => {
    for (let seed = 0; seed < 300; seed++) {
      const random = randomOf('outlines', seed);
      const [width, height] = [1 + Math.floor(random.uniform() * 13), 1 + Math.floor(random.uniform() * 13)];
      const share = 0.2 + 0.7 * random.uniform();
      const pixels = Array.from({ length: width * height }, () => random.uniform() < share);
      const image = { width, height, pixels };
      const outlines = outlinesOf(maskOf(image), image);
      expect(outlines.length, `seed ${seed}`).toBe(groups(image));
      expect(filled(outlines, image), `seed ${seed}`).toEqual(pixels);
    }
  });

  it('keeps the corners alone', () => {
    const image = drawn('....', '.##.', '.##.', '....');
    expect(outlinesOf(maskOf(image), image)).toEqual([
      [
        [1, 1],
        [3, 1],
        [3, 3],
        [1, 3],
      ],
    ]);
  });

  it('joins holes within holes and beside each other to the outline around them', () => {
    const image = drawn('#########', '#.......#', '#.#####.#', '#.#.#.#.#', '#.#####.#', '#.......#', '#########');
    const outlines = outlinesOf(maskOf(image), image);
    expect(outlines.length).toBe(2);
    expect(filled(outlines, image)).toEqual(image.pixels);
  });
});
