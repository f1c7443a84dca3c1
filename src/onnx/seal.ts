/**
 * The seal of a model: the SHA-256 of all bytes before it, as one more entry of the metadata at the very end of the
 * file. Any runtime reads the file as before; a changed byte of weights, graph or pipeline is found when voxstill reads
 * the file.
 */
import { joinBytes } from '../core/bytes.ts';
import { InputError } from '../core/errors.ts';
import { platformSha256 } from '../core/sha256.ts';
import { bytesField, FIELD } from './edit.ts';

/** The metadata key of the seal. */
export const SEAL_KEY = 'voxstill-sha256';

const encoder = new TextEncoder();

function sealOf(hash: string): Uint8Array {
  const entry = joinBytes([
    ...bytesField(FIELD.entryKey, encoder.encode(SEAL_KEY)),
    ...bytesField(FIELD.entryValue, encoder.encode(hash)),
  ]);
  return joinBytes(bytesField(FIELD.modelMetadata, entry));
}

/** The model with its seal; the same bytes give the same seal. */
export async function sealModel(bytes: Uint8Array): Promise<Uint8Array> {
  const hash = await platformSha256(bytes);
  return hash === undefined ? bytes : joinBytes([bytes, sealOf(hash)]);
}

/**
 * Checks a model against its seal.
 * @param stated the value of {@link SEAL_KEY} in its metadata; a model without one is not checked
 * @throws {InputError} E_MODEL_CHANGED if the file has changed since it was sealed
 */
export async function assertSealWhole(bytes: Uint8Array, stated: string | undefined, path: string): Promise<void> {
  if (stated === undefined) return;
  const seal = sealOf(stated);
  const content = bytes.subarray(0, bytes.length - seal.length);
  const isLast = seal.every((byte, index) => byte === bytes[content.length + index]);
  const hash = isLast ? await platformSha256(content) : '';
  if (hash === undefined || hash === stated) return;
  throw new InputError(
    'E_MODEL_CHANGED',
    `${path} changed after it was written: its content does not have the checksum in its metadata. Take a fresh copy of the file. If you ` +
      `changed it on purpose, remove the metadata entry ${SEAL_KEY}.`,
  );
}
