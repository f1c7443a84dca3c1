/**
 * The viewer: three planes and a 3D rendering by NiiVue, which only this file imports. Loaded when there is the first
 * image. Voxels stay in file order; NiiVue turns them by the affine.
 */
import { Niivue, type NVImage, SHOW_RENDER, SLICE_TYPE } from '@niivue/niivue';
import { invariant } from '../src/core/errors.ts';
import type { LabelVolume } from '../src/volume/volume.ts';
import type { Scan } from './protocol.ts';

export const LAYOUTS = {
  planes: SLICE_TYPE.MULTIPLANAR,
  axial: SLICE_TYPE.AXIAL,
  coronal: SLICE_TYPE.CORONAL,
  sagittal: SLICE_TYPE.SAGITTAL,
  render: SLICE_TYPE.RENDER,
} as const;

/** Style of a label. */
export interface LabelStyle {
  readonly value: number;
  readonly name: string;
  readonly colour: readonly [number, number, number];
}

export interface Viewer {
  showScan(scan: Scan): Promise<void>;
  /** Draws labels over the image; null removes them. */
  showLabels(labels: LabelVolume | null, styles: readonly LabelStyle[]): void;
  setOpacity(opacity: number): void;
  setLayout(layout: keyof typeof LAYOUTS): void;
  /** Sets the window: fractions 0 to 1 of the image's range that become black and white. */
  setWindow(darkest: number, brightest: number): void;
  /** The current window as fractions of the image's range. */
  window(): readonly [darkest: number, brightest: number];
}

export interface ViewerEvents {
  /** Text on the voxel under the cross-hair. */
  readonly onPlace: (text: string) => void;
  /** The browser has taken the graphics away; this viewer is of no use any more. */
  readonly onLost: () => void;
}

/** Intent code of NIfTI for labels. */
const LABEL_INTENT = 1002;
const DATATYPE_UINT8 = 2;

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

/** @throws if the browser has no WebGL 2 */
export async function createViewer(canvas: HTMLCanvasElement, { onPlace, onLost }: ViewerEvents): Promise<Viewer> {
  const niivue = new Niivue({
    backColor: [0.04, 0.06, 0.07, 1],
    crosshairColor: [0.45, 0.85, 0.92, 0.9],
    crosshairWidth: 0.15,
    show3Dcrosshair: true,
    dragAndDropEnabled: false,
    isResizeCanvas: true,
    multiplanarShowRender: SHOW_RENDER.ALWAYS,
    loadingText: '',
    logLevel: 'silent',
  });
  await niivue.attachToCanvas(canvas);
  niivue.setSliceType(LAYOUTS.planes);
  canvas.addEventListener('webglcontextlost', onLost, { once: true });
  let styles: readonly LabelStyle[] = [];
  let opacity = 0.5;
  niivue.onLocationChange = location => {
    const { mm, values } = location as { mm: ArrayLike<number>; values: readonly { value: number }[] };
    const label = styles.find(({ value }) => value === values[1]?.value)?.name;
    const millimetres = Array.from(mm)
      .slice(0, 3)
      .map(value => value.toFixed(1));
    const intensity = Number(values[0]?.value.toPrecision(4));
    onPlace(`${millimetres.join(', ')} mm · ${intensity}${label === undefined ? '' : ` · ${label}`}`);
  };
  const image = (): NVImage => {
    const [first] = niivue.volumes;
    invariant(first !== undefined, 'there is an image before anything is drawn on it');
    return first;
  };
  return {
    showScan: async ({ shown }) => {
      for (const volume of [...niivue.volumes]) niivue.removeVolume(volume);
      styles = [];
      await niivue.loadFromArrayBuffer(shown.slice().buffer, 'image.nii');
    },
    showLabels: (labels, given) => {
      const [first, ...overlays] = niivue.volumes;
      invariant(first !== undefined, 'there is an image before its labels');
      for (const overlay of overlays) niivue.removeVolume(overlay);
      styles = labels === null ? [] : given;
      if (labels === null) return;
      const overlay = overlayOf(first, labels, given);
      overlay.opacity = opacity;
      niivue.addVolume(overlay);
    },
    setOpacity: value => {
      opacity = value;
      if (niivue.volumes.length > 1) niivue.setOpacity(1, value);
    },
    setLayout: layout => niivue.setSliceType(LAYOUTS[layout]),
    setWindow: (darkest, brightest) => {
      const { global_min: low = 0, global_max: high = 1 } = image();
      image().cal_min = low + darkest * (high - low);
      image().cal_max = low + Math.max(brightest, darkest + 1e-3) * (high - low);
      niivue.updateGLVolume();
    },
    window: () => {
      const { global_min: low = 0, global_max: high = 1, cal_min = low, cal_max = high } = image();
      return high > low ? [(cal_min - low) / (high - low), (cal_max - low) / (high - low)] : [0, 1];
    },
  };
}
