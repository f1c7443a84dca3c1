/**
 * Takes the place of ../distil/view.ts in the page that is one html file: training needs a storage that browsers do not
 * give to files, so the page has no button that leads here.
 */
import type { DistilView } from '../distil/view.ts';

export function createDistilView(): DistilView {
  throw new Error('internal: one html file has no view that trains');
}
