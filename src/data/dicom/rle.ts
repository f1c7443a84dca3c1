/** RLE Lossless: one packed segment per byte of a pixel, the most significant first. Source: DICOM PS3.5, annex G. */

const HEADER_BYTES = 64;

function unpackSegment(packed: Uint8Array, into: Uint8Array): void {
  let to = 0;
  for (let at = 0; at < packed.length && to < into.length; ) {
    const control = packed[at++]!;
    if (control < 128) {
      const literal = packed.subarray(at, at + Math.min(control + 1, into.length - to));
      into.set(literal, to);
      at += control + 1;
      to += literal.length;
    } else if (control > 128) {
      const end = Math.min(into.length, to + 257 - control);
      if (at >= packed.length) break;
      into.fill(packed[at++]!, to, end);
      to = end;
    }
  }
  if (to < into.length) throw new Error(`its voxels end after ${to} of ${into.length} run-length packed bytes`);
}

/**
 * Unpacks a frame.
 * @returns little-endian values of `bytesPerPixel` bytes
 * @throws {Error} if the frame is damaged or ends early
 */
export function unpackRle(frame: Uint8Array, pixels: number, bytesPerPixel: number): Uint8Array {
  if (frame.length < HEADER_BYTES) throw new Error('its run-length packed voxels end within their header');
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const segments = view.getUint32(0, true);
  if (segments !== bytesPerPixel) throw new Error(`it has ${segments} packed planes, not ${bytesPerPixel}`);
  const starts = Array.from({ length: segments }, (_, index) => view.getUint32(4 + index * 4, true));
  const values = new Uint8Array(pixels * bytesPerPixel);
  const plane = new Uint8Array(pixels);
  starts.forEach((start, index) => {
    unpackSegment(frame.subarray(start, starts[index + 1] ?? frame.length), plane);
    const byte = bytesPerPixel - 1 - index;
    for (let i = 0; i < pixels; i++) values[i * bytesPerPixel + byte] = plane[i]!;
  });
  return values;
}
