/** The list of units as a file: what comes from it becomes a path, so nothing in it may lead elsewhere. */
import { describe, expect, it } from 'vitest';
import { readUnits } from '../../../../src/study/units/units-file.ts';
import { memoryFiles } from '../../../support/memory-files.ts';

function listWith(folder: string): string {
  return JSON.stringify({ kind: 'run', units: [{ folder, arm: 'teacher', fold: null, seed: 1, label: 'teacher' }] });
}

describe('the list of units', () => {
  it.each(['teacher', 'fold-1/seed-2/student'])('takes the folder %j', async folder => {
    const { units } = await readUnits(memoryFiles({ 'runs/a/units.json': listWith(folder) }), 'runs/a');
    expect(units[0]?.folder).toBe(folder);
  });

  it.each(['../b/teacher', '/tmp/teacher', 'a/../../b', '', '.', 'C:\\x'])('refuses the folder %j', async folder => {
    const read = readUnits(memoryFiles({ 'runs/a/units.json': listWith(folder) }), 'runs/a');
    await expect(read).rejects.toMatchObject({ code: 'E_WORK', message: expect.stringContaining('units.0.folder') });
  });
});
