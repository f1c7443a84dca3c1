/** `voxstill power RUN --margin D`: how many test cases a "not worse than" verdict needs. */
import { formatNumber } from '../../core/format.ts';
import { createNodeSources } from '../../platform/node/laboratory.ts';
import { planPower } from '../../study/power.ts';
import type { PowerFlags } from '../flags/power.ts';
import type { Outcome } from '../session.ts';
import { alignColumns } from '../table.ts';

/** Plans the number of cases. */
export async function power(folder: string, { margin }: PowerFlags): Promise<Outcome> {
  const plans = await planPower(createNodeSources().files, folder, margin);
  const header = ['student, teacher', 'true difference', '80 %', '90 %'];
  const rows = plans.flatMap(({ a, b, needed }) =>
    needed.map(({ difference, cases }) => [
      `${a}, ${b}`,
      formatNumber(difference, 4),
      String(cases['0.8'] ?? 'none is enough'),
      String(cases['0.9'] ?? 'none is enough'),
    ]),
  );
  const spreads = plans.map(
    ({ a, caseDeviation, modelDeviation }) =>
      `${a}: a case differs by ${formatNumber(caseDeviation, 4)} (standard deviation), trained models add ${formatNumber(modelDeviation, 4)} to the mean.`,
  );
  const text = [...alignColumns([header, ...rows]), ...spreads, ...plans.map(({ sentence }) => sentence)].join('\n');
  return { json: { study: folder, margin, pairs: plans }, text };
}
