/**
 * The viewer: three planes and a 3D rendering by NiiVue, which only this file imports, and its pen by its type. Loaded
 * when there is the first image. Voxels stay in file order; NiiVue turns them by the affine.
 */
import { DRAG_MODE, Niivue, type NVImage, NVMesh, SHOW_RENDER, SLICE_TYPE } from '@niivue/niivue';
import { invariant } from '../src/core/errors.ts';
import type { LabelVolume, Volume } from '../src/volume/volume.ts';
import { crossHairStep, type Plane } from './cross-hair.ts';
import type { PlaneOnScreen } from './orientation-letters.ts';
import { PLANE_AXES, type PlaneView, type Point } from './plane-view.ts';
import type { Scan } from './protocol.ts';
import type { ColouredSurface } from './surface-view.ts';
import { createDrawing, type Drawing } from './viewer-drawing.ts';
import type { IntensityRange, IntensityWindow } from './windows.ts';

export const LAYOUTS = {
  planes: SLICE_TYPE.MULTIPLANAR,
  axial: SLICE_TYPE.AXIAL,
  coronal: SLICE_TYPE.CORONAL,
  sagittal: SLICE_TYPE.SAGITTAL,
  render: SLICE_TYPE.RENDER,
} as const;

/** Planes by the number that NiiVue gives them. */
const PLANES: Readonly<Record<number, Plane>> = {
  [SLICE_TYPE.AXIAL]: 'axial',
  [SLICE_TYPE.CORONAL]: 'coronal',
  [SLICE_TYPE.SAGITTAL]: 'sagittal',
};
const PLANE_NUMBERS: Readonly<Record<Plane, number>> = {
  axial: SLICE_TYPE.AXIAL,
  coronal: SLICE_TYPE.CORONAL,
  sagittal: SLICE_TYPE.SAGITTAL,
};
/** Degrees by which an arrow turns the rendering. */
const TURN_DEGREES = 5;
const TURNS: Readonly<Record<string, readonly [azimuth: number, elevation: number]>> = {
  ArrowLeft: [-TURN_DEGREES, 0],
  ArrowRight: [TURN_DEGREES, 0],
  ArrowUp: [0, -TURN_DEGREES],
  ArrowDown: [0, TURN_DEGREES],
};

/** Factors of magnification; 0 for the whole image again. */
const ZOOMS: Readonly<Record<string, number>> = { '+': 1.25, '-': 1 / 1.25, '0': 0 };
const MOST_ZOOM = 10;

/** Style of a label. */
export interface LabelStyle {
  readonly value: number;
  readonly name: string;
  readonly colour: readonly [number, number, number];
}

/** Where a person looks: the cross-hair, how planes are moved and magnified, and how the rendering is turned. */
interface ViewPlace {
  /** Voxel along right, anterior, superior. */
  readonly crossHair: Point;
  /** The one that was pointed at last. */
  readonly plane: Plane;
  readonly panMm: Point;
  readonly zoom: number;
  /** Degrees. */
  readonly azimuth: number;
  readonly elevation: number;
}

export interface Viewer {
  showScan(scan: Scan): Promise<void>;
  /** Draws labels over the image; null removes them. */
  showLabels(labels: LabelVolume | null, styles: readonly LabelStyle[]): void;
  /** Draws a map of values from 0, not drawn, to 1, bright, in place of labels. */
  showMap(map: Volume): void;
  /** Draws surfaces in the 3D rendering, in place of those before. */
  showSurfaces(surfaces: readonly ColouredSurface[]): void;
  setOpacity(opacity: number): void;
  setLayout(layout: keyof typeof LAYOUTS): void;
  /** Whether the left of the patient is on the right of the screen, as radiologists look at it. */
  setRadiological(isRadiological: boolean): void;
  setWindow(window: IntensityWindow): void;
  window(): IntensityWindow;
  range(): IntensityRange;
  /** Draws labels without the image, or with it. */
  setImageVisible(isVisible: boolean): void;
  /** Cuts the rendering open, as clipPlaneOf says. */
  setClipPlane(plane: readonly [depth: number, azimuth: number, elevation: number]): void;
  /** The planes on the screen, as they were drawn last. */
  planeViews(): readonly PlaneView[];
  /** The voxel at the cross-hair, and the plane that was pointed at last. */
  crossHair(): { readonly point: Point; readonly plane: Plane };
  place(): ViewPlace;
  setPlace(place: ViewPlace): void;
  /** The canvas as it is now, with nothing that lies over it. */
  picture(): HTMLCanvasElement;
  /** The pen. */
  readonly drawing: Drawing;
}

