/**
 * Agreement of volumes after Bland and Altman (The Lancet 327:307, 1986): per class and arm, the difference of
 * predicted and reference volume of every case against their mean, with the mean difference and the limits of
 * agreement, mean +- 1.96 standard deviations.
 */
import { dot, ruleY } from '@observablehq/plot';
import { formatNumber } from '../core/format.ts';
import type { Evaluation } from '../experiment/record.ts';
import { meanOf } from '../metrics/statistics.ts';
import { type ArmStyle, armStyles, orderArms } from './arms.ts';
import { renderChart } from './chart.ts';
import { html, type Markup } from './markup.ts';

interface Agreement {
  readonly arm: string;
  readonly className: string;
  readonly style: ArmStyle;
  readonly cases: readonly { readonly id: string; readonly meanMl: number; readonly differenceMl: number }[];
}

/** Half the width of the limits, in standard deviations of a normal distribution that hold 95 %. */
const LIMIT_DEVIATIONS = 1.96;

/** Mean and limits of agreement; the standard deviation has n - 1 in its denominator. */
function limitsOf(differences: readonly number[]): readonly [low: number, mean: number, high: number] {
  const mean = meanOf(differences);
  const squares = differences.reduce((sum, difference) => sum + (difference - mean) ** 2, 0);
  const reach = LIMIT_DEVIATIONS * Math.sqrt(squares / (differences.length - 1));
  return [mean - reach, mean, mean + reach];
}

/** Range of an axis. */
type Range = readonly [low: number, high: number];

function renderAgreement({ arm, className, style, cases }: Agreement, reach: number, volumesMl: Range): Markup {
  const [low, mean, high] = limitsOf(cases.map(({ differenceMl }) => differenceMl));
  const marks = [
    ruleY([0], { stroke: 'var(--line)', strokeWidth: 1.5 }),
    ruleY([mean], { stroke: style.colour, strokeWidth: 2 }),
    ruleY([low, high], { stroke: style.colour, strokeDasharray: '5 4' }),
    dot(cases, {
      x: 'meanMl',
      y: 'differenceMl',
      symbol: style.symbol,
      stroke: style.colour,
      r: 2.6,
      title: ({ id, differenceMl }: Agreement['cases'][number]) => `${id}: ${formatNumber(differenceMl, 2)} ml`,
    }),
  ];
  const options = {
    height: 210,
    marginLeft: 52,
    marginRight: 16,
    marginTop: 26,
    marginBottom: 36,
    x: { label: 'mean of both volumes (ml)', labelAnchor: 'center' as const, domain: volumesMl, ticks: 5 },
    y: { label: 'predicted minus reference (ml)', domain: [-reach, reach], ticks: 5, grid: true },
  };
  const numbers = `mean ${formatNumber(mean, 2)} ml, limits of agreement ${formatNumber(low, 2)} to ${formatNumber(high, 2)} ml`;
  return renderChart(marks, options, {
    title: `${className}, ${arm}`,
    description: `Differences of volumes: ${numbers}`,
    caption: html`${numbers}`,
  });
}

/**
 * One figure per class and arm, those of a class with the same axes. A class with fewer than two cases is left out.
 * @param evaluations by arm
 */
export function renderVolumeAgreement(evaluations: Readonly<Record<string, Evaluation>>): readonly Markup[] {
  const order = orderArms(Object.keys(evaluations));
  const styles = armStyles(order);
  const classes = new Set(order.flatMap(arm => Object.keys(evaluations[arm]!.summary.classes)));
  return [...classes].flatMap(className => {
    const all = order.flatMap((arm): Agreement[] => {
      const cases = evaluations[arm]!.cases.flatMap(({ id, classes: scores }) => {
        const score = scores[className];
        if (score === undefined || score.presence === 'neither') return [];
        const { volumeMl, referenceMl } = score;
        return [{ id, meanMl: (volumeMl + referenceMl) / 2, differenceMl: volumeMl - referenceMl }];
      });
      return cases.length < 2 ? [] : [{ arm, className, style: styles.get(arm)!, cases }];
    });
    const reach = Math.max(
      1e-3,
      ...all.flatMap(({ cases }) => {
        const differences = cases.map(({ differenceMl }) => differenceMl);
        return [...differences, ...limitsOf(differences)].map(Math.abs);
      }),
    );
    const volumes = all.flatMap(({ cases }) => cases.map(({ meanMl }) => meanMl));
    const [smallest, largest] = [Math.min(...volumes), Math.max(...volumes)];
    const margin = Math.max(0.05 * (largest - smallest), 1e-3);
    return all.map(one => renderAgreement(one, 1.08 * reach, [Math.max(0, smallest - margin), largest + margin]));
  });
}
