/**
 * Answers for the server of the page where it does not: with what a person asked the browser to keep. As long as there
 * is a server, everything comes from there. One script without imports, since it lies at the page's own address.
 */

interface FetchEvent extends Event {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}

/** The part of a service worker's own side that TypeScript's library of pages lacks. */
interface ServiceWorkerSide {
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
}

const side = globalThis as unknown as ServiceWorkerSide;

async function answer(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await caches.match(request, { ignoreVary: true, ignoreSearch: true });
    if (kept === undefined) throw error;
    return kept;
  }
}

addEventListener('install', () => void side.skipWaiting());
// the page that asked is answered too, not only those that are opened later
addEventListener('activate', () => void side.clients.claim());
addEventListener('fetch', event => {
  const { request, respondWith } = event as FetchEvent;
  const isOwn = new URL(request.url).origin === location.origin;
  if (request.method === 'GET' && isOwn && !request.headers.has('range')) respondWith.call(event, answer(request));
});
