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
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');
