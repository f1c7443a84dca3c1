/**
 * The shapes behind a phantom: a hippocampus-like curved tube among the tissues that make it hard to find. Everything
 * is written in template millimetres, a 36 x 50 x 36 box with x to the side, y to the front and z upwards; a case of
 * another size is the same box stretched. Knows nothing of voxels, noise or files. The layout follows T1-weighted crops
 * of the Medical Segmentation Decathlon (Task04_Hippocampus): a bulbous head low in front, a thin body and tail that
 * rise to the back, bright white matter beneath, dark fluid beside and above, and grey matter of the structure's own
 * intensity around it (cortex, amygdala, putamen), so that a threshold does not find it.
 */
import type { Random } from '../core/random.ts';
import type { Xyz } from '../volume/volume.ts';

/** Extent of the template box in x, y, z. */
export const TEMPLATE_SIZE_MM: Xyz = [36, 50, 36];

/** Relative T1 intensity of each tissue; white matter is near 1. */
const FLUID = 0.08;
const GREY = 0.44;
const THALAMUS = 0.68;
const WHITE = 0.84;

/** What lies at one place: `intensity` without noise and bias, and the signed distance to the structure's surface. */
interface AnatomySample {
  /** Relative intensity with soft (partial volume) edges, about 0.08 for fluid to 0.84 for white matter. */
  readonly intensity: number;
  /** Distance to the surface of the labelled structure, negative inside; close to millimetres near the surface. */
  readonly distanceMm: number;
}

/** One case's shapes. */
export interface Anatomy {
  /** Template y of the plane between head (in front, larger y) and body. */
  readonly boundaryMm: number;
  /**
   * @param positionMm template position, already displaced by the case's warp
   * @param folds two smooth random values at this place, about standard normal; they draw the cortex
   */
  sample(positionMm: Xyz, folds: readonly [number, number]): AnatomySample;
}

/** Width of a soft edge: one voxel and a little blur, as a scanner's point spread has. */
const EDGE_MM = 1.4;

/** Share of a voxel that lies inside a surface at this signed distance. */
function coverage(distanceMm: number): number {
  return Math.min(1, Math.max(0, 0.5 - distanceMm / EDGE_MM));
}

function smoothStep(from: number, to: number, value: number): number {
  const t = Math.min(1, Math.max(0, (value - from) / (to - from)));
  return t * t * (3 - 2 * t);
}

/** Euclidean length; Math.hypot guards against overflow at many times the cost. */
function length(x: number, y: number, z: number): number {
  return Math.sqrt(x * x + y * y + z * z);
}

/** Approximate signed distance to an ellipse: (k - 1) / |gradient of k|, exact on the axes. */
function ellipseDistance(u: number, v: number, radiusU: number, radiusV: number): number {
  const [a, b] = [u / radiusU, v / radiusV];
  const k = length(a, b, 0);
  if (k < 1e-6) return -Math.min(radiusU, radiusV);
  return ((k - 1) * k) / length(a / radiusU, b / radiusV, 0);
}

/** Approximate signed distance to an axis-parallel ellipsoid. */
function ellipsoidDistance(at: Xyz, centre: Xyz, radii: Xyz): number {
  const k = length((at[0] - centre[0]) / radii[0], (at[1] - centre[1]) / radii[1], (at[2] - centre[2]) / radii[2]);
  return (k - 1) * Math.min(radii[0], radii[1], radii[2]);
}

/** Centreline and half axes of the structure's cross-section at one y. */
interface Section {
  readonly t: number;
  readonly x: number;
  readonly z: number;
  /** Half axes of the tube as if it had no ends; the neighbours follow these. */
  readonly radiusX: number;
  readonly radiusZ: number;
  /** 0 at the two ends, 1 between: what rounds the structure off. */
  readonly cap: number;
  readonly cosTilt: number;
  readonly sinTilt: number;
}

/** Sections are tabulated this finely, from one box length before the template to one after it. */
const SECTIONS_PER_MM = 8;

/** The case's random numbers, each drawn once, in a fixed order. */
function drawShape(source: Random) {
  const spread = (mean: number, deviation: number): number =>
    mean + deviation * Math.max(-2, Math.min(2, source.normal()));
  const between = (low: number, high: number): number => low + (high - low) * source.uniform();
  return {
    tailY: between(3.5, 7.5),
    tipY: between(41, 45.5),
    centreX: spread(14.5, 1.1),
    lean: spread(3, 1.2),
    hook: between(2, 7),
    tailZ: spread(24, 1.6),
    headZ: spread(10.5, 1),
    sag: spread(2.2, 0.8),
    swayX: spread(0, 0.8),
    swayZ: spread(0, 0.6),
    bodyX: spread(5.5, 0.35),
    bodyZ: spread(3.9, 0.25),
    headX: spread(8.7, 0.5),
    headRadiusZ: spread(5.1, 0.3),
    neck: between(0.56, 0.65),
    tilt: spread(-0.15, 0.15),
    slit: between(0.2, 1.1),
    horn: between(0.6, 1.5),
    cistern: between(1.2, 2.6),
    sheet: between(1, 1.7),
    gyrusGap: between(5.2, 7),
    gyrusX: spread(1.5, 1.2),
    amygdalaX: spread(0.5, 1),
    amygdalaZ: spread(7.6, 0.7),
    putamenZ: spread(9.5, 1.2),
    contrast: spread(0, 0.025),
  };
}

/**
 * Draws one case's anatomy.
 * @param source advanced by a fixed number of draws
 */
