/**
 * A short part of `npm run prove -- --part mutations`: damaged inputs of every kind, and the guards of the long one.
 */
import { describe, expect, it } from 'vitest';
import { INPUT_KINDS } from '../support/proof/mutations/kinds.ts';
import { type Ended, openKind } from '../support/proof/mutations/reading.ts';
import { tallyMutations } from '../support/proof/mutations/run.ts';

const COUNT = 100;
const SEED = 20261128;

describe(`damaged in ${COUNT} ways`, () => {
  it.each(INPUT_KINDS)('$name is read or refused by a code, and nothing is written elsewhere', async kind => {
    const { read } = await openKind(kind);
    const ends: ({ readonly index: number } & Ended)[] = [];
    for (let index = 0; index < COUNT; index++) ends.push({ index, ...(await read(SEED, index)) });
    expect(ends.filter(({ end }) => end !== 'read' && end !== 'refused')).toEqual([]);
    const counts = ['read', 'refused'].map(wanted => ends.filter(({ end }) => end === wanted).length);
    for (const count of counts) expect(count).toBeGreaterThan(COUNT / 20);
  });
});

describe('the guards', () => {
  const module = new URL('../support/proof/mutations/harmless.ts', import.meta.url).href;
  const tally = (kind: string) =>
    tallyMutations(kind, { count: 2, seed: 1, module, bounds: { cpuMs: 400, bytes: 50e6, silenceMs: 4000 } });

  it.each([
    ['good', []],
    ['refused', []],
    ['uncoded', ['uncoded', 'uncoded']],
    ['outside', ['outside', 'outside']],
    ['climbing', ['outside', 'outside']],
    ['host', ['outside', 'outside']],
    ['slow', ['slow', 'slow']],
    ['large', ['large']],
    ['hang', ['hang', 'hang']],
    ['death', ['death', 'death']],
  ])('see what is %s', async (kind, faults) => {
    expect((await tally(kind)).faults.map(({ what }) => what)).toEqual(faults);
  });
});
