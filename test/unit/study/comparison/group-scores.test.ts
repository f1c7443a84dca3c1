/** Groups of cases: reading the file, and the scores of each group. */
import { describe, expect, it } from 'vitest';
import { parseCaseGroups } from '../../../../src/data/case-groups.ts';
import { estimateMean } from '../../../../src/metrics/crossed-mean.ts';
import { renderGroups } from '../../../../src/report/groups-section.ts';
import { scoreGroups } from '../../../../src/study/comparison/group-scores.ts';
import { evaluation } from '../../report/fixtures.ts';

const ids = Array.from({ length: 14 }, (_, index) => `c${index}`);
const csv = [
  'case,site,"age, years"',
  ...ids.slice(0, 12).map((id, index) => `${id},${index < 6 ? 'A' : '"B ""old"""'},`),
  'c12,C,"60, 70"',
].join('\r\n');

describe('the file of groups', () => {
  it('has a column for each way to group, quoted fields too; an empty field is no group', () => {
    const [site, age] = parseCaseGroups(csv, { ids, path: 'g.csv' });
    expect([site?.by, age?.by]).toEqual(['site', 'age, years']);
    expect(site?.groupOf.get('c0')).toBe('A');
    expect(site?.groupOf.get('c6')).toBe('B "old"');
    expect([...age!.groupOf]).toEqual([['c12', '60, 70']]);
  });

  it.each([
    ['no column for cases', 'id,site\nc0,A'],
    ['nothing to group by', 'case\nc0'],
    ['a column twice', 'case,site,site\nc0,A,B'],
    ['a case twice', 'case,site\nc0,A\nc0,B'],
    ['a case of another data set', 'case,site\nx,A'],
    ['nothing', ''],
  ])('is refused with %s', (_, text) => {
    expect(() => parseCaseGroups(text, { ids, path: 'g.csv' })).toThrow(expect.objectContaining({ code: 'E_GROUPS' }));
  });
});

describe('the scores of groups', () => {
  const dice = ids.map((_, index) => 0.6 + 0.02 * index);
  const student = {
    name: 'student',
    repeats: [
      {
        fold: null,
        seed: 1,
        evaluation: evaluation(Object.fromEntries(ids.map((id, at) => [id, { organ: dice[at]! }]))),
      },
    ],
  };
  const [site] = scoreGroups([student], parseCaseGroups(csv, { ids, path: 'g.csv' }));

  it('are those of their cases alone, and say how many cases are in none', () => {
    expect(site?.groups.map(({ name }) => name)).toEqual(['A', 'B "old"', 'C']);
    expect(site?.groups[0]?.meanDice['student']).toEqual(estimateMean(dice.slice(0, 6), [0, 1]));
    expect(site?.groups[2]?.meanDice['student']).toMatchObject({ mean: dice[12], n: 1 });
    expect(site?.without).toBe(1);
  });

  it('name the worst group of those that have an interval', () => {
    expect(site?.worst).toEqual({ student: 'A' });
    expect(site?.sentences[0]).toMatch(
      /^Worst site of student: A, mean Dice 0\.650 \(95 % CI 0\.6\d\d to 0\.\d{3}, 6 cases\)\.$/,
    );
    expect(
      renderGroups([site!])
        .map(({ markup }) => markup)
        .join(''),
    ).toContain('B &quot;old&quot;');
  });
});
