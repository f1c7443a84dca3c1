import { expect, it } from 'vitest';
import { expectedDiceText } from '../../../web/report-text.ts';

it('says the expected Dice of every class, and whether it is calibrated', () => {
  const expectedDice = { Anterior: 0.8712, Posterior: null };
  expect(expectedDiceText({ expectedDice, temperature: 1.3 })).toBe(
    '. Expected Dice: Anterior 0.871, Posterior not found',
  );
  expect(expectedDiceText({ expectedDice, temperature: null })).toBe(
    '. Expected Dice: Anterior 0.871, Posterior not found (not calibrated)',
  );
  expect(expectedDiceText({ expectedDice: {}, temperature: null })).toBe('');
});
