/**
 * What the page may do: run its own scripts and workers, and talk to its own server. WebAssembly needs its own word; the viewer and the
 * charts set styles and draw pictures of their own. The page carries it in itself, for servers that send no headers.
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
