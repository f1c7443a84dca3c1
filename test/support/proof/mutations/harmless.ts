/** Readers that break one promise each, without harm: what the guards of the mutations must see. */
import { writeFileSync } from 'node:fs';
import { InputError } from '../../../../src/core/errors.ts';
import { random } from '../../../../src/core/random.ts';
import type { MemoryFiles } from '../../memory-files.ts';
import { encode, type InputKind, OUT } from './kind.ts';
import { mutateText } from './mutate.ts';

const WHOLE = 'whole';

/** Reads the whole example, and does this with any other. */
function kind(name: string, read: (files: MemoryFiles) => unknown): InputKind {
  const example = {
    files: { 'in/a': encode(WHOLE) },
    targets: [{ path: 'in/a', mutate: () => encode('other') }],
    read: async (files: MemoryFiles) => {
      if (files.text('in/a') !== WHOLE) await read(files);
    },
  };
  return { name, examples: async () => [example] };
}

const kept: Uint8Array[] = [];

export const INPUT_KINDS: readonly InputKind[] = [
  kind('good', files => files.write(`${OUT}/a`, 'b')),
  kind('refused', () => {
    throw new InputError('E_FILE_MISSING', 'on purpose');
  }),
  kind('uncoded', () => {
    throw new TypeError('on purpose');
  }),
  kind('outside', files => files.write('elsewhere/a', 'b')),
  kind('climbing', files => files.write(`${OUT}/../a`, 'b')),
  kind('host', () => {
    try {
      writeFileSync('/nowhere/to/write', '');
    } catch {
      // swallowed, as a reader might
    }
  }),
  kind('slow', () => {
    const start = process.cpuUsage();
    while (process.cpuUsage(start).user < 500_000) mutateText(encode(WHOLE), random('slow'));
  }),
  kind('large', () => kept.push(new Uint8Array(60e6).fill(1))),
  kind('hang', () => new Promise(() => {})),
  kind('death', () => process.exit(3)),
];
