/**
 * What a start of the program loads: help and flags nothing but the parser of the command line, whatever the commands
 * need.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../src/cli/command-list.ts';

const CLI = fileURLToPath(new URL('../../../src/cli', import.meta.url));
const IMPORT = /^(?:import|export)\s+(?!type\b)(?:[^'";]*?\bfrom\s*)?'([^']+)'/gm;

/** Files that are loaded with one, itself among them, and packages; imports that wait for a call are not followed. */
function loadedWith(start: string): { readonly files: ReadonlySet<string>; readonly packages: ReadonlySet<string> } {
  const [files, packages] = [new Set<string>(), new Set<string>()];
  const stack = [start];
  for (let path = stack.pop(); path !== undefined; path = stack.pop()) {
    if (files.has(path)) continue;
    files.add(path);
    for (const [, name] of readFileSync(path, 'utf8').matchAll(IMPORT)) {
      if (name!.startsWith('.')) stack.push(join(dirname(path), name!));
      else packages.add(name!);
    }
  }
  return { files, packages };
}

describe('the start of the program', () => {
  it('loads the parser of the command line and no other package', () => {
    const { files, packages } = loadedWith(join(CLI, 'main.ts'));
    expect([...packages].sort()).toEqual(['commander', 'node:fs']);
    // each file takes part of a millisecond
    expect(files.size).toBeLessThanOrEqual(9);
  });

  it.each(COMMANDS.map(({ name }) => name))('loads no more for the flags of %s', name => {
    const { files, packages } = loadedWith(join(CLI, 'flags', `${name}.ts`));
    expect([...packages].filter(outside => outside !== 'commander')).toEqual([]);
    expect(files.size).toBeLessThanOrEqual(13);
  });

  it('loads no importer before predict sees a model that is no ONNX file', () => {
    const { files } = loadedWith(join(CLI, 'commands/predict.ts'));
    const importers = join(CLI, '../import/importers.ts');
    expect(files).toContain(join(CLI, '../experiment/model-source.ts'));
    expect(files).not.toContain(importers);
  });

  it('finds what a command itself loads, so that the two above can fail', () => {
    const { packages } = loadedWith(join(CLI, 'commands/predict.ts'));
    expect([...packages]).toEqual(expect.arrayContaining(['zod', 'pbf', 'node:crypto']));
    expect(readdirSync(join(CLI, 'commands')).length).toBeGreaterThanOrEqual(COMMANDS.length);
  });
});
