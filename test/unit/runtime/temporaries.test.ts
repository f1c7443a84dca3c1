/** What killed writes leave behind goes with the next owner, and nothing else does. */
import { describe, expect, it } from 'vitest';
import { sweepTemporaries, temporaryName } from '../../../src/runtime/temporaries.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const ID = '01234567-89ab-cdef-0123-456789abcdef';
const KEPT = ['unit/model.onnx', 'unit/.tmp', 'unit/.hidden.tmp', `unit/${ID}.tmp`, `unit/model.onnx.${ID}.tmp`];

describe('temporary files', () => {
  it('go from a folder and the folders in it', async () => {
    const left = [`unit/${temporaryName('model.onnx', ID)}`, `unit/checkpoint/${temporaryName('last', ID)}`];
    const files = memoryFiles(Object.fromEntries([...KEPT, ...left].map(path => [path, 'x'])));
    await sweepTemporaries(files, 'unit');
    expect([...files.contents.keys()].sort()).toEqual([...KEPT].sort());
    await sweepTemporaries(files, 'nowhere');
  });

  it('of a folder that others write into go when nobody can still be writing them', async () => {
    const path = `study/${temporaryName('run.json', ID)}`;
    const inside = `study/unit/${temporaryName('model.onnx', ID)}`;
    const files = memoryFiles({ [path]: 'x', [inside]: 'x' });
    files.clock.ms += 1000;
    await sweepTemporaries(files, 'study', { olderThanMs: 1000 });
    expect(await files.exists(path)).toBe(true);
    files.clock.ms += 1;
    await sweepTemporaries(files, 'study', { olderThanMs: 1000 });
    expect([...files.contents.keys()]).toEqual([inside]);
  });
});