export interface ViewerEvents {
  /** Text on the voxel under the cross-hair. */
  readonly onPlace: (text: string) => void;
  /** The window has changed, perhaps by the mouse. */
  readonly onWindow: () => void;
  /** The planes that were drawn just now. */
  readonly onPlanes: (planes: readonly PlaneOnScreen[], isRadiological: boolean) => void;
  /** Something was drawn with the pen. */
  readonly onDrawn: () => void;
  /** The browser has taken the graphics away; this viewer is of no use any more. */
  readonly onLost: () => void;
}

/** Intent code of NIfTI for labels. */
const LABEL_INTENT = 1002;
const DATATYPE_UINT8 = 2;
const DATATYPE_FLOAT32 = 16;
/** Less is not drawn, or it would veil the whole image. */
const LEAST_ENTROPY = 0.05;

/** The overlay's voxels with its colours and names. */
function overlayOf(image: NVImage, { data }: LabelVolume, styles: readonly LabelStyle[]): NVImage {
  const overlay = image.clone();
  overlay.zeroImage();
  invariant(overlay.hdr !== null, 'an image that is shown has a header');
  overlay.hdr.scl_slope = 1;
  overlay.hdr.scl_inter = 0;
  overlay.hdr.intent_code = LABEL_INTENT;
  overlay.hdr.datatypeCode = DATATYPE_UINT8;
  overlay.hdr.numBitsPerVoxel = 8;
  overlay.img = data;
  overlay.setColormapLabel({
    R: [0, ...styles.map(({ colour }) => colour[0])],
    G: [0, ...styles.map(({ colour }) => colour[1])],
    B: [0, ...styles.map(({ colour }) => colour[2])],
    A: [0, ...styles.map(() => 255)],
    I: [0, ...styles.map(({ value }) => value)],
    labels: ['', ...styles.map(({ name }) => name)],
  });
  return overlay;
}

/** The overlay of a map of values from 0 to 1. */
function mapOverlayOf(image: NVImage, { data }: Volume): NVImage {
  const overlay = image.clone();
  overlay.zeroImage();
  invariant(overlay.hdr !== null, 'an image that is shown has a header');
  Object.assign(overlay.hdr, { scl_slope: 1, scl_inter: 0, intent_code: 0, datatypeCode: DATATYPE_FLOAT32 });
  overlay.hdr.numBitsPerVoxel = 32;
  overlay.img = data;
  overlay.colormap = 'inferno';
  Object.assign(overlay, { global_min: 0, global_max: 1, robust_min: 0, robust_max: 1 });
  Object.assign(overlay, { cal_min: LEAST_ENTROPY, cal_max: 1 });
  return overlay;
}

/** Where the planes are that were drawn; a plane alone has room beside its image. */
function planesOnScreen(niivue: Niivue): readonly PlaneOnScreen[] {
  const perPixel = niivue.uiData.dpr ?? 1;
  return niivue.screenSlices.flatMap(({ axCorSag, leftTopWidthHeight, fovMM }) => {
    const plane = PLANES[axCorSag];
    if (plane === undefined || niivue.volumes.length === 0) return [];
    const [left, top, width, height] = leftTopWidthHeight as [number, number, number, number];
    const { fovMM: image } = niivue.screenFieldOfViewExtendedVox(axCorSag);
    const [across, down] = [0, 1].map(axis => Math.min(1, Math.abs(image[axis]! / fovMM[axis]!))) as [number, number];
    const inset = { left: left + (width * (1 - across)) / 2, top: top + (height * (1 - down)) / 2 };
    return [
      {
        plane,
        left: Math.round(inset.left / perPixel),
        top: Math.round(inset.top / perPixel),
        width: Math.round((width * across) / perPixel),
        height: Math.round((height * down) / perPixel),
      },
    ];
  });
}