export function drawAnatomy(source: Random): Anatomy {
  const shape = drawShape(source);
  const lengthMm = shape.tipY - shape.tailY;

  const section = (y: number): Section => {
    const t = (y - shape.tailY) / lengthMm;
    const along = Math.min(1.25, Math.max(-0.25, t));
    const bulb = smoothStep(shape.neck - 0.06, shape.neck + 0.2, along);
    const tail = Math.max(0, 0.3 - along) / 0.3;
    const front = Math.max(0, (along - 0.78) / 0.22);
    const back = Math.max(0, (0.16 - along) / 0.16);
    return {
      t,
      x: shape.centreX + shape.lean * along + shape.hook * tail * tail + shape.swayX * Math.sin(2 * Math.PI * along),
      z:
        shape.headZ +
        (shape.tailZ - shape.headZ) * (1 - along) -
        shape.sag * Math.sin(Math.PI * along) +
        shape.swayZ * Math.sin(2 * Math.PI * along),
      radiusX: shape.bodyX + (shape.headX - shape.bodyX) * bulb - 1.4 * Math.min(1, tail),
      radiusZ: shape.bodyZ + (shape.headRadiusZ - shape.bodyZ) * bulb - 0.5 * Math.min(1, tail),
      cap: Math.sqrt(Math.max(0, 1 - Math.max(front, back) ** 2)),
      cosTilt: Math.cos(shape.tilt * (1 - bulb)),
      sinTilt: Math.sin(shape.tilt * (1 - bulb)),
    };
  };
  const table = Array.from({ length: 3 * TEMPLATE_SIZE_MM[1] * SECTIONS_PER_MM }, (_, index) =>
    section(index / SECTIONS_PER_MM - TEMPLATE_SIZE_MM[1]),
  );
  const nearestSection = (y: number): Section => {
    const index = Math.round((y + TEMPLATE_SIZE_MM[1]) * SECTIONS_PER_MM);
    return table[Math.min(table.length - 1, Math.max(0, index))]!;
  };
  const front = section(shape.tailY + 0.93 * lengthMm);
  const middle = section(shape.tailY + 0.42 * lengthMm);
  const amygdala: Xyz = [front.x + shape.amygdalaX, shape.tipY + 0.5, front.z + shape.amygdalaZ];
  const thalamus: Xyz = [middle.x + 5, shape.tailY + 0.48 * lengthMm, middle.z + 15.5];

  const putamen: Xyz = [middle.x - 5, shape.tailY + 0.55 * lengthMm, middle.z + shape.putamenZ];

  const sample = (at: Xyz, folds: readonly [number, number]): AnatomySample => {
    const [x, y, z] = at;
    const s = nearestSection(y);
    const u = (x - s.x) * s.cosTilt + (z - s.z) * s.sinTilt;
    const v = (z - s.z) * s.cosTilt - (x - s.x) * s.sinTilt;

    let intensity = WHITE;
    const paint = (tissue: number, amount: number): void => {
      intensity += (tissue - intensity) * amount;
    };
    // Cortex is a level set of smooth noise: ribbons of grey matter with fluid in the middle of some.
    const lower = 0.25 * smoothStep(2, -6, v) + 0.75 * Math.max(smoothStep(0, -7, v), smoothStep(-6, -13, u));
    paint(GREY, coverage((Math.abs(folds[0]) + 0.1 - 0.75 * lower) * 4));
    paint(FLUID, coverage((Math.abs(folds[0]) + 0.1 - 0.25 * lower) * 4 + Math.max(0, 1 - 2 * folds[1])));
    paint(THALAMUS, coverage(ellipsoidDistance(at, thalamus, [11, 13, 9])));
    paint(GREY, coverage(ellipsoidDistance(at, putamen, [4, 7, 3.5])));
    // The gyrus below: a tube of the same intensity and course as the structure.
    const gyrusV = v + s.radiusZ + shape.gyrusGap;
    paint(GREY, coverage(ellipseDistance(u - shape.gyrusX, gyrusV, 5.5, 2.4)));
    const cistern = Math.max(0.3, shape.cistern * (1.2 - Math.max(0, s.t - 0.2)) + 0.4 * folds[1]);
    paint(FLUID, coverage(ellipseDistance(u - s.radiusX - 2.6, v - 1, cistern, cistern + 1.6)));
    paint(GREY, coverage(ellipsoidDistance(at, amygdala, [6.5, 6.5, 4.6])));
    const hornSize = shape.horn * smoothStep(0.3, 0.6, s.t);
    if (hornSize > 0.1) {
      paint(FLUID, coverage(ellipseDistance(u + s.radiusX * s.cap + 0.8, v - 1.2, hornSize, hornSize + 1)));
    }
    const roof = Math.abs(v - s.radiusZ * s.cap - 0.4) - shape.slit * smoothStep(0.95, 0.6, s.t);
    paint(FLUID, coverage(Math.max(roof, Math.abs(u + 0.5) - s.radiusX * 0.8)));
    const sheetV = Math.abs(v + s.radiusZ * (0.6 + 0.4 * s.cap) + shape.sheet - 0.3 + 0.02 * u * u) - shape.sheet;
    paint(WHITE, coverage(Math.max(sheetV, Math.abs(u) - s.radiusX - 2.5)));

    const beyond = Math.max(-s.t, s.t - 1) * lengthMm;
    const inside = s.cap > 0.05 ? ellipseDistance(u, v, s.radiusX * s.cap, s.radiusZ * s.cap) : length(u, v, beyond);
    const distanceMm = Math.max(inside, beyond);
    paint(GREY + shape.contrast + 0.03 * folds[1], coverage(distanceMm));
    return { intensity, distanceMm };
  };
  return { boundaryMm: shape.tailY + (shape.neck + 0.02) * lengthMm, sample };
}
