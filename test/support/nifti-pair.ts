/** Pairs of NIfTI files for tests. */
import { gunzipSync, gzipSync } from 'node:zlib';

const VOXELS_AT = 352;

/** A NIfTI-1 file as a pair: the signature ni1, and voxels from byte 0 of a file of their own. */
export function pairOf(nifti: Uint8Array): { readonly hdr: Uint8Array; readonly img: Uint8Array } {
  const whole = nifti[0] === 0x1f ? gunzipSync(nifti) : nifti;
  const hdr = new Uint8Array(whole.subarray(0, 348));
  hdr.set(new TextEncoder().encode('ni1\0'), 344);
  new DataView(hdr.buffer).setFloat32(108, 0, true);
  return { hdr, img: new Uint8Array(whole.subarray(VOXELS_AT)) };
}

/** A header without a NIfTI signature, as Analyze 7.5 has it. */
export function analyzeOf(nifti: Uint8Array): { readonly hdr: Uint8Array; readonly img: Uint8Array } {
  const { hdr, img } = pairOf(nifti);
  return { hdr: hdr.fill(0, 344, 348), img };
}

export const gz = (bytes: Uint8Array): Uint8Array => new Uint8Array(gzipSync(bytes));
