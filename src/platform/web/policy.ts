/**
 * The content security policy of the page: it may run its own scripts and workers, and talk to its own server.
 * WebAssembly needs a keyword; the viewer and the charts set styles and draw generated pictures. The page embeds the
 * policy, for servers that send no headers.
 */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self' blob:",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self' data: blob:",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/**
 * The content security policy of a page that is one html file: its own script and workers out of itself, and nothing
 * that is fetched from anywhere.
 * @param script SHA-256 of its script in base64
 */
export function oneFilePolicy(script: string): string {
  return [
    "default-src 'none'",
    `script-src 'sha256-${script}' 'wasm-unsafe-eval'`,
    'worker-src blob:',
    "style-src 'unsafe-inline'",
    'img-src data: blob:',
    'font-src data:',
    'connect-src data: blob:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}
