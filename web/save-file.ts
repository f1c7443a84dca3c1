/** Hands a file to the person, as a download of the browser. */
import { make } from './elements.ts';

/** How long a saved file stays in the browser's memory. */
const SAVED_MS = 60_000;

/** Starts the download of a file. */
export function saveFile(name: string, content: Uint8Array | Blob): void {
  const blob = content instanceof Blob ? content : new Blob([content.slice()], { type: 'application/octet-stream' });
  const url = URL.createObjectURL(blob);
  make('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), SAVED_MS);
}
