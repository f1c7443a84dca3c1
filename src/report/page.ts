/** The page of every report: one file with embedded style, without scripts, that loads nothing from elsewhere. */
import { html, type Markup } from './markup.ts';
import { STYLE } from './style.ts';

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/** A section of a page; empty if it has no content. */
export function section(title: string, explanation: string, content: readonly Markup[]): Markup {
  if (content.length === 0) return html``;
  return html`<section><h2>${title}</h2>${explanation === '' ? '' : html`<p class="explain">${explanation}</p>`}${content}</section>
`;
}

/** Charts side by side. */
export function charts(figures: readonly Markup[]): readonly Markup[] {
  return figures.length === 0 ? [] : [html`<div class="charts">${figures}</div>`];
}

/** Content of a page. */
export interface Page {
  readonly title: string;
  /** The finding in one or two sentences. */
  readonly headline: string;
  /** Notes that a reader needs to judge the numbers, one paragraph each. */
  readonly notes: readonly string[];
  /** In order; an empty one is nothing. */
  readonly sections: readonly Markup[];
  /** Whether the file will be written again; a browser then reloads it from time to time. */
  readonly isRunning: boolean;
}

const READ_AGAIN_SECONDS = 60;

/** A complete HTML document. */
export function renderPage({ title, headline, notes, sections, isRunning }: Page): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
${isRunning ? html`<meta http-equiv="refresh" content="${String(READ_AGAIN_SECONDS)}">` : html``}<style>${{ markup: STYLE }}</style>
</head>
<body>
<header><h1>${title}</h1><p class="headline">${headline}</p>${notes.map(note => html`<p class="explain">${note}</p>`)}</header>
<main>
${sections}</main>
</body>
</html>
`.markup;
}
