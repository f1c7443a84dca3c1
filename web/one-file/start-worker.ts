/** Takes the place of ../start-worker.ts in the page that is one html file: the worker's program is inside the page. */
import InlineWorker from '../worker.ts?worker&inline';

export function startWorker(): Worker {
  return new InlineWorker();
}
