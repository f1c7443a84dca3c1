/** The machine's facts, against values known otherwise. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createNodeMachine } from '../../../src/platform/node/provenance.ts';

describe('createNodeMachine', () => {
  const machine = createNodeMachine({ name: 'engine 1', device: 'cpu' });

  it('hashes as FIPS 180-4 says for "abc"', () => {
    expect(machine.sha256(new TextEncoder().encode('abc'))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });

  it('measures the peak of memory that was held for a while, and not less than what is held now', () => {
    machine.resetPeak();
    const block = Buffer.alloc(64 * 1024 * 1024, 1);
    expect(machine.peakBytes()).toBeGreaterThan(block.length);
    expect(machine.peakBytes()).toBeGreaterThanOrEqual(process.memoryUsage.rss() * 0.9);
  });

  it('knows its versions and a time that a record can be sorted by', () => {
    const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
    expect(machine.provenance.versions).toEqual({ voxstill: version, node: process.versions.node, engine: 'engine 1' });
    expect(machine.now()).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(machine.provenance.host.memoryBytes).toBeGreaterThan(0);
  });
});
