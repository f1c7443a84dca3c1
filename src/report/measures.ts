/** The measures of a report in plain words, with what each does where a structure is missing. */
import { html, type Markup } from './markup.ts';

const MEASURES: readonly (readonly [name: string, meaning: string])[] = [
  [
    'Dice',
    'overlap of segmentation and reference: 1 where they are the same, 0 where they do not touch. A structure that is missed or made up counts as 0; one that is in neither is left out.',
  ],
  [
    'HD95',
    'distance in millimetres within which 95 % of either surface lies from the other one, the larger of both directions; it shows parts that lie far off. A case in which the structure is missed or made up has no distance and is left out of the mean, so read it beside the number of such cases.',
  ],
  ['ASSD', 'average distance of the two surfaces in millimetres. Cases are left out as for HD95.'],
  [
    'Surface Dice',
    'share of both surfaces that lies within the tolerance of the recipe (evaluate.surfaceToleranceMm); 0 where the structure is missed or made up.',
  ],
  ['Sensitivity', 'share of the reference that was found.'],
  ['Precision', 'share of what was found that is right.'],
  ['Volume error', 'volume of the segmentation minus that of the reference, in per cent of the reference.'],
  [
    'Calibration error',
    'mean gap between the probability that the network gives to a structure and how often it is right.',
  ],
  [
    'p',
    'chance of a difference at least as large if the two arms were equally good (Wilcoxon signed-rank test over cases); with Holm\u2019s correction for the comparisons of one measure.',
  ],
  [
    '95 % CI',
    'confidence interval: a range that holds the true mean in 95 of 100 such studies. It is of one comparison alone, without the correction.',
  ],
];

/** The list of measures. */
export function renderMeasures(): Markup {
  return html`<dl>${MEASURES.map(([name, meaning]) => html`<dt>${name}</dt><dd>${meaning}</dd>`)}</dl>`;
}
