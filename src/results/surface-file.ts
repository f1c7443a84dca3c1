/**
 * Surfaces as files: OBJ with an object for each, and binary STL. Coordinates are RAS millimetres; both files say so in
 * the words that 3D Slicer reads, since it would take them for LPS. Source: Wavefront, Object files (.obj); 3D Systems,
 * StereoLithography interface specification.
 */
import { joinBytes } from '../core/bytes.ts';
import type { Xyz } from '../core/shape.ts';
import type { Surface } from './surface.ts';

const HEADER_BYTES = 80;
const TRIANGLE_BYTES = 50;
const SPACE = 'SPACE=RAS, millimetres, made by voxstill';
/** Decimals of millimetres. */
const DECIMALS = 4;

/** A name without what would end it in an OBJ file. */
function objectName(name: string): string {
  return name.replace(/[\s#]+/g, '_');
}

/** Encodes surfaces as one OBJ file. */
export function encodeObj(surfaces: readonly Surface[]): Uint8Array {
  const lines = [`# ${SPACE}`];
  let first = 1;
  for (const { name, corners, triangles } of surfaces) {
    lines.push(`o ${objectName(name)}`);
    for (const corner of corners) lines.push(`v ${corner.map(mm => Number(mm.toFixed(DECIMALS))).join(' ')}`);
    for (const triangle of triangles) lines.push(`f ${triangle.map(index => index + first).join(' ')}`);
    first += corners.length;
  }
  return new TextEncoder().encode(`${lines.join('\n')}\n`);
}

function normalOf([a, b, c]: readonly [Xyz, Xyz, Xyz]): Xyz {
  const [u, v] = [b, c].map(corner => corner.map((mm, axis) => mm - a[axis]!)) as [number[], number[]];
  const cross: Xyz = [u[1]! * v[2]! - u[2]! * v[1]!, u[2]! * v[0]! - u[0]! * v[2]!, u[0]! * v[1]! - u[1]! * v[0]!];
  const length = Math.hypot(...cross) || 1;
  return [cross[0] / length, cross[1] / length, cross[2] / length];
}

/** Encodes a surface as a binary STL file. */
export function encodeStl({ name, corners, triangles }: Surface): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 + triangles.length * TRIANGLE_BYTES));
  view.setUint32(0, triangles.length, true);
  triangles.forEach((triangle, index) => {
    const points = triangle.map(corner => corners[corner]!) as [Xyz, Xyz, Xyz];
    const numbers = [normalOf(points), ...points].flat();
    numbers.forEach((value, place) => {
      view.setFloat32(4 + index * TRIANGLE_BYTES + place * 4, value, true);
    });
  });
  const title = new TextEncoder().encode(`${SPACE}: ${name}`).subarray(0, HEADER_BYTES);
  const header = new Uint8Array(HEADER_BYTES).fill(32);
  header.set(title);
  return joinBytes([header, new Uint8Array(view.buffer)]);
}
