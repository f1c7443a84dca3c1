/** The page of every report: one file with embedded style, without scripts, that loads nothing from elsewhere. */
import { html, type Markup } from './markup.ts';
import { STYLE } from './style.ts';

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/** A part of a page with a heading that its contents list names. */
export interface Section extends Markup {
  readonly title: string;
  readonly id: string;
}

/** A section of a page; empty if it has no content, and then not in the contents. */
export function section(title: string, explanation: string, content: readonly Markup[]): Section {
  const id = title.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  if (content.length === 0) return { title, id, markup: '' };
  const { markup } =
    html`<section id="${id}"><h2>${title}</h2>${explanation === '' ? '' : html`<p class="explain">${explanation}</p>`}${content}</section>
`;
  return { title, id, markup };
}

/**
 * Text that is longer than a reader wants at once: shown when it is asked for, and reached by the keyboard where it
 * scrolls.
 */
export function folded(summary: string, code: string): Markup {
  return html`<details><summary>${summary}</summary><pre tabindex="0" role="region" aria-label="${summary}"><code>${code}</code></pre></details>`;
}

/** A line of code, reached by the keyboard where it scrolls. */
export function command(code: string): Markup {
  return html`<pre tabindex="0" role="region" aria-label="Command"><code>${code}</code></pre>`;
}

function contents(sections: readonly Section[]): Markup {
  const shown = sections.filter(({ markup }) => markup !== '');
  if (shown.length < 3) return html``;
  return html`<nav aria-label="Contents"><ul>${shown.map(({ title, id }) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
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
  readonly sections: readonly Section[];
  /** Whether the file will be written again; the page then says so and has a link that reads it again. */
  readonly isRunning: boolean;
}

/** A complete HTML document. */
export function renderPage({ title, headline, notes, sections, isRunning }: Page): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${{ markup: STYLE }}</style>
</head>
<body>
<header><h1>${title}</h1><p class="headline">${headline}</p>${notes.map(note => html`<p class="note">${note}</p>`)}${
    isRunning
      ? html`<p class="note">This study is running, and this file is written again as it goes on. <a href="">Read it again</a></p>`
      : html``
  }</header>
${contents(sections)}<main>
${sections}</main>
</body>
</html>
`.markup;
}
