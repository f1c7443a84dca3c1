/** Files that are held against their hashes: the bytes that are used are the bytes that were hashed. */
import { describe, expect, it } from 'vitest';
import { holdFiles, pathsIn } from '../../../src/runtime/held-files.ts';
import { sha256 } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

describe('held files', () => {
  const hash = sha256(new TextEncoder().encode('voxels'));

  it('are read while they are what they were', async () => {
    const files = memoryFiles({ 'data/a.nii': 'voxels', 'data/b.nii': 'other' });
    const held = holdFiles(files, pathsIn('data', { 'a.nii': hash }), sha256);
    expect(new TextDecoder().decode(await held.read('data/a.nii'))).toBe('voxels');
    expect(new TextDecoder().decode(await held.read('data/b.nii'))).toBe('other');
    await files.write('data/a.nii', 'Voxels');
    await expect(held.read('data/a.nii')).rejects.toMatchObject({
      code: 'E_RESUME_DATA',
      message: expect.stringContaining('data/a.nii has changed'),
    });
  });
});
