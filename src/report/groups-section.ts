/** Mean Dice by groups of cases, a table for each way to group, with the worst group of every arm. */
import { formatDice, formatInterval } from '../core/format.ts';
import type { GroupScores } from '../study/comparison/group-scores.ts';
import { orderArms } from './arms.ts';
import { html, type Markup } from './markup.ts';
import { renderTable } from './tables.ts';

/** The tables; nothing where the recipe has no groups. */
export function renderGroups(all: readonly GroupScores[]): readonly Markup[] {
  return all.flatMap(({ by, groups, without, sentences }) => {
    const arms = orderArms(groups.flatMap(({ meanDice }) => Object.keys(meanDice)));
    const rows = groups.map(({ name, meanDice }) => ({
      title: name,
      cells: arms.map(arm => {
        const { mean, ci95, n } = meanDice[arm]!;
        return [formatDice(mean), `${formatInterval(ci95, formatDice)}, n\u00a0=\u00a0${n}`] as const;
      }),
    }));
    const none = without === 0 ? '' : ` ${without} test cases are in no group.`;
    return [
      renderTable(`Mean Dice by ${by}, with 95 % intervals over cases and seeds.${none}`, {
        corner: by,
        columns: arms,
        rows,
      }),
      html`<ul>${sentences.map(sentence => html`<li>${sentence}</li>`)}</ul>`,
    ];
  });
}
