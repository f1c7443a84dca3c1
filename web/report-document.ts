/** Replaces linkedom in the page, which has its own DOM: charts of the report are drawn in a separate document. */

export function parseHTML(_html: string): { readonly document: Document } {
  return { document: document.implementation.createHTMLDocument() };
}
