/** Verdicts of "not worse than", as a list of sentences. */
import type { MarginJudgement } from '../study/comparison/comparison.ts';
import { html, type Markup } from './markup.ts';

/** The list; nothing where nothing was judged. */
export function judgements(all: readonly MarginJudgement[]): readonly Markup[] {
  if (all.length === 0) return [];
  return [
    html`<ul>${all.map(({ verdict, sentence }) => html`<li><strong>${verdict}</strong>: ${sentence}</li>`)}</ul>`,
  ];
}
