/** Reads one damaged input, and says what came of it. */
import { VoxstillError } from '../../../../src/core/errors.ts';
import type { Random } from '../../../../src/core/random.ts';
import { random } from '../../../../src/core/random.ts';
import { damaged, type Example, type InputKind, OUT } from './kind.ts';
import { pick } from './mutate.ts';

/** What came of an input. */
export interface Ended {
  /** `uncoded`: an error without a code; `outside`: something was written elsewhere. */
  readonly end: 'read' | 'refused' | 'uncoded' | 'outside';
  /** Of an error. */
  readonly message: string;
}

/** Names that were written outside of the one folder that is to be written into. */
function outside(before: ReadonlySet<string>, after: readonly string[]): readonly string[] {
  const strange = after.filter(path => !before.has(path) && !path.startsWith(`${OUT}/`));
  return [...strange, ...after.filter(path => path.split('/').includes('..'))];
}

function endOf(error: unknown): Ended {
  if (error instanceof VoxstillError) return { end: 'refused', message: `${error.code}: ${error.message}` };
  return { end: 'uncoded', message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

/** Damages an example and reads it. @param forbidden what else was written meanwhile; it is emptied */
async function readDamaged(example: Example, stream: Random, forbidden: string[]): Promise<Ended> {
  const files = damaged(example, stream);
  const before = new Set(files.contents.keys());
  const end = await example.read(files).then((): Ended => ({ end: 'read', message: '' }), endOf);
  const written = [...outside(before, [...files.contents.keys()]), ...forbidden.splice(0)];
  return written.length === 0 ? end : { end: 'outside', message: written.join(', ') };
}

/** A kind whose whole examples have been read, so that what is not readable at all does not pass for robust. */
export interface OpenKind {
  /** Damages and reads an example; the same for the same seed and index. */
  readonly read: (seed: number, index: number) => Promise<Ended>;
}

/** @param forbidden what a guard of this machine's files has seen */
export async function openKind({ name, examples }: InputKind, forbidden: string[] = []): Promise<OpenKind> {
  const all = await examples();
  for (const [index, example] of all.entries()) {
    const targets = example.targets.map(target => ({ ...target, mutate: (bytes: Uint8Array) => bytes }));
    const { end, message } = await readDamaged({ ...example, targets }, random('whole'), forbidden);
    if (end !== 'read') throw new Error(`the whole example ${index} of ${name} cannot be read: ${message}`);
  }
  return {
    read: (seed, index) => {
      const stream = random(seed, 'mutation', name, index);
      return readDamaged(pick(all, stream), stream, forbidden);
    },
  };
}
