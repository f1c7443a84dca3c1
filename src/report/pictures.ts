/** Cases in pictures: for each case its pictures, the scores that chose it, letters of orientation, and legends. */

import { hexOf } from '../results/label-colours.ts';
import { ERROR_STYLES } from './error-map.ts';
import { html, type Markup } from './markup.ts';
import type { EdgeLetters, Montage, MontageLegendEntry } from './montage.ts';
import { renderTable } from './tables.ts';

/** A case that is shown in pictures, and why. */
export interface PicturedCase extends Montage {
  readonly caseId: string;
  /** `worst mean Dice, 0.806` */
  readonly reasons: readonly string[];
  /** Arm whose scores chose it. */
  readonly judge: string;
  /** Scores of the case by arm, those that chose it, by their names. */
  readonly scores: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

function pngSource(png: Uint8Array): string {
  let binary = '';
  for (let start = 0; start < png.length; start += 8192) {
    binary += String.fromCharCode(...png.subarray(start, start + 8192));
  }
  return `data:image/png;base64,${btoa(binary)}`;
}

/** Patterns of the error map as backgrounds of a legend. */
const BACKGROUNDS = {
  filled: (colour: string) => colour,
  striped: (colour: string) => `repeating-linear-gradient(135deg, ${colour} 0 3px, #202020 3px 6px)`,
  dotted: (colour: string) => `radial-gradient(${colour} 35%, #202020 40%) 0 0 / 5px 5px`,
} as const;

function legends(classes: readonly MontageLegendEntry[], hasErrors: boolean): readonly Markup[] {
  const structures = html`<ul class="legend">${classes.map(
    ({ name, colour, outline }) =>
      html`<li><span style="border-color: ${colour}; border-style: ${outline}"></span>${name} (${outline} outline)</li>`,
  )}</ul>`;
  if (!hasErrors) return [structures];
  const errors = html`<ul class="legend" aria-label="Colours of the error maps"><li>Error maps:</li>${Object.entries(
    ERROR_STYLES,
  ).map(
    ([kind, { colour, pattern, meaning }]) =>
      html`<li><span style="border-color: #202020; border-width: 1px; background: ${BACKGROUNDS[pattern](hexOf(colour))}"></span>${kind} (${pattern}): ${meaning}</li>`,
  )}</ul>`;
  return [structures, errors];
}

function lettered(picture: Markup, letters: EdgeLetters): Markup {
  return html`<div class="picture">${picture}${(['left', 'right', 'top', 'bottom'] as const).map(
    edge => html`<span class="${edge}" aria-hidden="true">${letters[edge]}</span>`,
  )}</div>`;
}

const DIRECTIONS: Readonly<Record<string, string>> = {
  L: 'left',
  R: 'right',
  A: 'front',
  P: 'back',
  S: 'head',
  I: 'feet',
};

/** The scores that chose a case, a column for each arm. */
function scoresTable({ caseId, scores }: PicturedCase): readonly Markup[] {
  const arms = Object.keys(scores);
  const names = [...new Set(Object.values(scores).flatMap(one => Object.keys(one)))];
  if (names.length === 0) return [];
  const rows = names.map(name => ({
    title: name,
    cells: arms.map(arm => [scores[arm]?.[name] ?? 'n/a', ''] as const),
  }));
  return [renderTable(`Scores of ${caseId}.`, { columns: arms, rows })];
}

const ERRORS = 'errors of ';

function renderCase(one: PicturedCase): Markup {
  const { caseId, reasons, judge, columns, legend, slice, letters } = one;
  const classes = legend.map(entry => entry.name).join(', ');
  const turned = `the top of the picture is the ${DIRECTIONS[letters.top]}, its left the ${DIRECTIONS[letters.left]} of the patient`;
  const describe = (title: string): string => {
    if (title === 'image') return `Case ${caseId}, ${slice}, without labels; ${turned}`;
    if (title.startsWith(ERRORS)) return `Case ${caseId}, ${slice}, ${title}`;
    return `Case ${caseId}, ${slice}, with the ${title} outlines of ${classes}`;
  };
  const [errors, plain] = [true, false].map(isError =>
    columns.filter(({ title }) => title.startsWith(ERRORS) === isError),
  );
  // errors stand below the segmentations that they are of
  const row = (shown: typeof columns): Markup =>
    html`<div class="pictures" style="--pictures: ${plain!.length}; --empty: ${plain!.length - shown.length}">${shown.map(
      ({ title, png }) =>
        html`<figure>${lettered(html`<img src="${pngSource(png)}" alt="${describe(title)}">`, letters)}<figcaption>${title}</figcaption></figure>`,
    )}</div>`;
  return html`<h3>${caseId}: ${reasons.join('; ')}</h3><p class="explain">By the scores of the ${judge}; ${slice}.</p>${[
    row(plain!),
    ...(errors!.length === 0 ? [] : [row(errors!)]),
    ...scoresTable(one),
  ]}`;
}

/** All cases with their legends; nothing where there are none. */
export function renderPictures(cases: readonly PicturedCase[]): readonly Markup[] {
  const [first] = cases;
  if (first === undefined) return [];
  const hasErrors = first.columns.some(({ title }) => title.startsWith(ERRORS));
  return [...legends(first.legend, hasErrors), ...cases.map(renderCase)];
}
