/** JSON files: what is read, and what is said of a damaged one. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  type JsonForm,
  parseJsonIf,
  readJson,
  readSealedJson,
  readText,
  writeJson,
  writeSealedJson,
} from '../../../src/runtime/json-file.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const form: JsonForm<Readonly<Record<string, number>>> = {
  schema: z.record(z.string(), z.number()),
  code: 'E_RUN',
  advice: 'Put it back.',
};

describe('a JSON file', () => {
  it('is read as it was written, also where an editor put a byte order mark before it', async () => {
    const files = memoryFiles();
    await writeJson(files, 'a.json', { one: 1 });
    expect(files.text('a.json')).toBe('{\n  "one": 1\n}\n');
    expect(await readJson(files, 'a.json', form)).toEqual({ one: 1 });
    await files.write('b.json', '\uFEFF{ "two": 2 }');
    expect(await readText(files, 'b.json')).toBe('{ "two": 2 }');
    expect(await readJson(files, 'b.json', form)).toEqual({ two: 2 });
  });

  it('that is not JSON is refused with its code, its path and what to do', async () => {
    const files = memoryFiles({ 'a.json': '{ "one": 1' });
    await expect(readJson(files, 'a.json', form)).rejects.toMatchObject({
      code: 'E_RUN',
      exitCode: 2,
      message: expect.stringMatching(/^a\.json is not JSON \(.+\)\. Put it back\.$/),
    });
  });

  it('with wrong fields is refused with the first five of them', async () => {
    const wrong = (count: number) =>
      JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, k) => [`k${k}`, 'x'])));
    const linesOf = async (text: string): Promise<string[]> => {
      const error: Error = await readJson(memoryFiles({ 'a.json': text }), 'a.json', form).then(
        () => new Error('accepted'),
        reason => reason,
      );
      return error.message.split('\n');
    };
    expect(await linesOf(wrong(2))).toEqual([
      expect.stringMatching(/^a\.json k0: /),
      expect.stringMatching(/^a\.json k1: /),
      'Put it back.',
    ]);
    expect((await linesOf(wrong(7))).slice(-2)).toEqual([
      expect.stringMatching(/^a\.json k4: .* and 2 more$/),
      'Put it back.',
    ]);
    expect(await linesOf('[]')).toEqual([expect.stringMatching(/^a\.json: /), 'Put it back.']);
  });

  it('that is not there is not called damaged', async () => {
    await expect(readJson(memoryFiles(), 'a.json', form)).rejects.toMatchObject({ code: 'E_FILE_MISSING' });
  });

  it('is undefined for a reader that can do without, where it is half written or something else', () => {
    expect(parseJsonIf('{ "one": 1 }', form.schema)).toEqual({ one: 1 });
    expect(parseJsonIf('{ "one"', form.schema)).toBeUndefined();
    expect(parseJsonIf('{ "one": "x" }', form.schema)).toBeUndefined();
  });
});

describe('a sealed JSON file', () => {
  const content = { one: 1, '10': 0.1, '2': -0.5 };
  const sealed = async () => {
    const files = memoryFiles();
    await writeSealedJson(files, 'a.json', content);
    return files;
  };

  it('is read as it was written, also where only its spaces have changed', async () => {
    const files = await sealed();
    expect(JSON.parse(files.text('a.json'))).toEqual({ ...content, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(await readSealedJson(files, 'a.json', form)).toEqual(content);
    await files.write('a.json', JSON.stringify(JSON.parse(files.text('a.json'))));
    expect(await readSealedJson(files, 'a.json', form)).toEqual(content);
  });

  it.each([
    ['"one": 1', '"one": 3'],
    ['0.1', '0.3'],
    ['"2": -0.5,', ''],
    ['"one"', '"two"'],
    ['"sha256": "', '"sha256": "0'],
  ])('with %s become %s, which its schema allows, is refused', async (from, to) => {
    const files = await sealed();
    const changed = files.text('a.json').replace(from, to);
    expect(changed).not.toBe(files.text('a.json'));
    await files.write('a.json', changed);
    await expect(readSealedJson(files, 'a.json', form)).rejects.toMatchObject({
      code: 'E_RUN',
      message: 'a.json changed after it was written. Put it back.',
    });
  });

  it('of an earlier version, without a seal, is believed', async () => {
    const files = memoryFiles({ 'a.json': '{ "one": 1 }' });
    expect(await readSealedJson(files, 'a.json', form)).toEqual({ one: 1 });
  });
});