/** How pixels of the planes on the screen go to voxels, asked of the viewer at three pixels of each. */
function planeViewsOf(niivue: Niivue): readonly PlaneView[] {
  const [, ...dimensions] = niivue.volumes[0]?.dimsRAS ?? [];
  const perPixel = niivue.uiData.dpr ?? 1;
  const crossHair = niivue.frac2vox(niivue.scene.crosshairPos);
  return niivue.screenSlices.flatMap(({ axCorSag, leftTopWidthHeight }, tile) => {
    const plane = PLANES[axCorSag];
    if (plane === undefined || dimensions.length !== 3) return [];
    const [x, top, signedWidth, height] = leftTopWidthHeight as [number, number, number, number];
    const width = Math.abs(signedWidth);
    const left = Math.min(x, x + signedWidth);
    const { across, up, through } = PLANE_AXES[plane];
    const voxelAt = (shareAcross: number, shareDown: number): Point => {
      const fractions = niivue.screenXY2TextureFrac(left + width * shareAcross, top + height * shareDown, tile, false);
      return dimensions.map((size, axis) => fractions[axis]! * size - 0.5) as unknown as Point;
    };
    const middle = voxelAt(0.5, 0.5);
    const scale = [
      (voxelAt(0.75, 0.5)[across] - middle[across]) / ((width / perPixel) * 0.25),
      (voxelAt(0.5, 0.75)[up] - middle[up]) / ((height / perPixel) * 0.25),
    ] as const;
    const rectangle = {
      left: left / perPixel,
      top: top / perPixel,
      width: width / perPixel,
      height: height / perPixel,
    };
    return [{ plane, slice: crossHair[through]!, ...rectangle, scale, middle }];
  });
}

/**
 * The keys of the page in place of NiiVue's own, which the page neither names nor follows.
 * @returns tells the plane that they work in, and sets the one that was pointed at
 */
function listenToKeys(
  niivue: Niivue,
  canvas: HTMLCanvasElement,
): { readonly plane: () => Plane; readonly point: (plane: Plane) => void } {
  niivue.keyDownListener = () => {};
  niivue.keyUpListener = () => {};
  let pointed: Plane = 'axial';
  canvas.addEventListener('pointerdown', ({ offsetX, offsetY }) => {
    const perPixel = niivue.uiData.dpr ?? 1;
    const tile = niivue.screenSlices[niivue.tileIndex(offsetX * perPixel, offsetY * perPixel)];
    pointed = PLANES[tile?.axCorSag ?? -1] ?? pointed;
  });
  canvas.addEventListener('keydown', event => {
    if (event.altKey || event.ctrlKey || event.metaKey || niivue.volumes.length === 0) return;
    const { sliceType, isRadiologicalConvention: isRadiological } = niivue.opts;
    const turn = TURNS[event.key];
    if (sliceType === SLICE_TYPE.RENDER) {
      if (turn === undefined) return;
      event.preventDefault();
      const { renderAzimuth, renderElevation } = niivue.scene;
      niivue.setRenderAzimuthElevation(renderAzimuth + turn[0], renderElevation + turn[1]);
      return;
    }
    const factor = ZOOMS[event.key];
    if (factor !== undefined) {
      const [x, y, z, zoom] = niivue.scene.pan2Dxyzmm as [number, number, number, number];
      niivue.setPan2Dxyzmm(factor === 0 ? [0, 0, 0, 1] : [x, y, z, Math.min(MOST_ZOOM, Math.max(1, zoom * factor))]);
      return;
    }
    const plane = PLANES[sliceType] ?? pointed;
    const step = crossHairStep(event.key, { plane, isRadiological, isLong: event.shiftKey });
    if (step === undefined) return;
    event.preventDefault();
    const [right, anterior, superior] = step;
    niivue.moveCrosshairInVox(right, anterior, superior);
  });
  return {
    plane: () => PLANES[niivue.opts.sliceType] ?? pointed,
    point: plane => {
      pointed = plane;
    },
  };
}

