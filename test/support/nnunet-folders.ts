/**
 * The results folders of test/fixtures/nnunet, which nnU-Net trained, with what its own predictor says of a case; see
 * make-nnunet-folders.py.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

/**
 * By name: aniso (transposed, thick slices, CT and masked z-score, two folds), iso (residual encoder, regions), planes
 * (2D, RAS, ignore label).
 */
export type NnunetName = 'aniso' | 'iso' | 'planes';

const LARGEST = 65535;

/** The folder of a training. */
export function nnunetFolder(name: NnunetName): string {
  return fileURLToPath(new URL(`../fixtures/nnunet/${name}`, import.meta.url));
}

/** The images of the case, one per channel, and nnU-Net's labels of it. */
export function nnunetCase(name: NnunetName): { readonly images: readonly string[]; readonly labels: string } {
  const folder = `${nnunetFolder(name)}/case`;
  const channels = name === 'aniso' ? ['0000', '0001'] : ['0000'];
  return { images: channels.map(channel => `${folder}/c5_${channel}.nii.gz`), labels: `${folder}/labels.nii.gz` };
}

/** nnU-Net's probabilities, [K, z, y, x], with its sums of logits in float32. */
export function nnunetProbabilities(name: NnunetName): Float32Array {
  const raw = new Uint8Array(gunzipSync(readFileSync(`${nnunetFolder(name)}/case/probabilities.u16.gz`)));
  return Float32Array.from(new Uint16Array(raw.buffer), value => value / LARGEST);
}
