/**
 * A picture of the view as it is on the screen: planes with labels, letters of orientation and measurements, and below
 * them what is shown. It names neither file nor patient.
 */
import { invariant } from '../src/core/errors.ts';

/** A colour of the legend with what it stands for. */
interface LegendEntry {
  readonly name: string;
  readonly colour: readonly [number, number, number];
}

export interface PictureParts {
  /** The canvas of the viewer, drawn just now. */
  readonly canvas: HTMLCanvasElement;
  /** The element with the letters of orientation, and the SVG of the measurements, both over the canvas. */
  readonly letters: HTMLElement;
  readonly measures: Element;
  readonly legend: readonly LegendEntry[];
  readonly lines: readonly string[];
}

const [DARK, LIGHT, YELLOW] = ['#0a0f12', '#ffffff', '#ffe14d'];
const FAMILY = 'system-ui, sans-serif';
const FONT = `13px ${FAMILY}`;
const BOLD = `700 14px ${FAMILY}`;
const LINE_PX = 20;
const MARGIN_PX = 12;
const SWATCH_PX = 10;
const GAP_PX = 16;

/** A piece of text of the legend or of a line, at its place. */
interface Piece {
  readonly text: string;
  readonly x: number;
  readonly line: number;
  readonly colour?: LegendEntry['colour'];
}

/**
 * Where the texts below the view stand: the legend first, words of lines broken where the picture ends.
 * @param measure width of a text in pixels
 */
export function layOut(
  { legend, lines }: Pick<PictureParts, 'legend' | 'lines'>,
  { widthPx, measure }: { readonly widthPx: number; readonly measure: (text: string) => number },
): { readonly pieces: readonly Piece[]; readonly lineCount: number } {
  const pieces: Piece[] = [];
  const right = widthPx - MARGIN_PX;
  let [x, line] = [MARGIN_PX, 0];
  for (const { name, colour } of legend) {
    const width = SWATCH_PX + 6 + measure(name);
    if (x > MARGIN_PX && x + width > right) [x, line] = [MARGIN_PX, line + 1];
    pieces.push({ text: name, x, line, colour });
    x += width + GAP_PX;
  }
  if (legend.length > 0) line++;
  for (const text of lines) {
    let row = '';
    for (const word of text.split(' ')) {
      const longer = row === '' ? word : `${row} ${word}`;
      if (row !== '' && MARGIN_PX + measure(longer) > right) {
        pieces.push({ text: row, x: MARGIN_PX, line: line++ });
        row = word;
      } else row = longer;
    }
    pieces.push({ text: row, x: MARGIN_PX, line: line++ });
  }
  return { pieces, lineCount: line };
}

function paintLetters(context: CanvasRenderingContext2D, { letters, canvas }: PictureParts): void {
  const corner = canvas.getBoundingClientRect();
  context.font = BOLD;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  for (const letter of letters.children) {
    const { left, top, width, height } = letter.getBoundingClientRect();
    context.fillStyle = `${DARK}d9`;
    context.fillRect(left - corner.left, top - corner.top, width, height);
    context.fillStyle = LIGHT!;
    context.fillText(letter.textContent ?? '', left - corner.left + width / 2, top - corner.top + height / 2);
  }
}

function outline(context: CanvasRenderingContext2D, mark: Element): void {
  const at = (name: string): number => Number(mark.getAttribute(name));
  context.beginPath();
  if (mark.localName === 'line') {
    context.moveTo(at('x1'), at('y1'));
    context.lineTo(at('x2'), at('y2'));
  } else if (mark.localName === 'ellipse') {
    context.ellipse(at('cx'), at('cy'), at('rx'), at('ry'), 0, 0, 2 * Math.PI);
  } else context.strokeText(mark.textContent ?? '', at('x'), at('y'));
  context.stroke();
}

function paintMeasures(context: CanvasRenderingContext2D, { measures }: PictureParts): void {
  context.font = `600 13px ${FAMILY}`;
  context.textAlign = 'left';
  context.textBaseline = 'alphabetic';
  context.lineJoin = 'round';
  const marks = [...measures.children];
  const texts = marks.filter(({ localName }) => localName === 'text');
  Object.assign(context, { strokeStyle: DARK, lineWidth: 4 });
  for (const mark of marks) outline(context, mark);
  Object.assign(context, { strokeStyle: YELLOW, fillStyle: YELLOW, lineWidth: 2 });
  for (const mark of marks) if (mark.localName !== 'text') outline(context, mark);
  for (const text of texts) {
    context.fillText(text.textContent ?? '', Number(text.getAttribute('x')), Number(text.getAttribute('y')));
  }
}

/** Paints the view and what stands below it. */
export function pictureOf(parts: PictureParts): HTMLCanvasElement {
  const { canvas } = parts;
  const picture = document.createElement('canvas');
  const context = picture.getContext('2d');
  invariant(context !== null, 'a browser that shows the viewer paints pictures');
  const scale = canvas.width / canvas.clientWidth;
  const [widthPx, heightPx] = [canvas.clientWidth, canvas.clientHeight];
  context.font = FONT;
  const { pieces, lineCount } = layOut(parts, { widthPx, measure: text => context.measureText(text).width });
  picture.width = canvas.width;
  picture.height = Math.round((heightPx + lineCount * LINE_PX + 2 * MARGIN_PX) * scale);
  context.fillStyle = DARK!;
  context.fillRect(0, 0, picture.width, picture.height);
  context.drawImage(canvas, 0, 0);
  context.scale(scale, scale);
  paintMeasures(context, parts);
  paintLetters(context, parts);
  context.font = FONT;
  context.textAlign = 'left';
  for (const { text, x, line, colour } of pieces) {
    const y = heightPx + MARGIN_PX + (line + 0.5) * LINE_PX;
    if (colour !== undefined) {
      context.fillStyle = `rgb(${colour.join(',')})`;
      context.fillRect(x, y - SWATCH_PX / 2, SWATCH_PX, SWATCH_PX);
    }
    context.fillStyle = LIGHT!;
    context.fillText(text, colour === undefined ? x : x + SWATCH_PX + 6, y);
  }
  return picture;
}

/** The picture as a PNG file. */
export function pngOf(picture: HTMLCanvasElement): Promise<Blob> {
  return new Promise(resolve => {
    picture.toBlob(blob => {
      invariant(blob !== null, 'a canvas of the size of the screen can be written');
      resolve(blob);
    }, 'image/png');
  });
}