/** @throws if the browser has no WebGL 2 */
export async function createViewer(
  canvas: HTMLCanvasElement,
  { onPlace, onLost, onWindow, onPlanes, onDrawn }: ViewerEvents,
): Promise<Viewer> {
  const niivue = new Niivue({
    backColor: [0.04, 0.06, 0.07, 1],
    crosshairColor: [0.45, 0.85, 0.92, 0.9],
    // a share of the plane, so that no line is thinner than a pixel on a small screen
    crosshairWidth: 0.5,
    crosshairWidthUnit: 'percent',
    isForceMouseClickToVoxelCenters: true,
    // no colour where the rendering is cut
    clipPlaneColor: [0, 0, 0, 0],
    show3Dcrosshair: true,
    dragAndDropEnabled: false,
    isResizeCanvas: true,
    multiplanarShowRender: SHOW_RENDER.ALWAYS,
    // letters of orientation are drawn over the canvas
    isOrientationTextVisible: false,
    mouseEventConfig: {
      leftButton: { primary: DRAG_MODE.crosshair },
      rightButton: DRAG_MODE.windowing,
      centerButton: DRAG_MODE.pan,
    },
    // surfaces belong to the rendering: they are seen through the image, and not drawn over planes
    meshThicknessOn2D: 0,
    meshXRay: 0.4,
    loadingText: '',
    logLevel: 'silent',
  });
  const { plane, point } = listenToKeys(niivue, canvas);
  const draw = niivue.drawScene.bind(niivue);
  let shownWindow = '';
  niivue.drawScene = () => {
    const drawn = draw();
    onPlanes(planesOnScreen(niivue), niivue.opts.isRadiologicalConvention);
    const { cal_min: low, cal_max: high } = niivue.volumes[0] ?? {};
    if (`${low} ${high}` !== shownWindow && low !== undefined) onWindow();
    shownWindow = `${low} ${high}`;
    return drawn;
  };
  const resetWindow = niivue.resetBriCon.bind(niivue);
  niivue.resetBriCon = event => {
    // two strokes in a row are a double click
    if (!niivue.opts.drawingEnabled) resetWindow(event);
  };
  await niivue.attachToCanvas(canvas);
  niivue.setSliceType(LAYOUTS.planes);
  canvas.addEventListener('webglcontextlost', onLost, { once: true });
  let styles: readonly LabelStyle[] = [];
  let opacity = 0.5;
  let isMap = false;
  const drawing = createDrawing(niivue, { plane: () => PLANE_NUMBERS[plane()], opacity: () => opacity, onDrawn });
  niivue.onLocationChange = location => {
    const { mm, values } = location as { mm: ArrayLike<number>; values: readonly { value: number }[] };
    const label = drawing.nameAtCrossHair() ?? styles.find(({ value }) => value === values[1]?.value)?.name;
    const millimetres = Array.from(mm)
      .slice(0, 3)
      .map(value => value.toFixed(1));
    const intensity = Number(values[0]?.value.toPrecision(4));
    const entropy = isMap && values[1] !== undefined ? ` · entropy ${values[1].value.toFixed(2)}` : '';
    onPlace(`${millimetres.join(', ')} mm · ${intensity}${label === undefined ? '' : ` · ${label}`}${entropy}`);
  };
  const image = (): NVImage => {
    const [first] = niivue.volumes;
    invariant(first !== undefined, 'there is an image before anything is drawn on it');
    return first;
  };
  const crossHair = (): Point => {
    const [x, y, z] = niivue.frac2vox(niivue.scene.crosshairPos);
    return [x!, y!, z!];
  };
  return {
    drawing,
    showScan: async ({ shown }) => {
      drawing.stop();
      for (const mesh of [...niivue.meshes]) niivue.removeMesh(mesh);
      for (const volume of [...niivue.volumes]) niivue.removeVolume(volume);
      styles = [];
      await niivue.loadFromArrayBuffer(shown.slice().buffer, 'image.nii');
      // to the middle of a voxel: between two, labels would be drawn half
      niivue.scene.crosshairPos = niivue.vox2frac(niivue.frac2vox(niivue.scene.crosshairPos));
      niivue.drawScene();
    },
    showLabels: (labels, given) => {
      const [first, ...overlays] = niivue.volumes;
      invariant(first !== undefined, 'there is an image before its labels');
      for (const overlay of overlays) niivue.removeVolume(overlay);
      styles = labels === null ? [] : given;
      isMap = false;
      if (labels === null) return;
      const overlay = overlayOf(first, labels, given);
      overlay.opacity = opacity;
      niivue.addVolume(overlay);
    },
    showMap: map => {
      const [first, ...overlays] = niivue.volumes;
      invariant(first !== undefined, 'there is an image before a map of it');
      for (const overlay of overlays) niivue.removeVolume(overlay);
      [styles, isMap] = [[], true];
      const overlay = mapOverlayOf(first, map);
      overlay.opacity = opacity;
      niivue.addVolume(overlay);
    },
    showSurfaces: surfaces => {
      if (surfaces.length === 0 && niivue.meshes.length === 0) return;
      for (const mesh of [...niivue.meshes]) niivue.removeMesh(mesh);
      for (const { surface, colour } of surfaces) {
        const [corners, triangles] = [
          Float32Array.from(surface.corners.flat()),
          Uint32Array.from(surface.triangles.flat()),
        ];
        niivue.addMesh(new NVMesh(corners, triangles, surface.name, Uint8Array.of(...colour, 255), 1, true, niivue.gl));
      }
    },
    setOpacity: value => {
      opacity = value;
      drawing.setOpacity(value);
      if (niivue.volumes.length > 1) niivue.setOpacity(1, value);
    },
    setLayout: layout => niivue.setSliceType(LAYOUTS[layout]),
    setRadiological: isRadiological => niivue.setRadiologicalConvention(isRadiological),
    setWindow: ({ low, high }) => {
      // equal ends would be divided by
      Object.assign(image(), { cal_min: low, cal_max: high > low ? high : low + (Math.abs(low) || 1) * 1e-6 });
      niivue.updateGLVolume();
    },
    window: () => {
      const { cal_min: low = 0, cal_max: high = 1 } = image();
      return { low, high };
    },
    range: () => {
      const { global_min: low = 0, global_max: high = 1, robust_min = low, robust_max = high } = image();
      return { whole: { low, high }, robust: { low: robust_min, high: robust_max } };
    },
    setImageVisible: isVisible => niivue.setOpacity(0, isVisible ? 1 : 0),
    setClipPlane: plane => niivue.setClipPlanes([[...plane]]),
    planeViews: () => planeViewsOf(niivue),
    crossHair: () => ({ point: crossHair(), plane: plane() }),
    place: () => {
      const [x, y, z, zoom] = niivue.scene.pan2Dxyzmm as [number, number, number, number];
      const { renderAzimuth: azimuth, renderElevation: elevation } = niivue.scene;
      return { crossHair: crossHair(), plane: plane(), panMm: [x, y, z], zoom, azimuth, elevation };
    },
    setPlace: ({ crossHair: [x, y, z], plane: pointed, panMm, zoom, azimuth, elevation }) => {
      point(pointed);
      niivue.scene.crosshairPos = niivue.vox2frac([x, y, z]);
      niivue.scene.pan2Dxyzmm = [...panMm, zoom];
      niivue.setRenderAzimuthElevation(azimuth, elevation);
      // says where the cross-hair is now, and draws
      niivue.moveCrosshairInVox(0, 0, 0);
    },
    picture: () => {
      // what was drawn is only there until the browser shows it
      niivue.drawScene();
      return canvas;
    },
  };
}
