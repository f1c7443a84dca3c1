/**
 * The bridge to Observable Plot: draws marks without a browser and returns a figure with caption and text alternative.
 * Charts are 340 pixels wide, so that text keeps its size on a phone and several fit side by side on a desktop.
 */
import { type Markish, type PlotOptions, plot } from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { html, type Markup, trusted } from './markup.ts';

/** Width of every chart in CSS pixels. */
export const CHART_WIDTH = 340;

export interface ChartText {
  /** Short heading of the figure. */
  readonly title: string;
  /** Text alternative for readers who cannot see the chart. */
  readonly description: string;
  /** Caption below the chart, if it needs one. */
  readonly caption?: Markup;
}

/**
 * Draws one chart.
 * @param options scales and margins as Plot takes them; marks must not use `marker` or `clip`, whose ids are counted
 * globally
 */
export function renderChart(marks: readonly Markish[], options: PlotOptions, text: ChartText): Markup {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const drawing = plot({ width: CHART_WIDTH, ...options, marks: [...marks], document });
  drawing.setAttribute('aria-hidden', 'true');
  const caption = text.caption === undefined ? html`` : html`<figcaption>${text.caption}</figcaption>`;
  const alternative = `${text.title}. ${text.description}`;
  return html`<figure class="chart"><h3>${text.title}</h3><div role="img" aria-label="${alternative}">${trusted(drawing.outerHTML)}</div>${caption}</figure>`;
}

/** Shortens a name so that it fits beside a chart. */
export function shorten(name: string, characters: number): string {
  return name.length <= characters ? name : `${name.slice(0, characters - 1)}\u2026`;
}
