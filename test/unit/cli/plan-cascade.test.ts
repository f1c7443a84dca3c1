/** What `plan` says of a cascade. */
import { expect, it } from 'vitest';
import { describeCascade } from '../../../src/cli/plan-cascade.ts';

it('says which share of a case the fine stage sees, and both spacings', () => {
  expect(describeCascade({ share: 0.14, coarseMm: [1.3, 1.3, 2], fineMm: [1, 1, 1] })).toBe(
    'what is labelled takes 14.0 % of a case: the recipe trains a network at 1.3 x 1.3 x 2 mm that finds this region, and all arms inside it at 1 x 1 x 1 mm',
  );
});
