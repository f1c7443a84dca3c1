/** SHA-256 by the platform, for code that is the same in Node and in pages. */

/**
 * Hexadecimal SHA-256.
 * @returns undefined where the platform has no such function, as pages have that come neither from this machine nor by
 * https
 */
export async function platformSha256(bytes: Uint8Array): Promise<string | undefined> {
  if (crypto.subtle === undefined) return undefined;
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, '0')).join('');
}
