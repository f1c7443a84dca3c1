/**
 * The pen of the viewer, by NiiVue's drawing: a byte per voxel in axes that run right, anterior, superior, drawn by the
 * mouse in any plane, or by keys at the cross-hair. What is drawn on replaces the overlay of labels meanwhile.
 */
import type { Niivue, NVImage } from '@niivue/niivue';
import { invariant } from '../src/core/errors.ts';
import type { DrawingGrid } from './drawing-grid.ts';

/** Style of a code of the drawing; the code is its place in a list. */
export interface CodeStyle {
  readonly name: string;
  readonly colour: readonly [number, number, number];
}

export interface Pen {
  /** The code that is painted; 0 erases. */
  readonly code: number;
  /** Width of the square pen in voxels, an odd number. */
  readonly widthVoxels: number;
  /** Whether an outline is filled when it ends. */
  readonly isFilled: boolean;
}

export interface Drawing {
  /** The order of the drawing for the image that is shown. */
  grid(): DrawingGrid;
  /** Draws this in place of labels, and lets the left button of the mouse draw on it. */
  start(bytes: Uint8Array, styles: readonly CodeStyle[], pen: Pen): void;
  /** Removes the drawing. */
  stop(): void;
  setPen(pen: Pen): void;
  /** What is drawn, to be changed in place; show draws it then. */
  bytes(): Uint8Array;
  show(): void;
  /** Paints at the cross-hair. With a filled outline this is its next corner, joined to the one before. */
  dab(): void;
  /** Fills the outline of the corners so far. */
  close(): void;
  /** Name of what is drawn at the cross-hair; undefined for nothing, or where nothing is drawn on. */
  nameAtCrossHair(): string | undefined;
  setOpacity(opacity: number): void;
}

const COLOURS = 256;
type Corner = [number, number, number];

/** The colour table of a drawing: nothing where it says nothing. */
function lookUpTable(styles: readonly CodeStyle[]): Niivue['drawLut'] {
  const lut = new Uint8ClampedArray(COLOURS * 4);
  for (const [code, { colour }] of styles.entries()) lut.set([...colour, code === 0 ? 0 : 255], code * 4);
  return { lut, labels: styles.map(({ name }) => name) };
}

/** The order of a drawing on an image. */
export function drawingGridOf(image: NVImage | undefined): DrawingGrid {
  const { dimsRAS, img2RASstep, img2RASstart, matRAS } = image ?? {};
  invariant(
    dimsRAS !== undefined && img2RASstep !== undefined && img2RASstart !== undefined && matRAS !== undefined,
    'there is an image before anything is drawn on it',
  );
  const [, width, height, depth] = dimsRAS as [number, number, number, number];
  return {
    sizeVoxels: [width, height, depth],
    start: img2RASstart.reduce((sum, offset) => sum + offset),
    steps: img2RASstep as [number, number, number],
    affine: [...matRAS],
  };
}

/**
 * @param niivue the viewer
 * @param options plane: the number of the plane that keys draw in; opacity: of labels; onDrawn: called after a stroke
 */
export function createDrawing(
  niivue: Niivue,
  {
    plane,
    opacity,
    onDrawn,
  }: { readonly plane: () => number; readonly opacity: () => number; readonly onDrawn: () => void },
): Drawing {
  let styles: readonly CodeStyle[] = [];
  let corners: readonly Corner[] = [];
  let cornerPlane = -1;

  const isOn = (): boolean => niivue.drawBitmap !== null && niivue.opts.drawingEnabled;
  niivue.onDrawingChanged = action => {
    if (action === 'draw' && isOn()) onDrawn();
  };
  // strokes are taken back by the page, which keeps what changed in place of whole drawings
  niivue.drawAddUndoBitmap = () => {};
  let isStroke = false;
  niivue.canvas?.addEventListener('mousedown', () => {
    corners = [];
    isStroke = isOn();
  });
  niivue.canvas?.addEventListener('mouseleave', () => {
    // a stroke that leaves the canvas ends without a word of NiiVue
    if (isStroke && isOn()) onDrawn();
    isStroke = false;
  });

  function crossHair(): Corner {
    const [x, y, z] = niivue.frac2vox(niivue.scene.crosshairPos);
    return [x!, y!, z!];
  }

  /** The index along the axis that runs through a plane: 0 axial, 1 coronal, 2 sagittal. */
  const sliceOf = (corner: Corner, through: number): number => corner[2 - through]!;

  function bytes(): Uint8Array {
    const { drawBitmap } = niivue;
    invariant(drawBitmap !== null, 'nothing is drawn before the drawing is started');
    return drawBitmap;
  }

  const drawing: Drawing = {
    bytes,

    grid: () => drawingGridOf(niivue.volumes[0]),

    start(given, codeStyles, pen) {
      styles = codeStyles;
      for (const overlay of niivue.volumes.slice(1)) niivue.removeVolume(overlay);
      niivue.createEmptyDrawing();
      // a copy that only other tools of NiiVue need
      niivue.clickToSegmentGrowingBitmap = null;
      bytes().set(given);
      niivue.drawLut = lookUpTable(styles);
      niivue.drawOpacity = opacity();
      niivue.setDrawingEnabled(true);
      drawing.setPen(pen);
      niivue.updateGLVolume();
      niivue.refreshDrawing(true);
    },

    stop() {
      if (!isOn()) return;
      niivue.setDrawingEnabled(false);
      niivue.closeDrawing();
      [styles, corners] = [[], []];
    },

    setPen({ code, widthVoxels, isFilled }) {
      niivue.opts.penSize = widthVoxels;
      niivue.setPenValue(code, isFilled);
      corners = [];
    },

    show: () => niivue.refreshDrawing(true),

    dab() {
      if (!isOn()) return;
      const at = crossHair();
      const { penValue, isFilledPen } = niivue.opts;
      niivue.drawPenAxCorSag = plane();
      const last = corners.at(-1);
      const isNext =
        isFilledPen &&
        last !== undefined &&
        cornerPlane === plane() &&
        sliceOf(last, cornerPlane) === sliceOf(at, cornerPlane);
      if (isNext) niivue.drawPenLine(at, last, penValue);
      niivue.drawPt(...at, penValue);
      corners = isFilledPen ? [...(isNext ? corners : []), at] : [];
      cornerPlane = plane();
      niivue.drawPenAxCorSag = -1;
      niivue.refreshDrawing(true);
      onDrawn();
    },

    close() {
      if (!isOn() || corners.length < 2) return;
      niivue.drawPenFillPts = corners.map(corner => [...corner]);
      niivue.drawPenAxCorSag = cornerPlane;
      niivue.drawPenFilled();
      niivue.drawPenAxCorSag = -1;
      corners = [];
      niivue.drawScene();
    },

    nameAtCrossHair() {
      if (!isOn()) return undefined;
      const [width, height] = drawing.grid().sizeVoxels;
      const [x, y, z] = crossHair();
      const code = bytes()[x + width * (y + height * z)]!;
      return code === 0 ? undefined : styles[code]?.name;
    },

    setOpacity: opacity => niivue.setDrawOpacity(opacity),
  };
  return drawing;
}
