/** Files that cannot be written outside of their folders, whatever a path looks like. */
import { describe, expect, it } from 'vitest';
import { boundFiles } from '../../../src/runtime/bounded-files.ts';
import { memoryFiles } from '../../support/memory-files.ts';

describe('bounded files', () => {
  it.each(['runs/a/b.json', './runs/a/b.json', 'runs/a/x/../b.json', 'cache/x', 'runs/b/../a/c'])(
    'are written at %s',
    async path => {
      const files = boundFiles(memoryFiles(), ['./runs/a', 'cache']);
      await files.write(path, 'text');
      expect(await files.create(`${path}.new`, 'text')).toBe(true);
      await files.remove(path);
      expect(await files.exists(path)).toBe(false);
    },
  );

  it.each(['runs/ab', 'runs', 'runs/a/../b', 'runs/a/../../x', '../runs/a/x', '/runs/a/x', 'x', 'runs\\a\\..\\b'])(
    'are not at %s',
    async path => {
      const below = memoryFiles();
      const files = boundFiles(below, ['./runs/a', 'cache']);
      const refused = { code: 'E_PATH_OUTSIDE', message: expect.stringContaining(path) };
      await expect(files.write(path, 'text')).rejects.toMatchObject(refused);
      await expect(files.create(path, 'text')).rejects.toMatchObject(refused);
      await expect(files.remove(path)).rejects.toMatchObject(refused);
      expect(await below.exists(path)).toBe(false);
    },
  );

  it('are read everywhere', async () => {
    const files = boundFiles(memoryFiles({ 'data/x': 'text' }), ['runs']);
    expect(await files.exists('data/x')).toBe(true);
  });
});
