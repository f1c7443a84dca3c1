/** SHA-256 where a page waits for nothing: the browser's own has only a promise, and none without a secure origin. */
import { sha256 } from '@noble/hashes/sha2.js';

/** Bytes as hexadecimal digits. */
export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}

/** SHA-256 of bytes, 64 hexadecimal digits. */
export function hexSha256(bytes: Uint8Array): string {
  return hexOf(sha256(bytes));
}
