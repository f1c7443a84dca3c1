/** The named tensors of a checkpoint: the state dictionary of a module, wherever in the file it is. */
import { InputError } from '../../core/errors.ts';
import { type NamedTensor, Weights } from '../weights.ts';
import type { TorchCheckpoint } from './checkpoint.ts';
import { isTensorRef, type PickleValue } from './globals.ts';

/** What wrappers put before every name. */
const PREFIXES = ['module.', '_orig_mod.', 'model.', 'net.', 'network.'] as const;

/** A prefix that all names share, taken away as often as there is one. */
function withoutPrefix(names: readonly string[]): (name: string) => string {
  let cut = 0;
  for (;;) {
    const prefix = PREFIXES.find(one => names.every(name => name.startsWith(one, cut)));
    if (prefix === undefined || names.length === 0) return name => name.slice(cut);
    cut += prefix.length;
  }
}

/** Whether a value maps names to tensors alone. */
function isStateDict(value: PickleValue | undefined): value is Map<string | number, PickleValue> {
  return value instanceof Map && value.size > 0 && [...value.values()].every(isTensorRef);
}

/** The value under a name of a dictionary. */
export function entryOf(value: PickleValue | undefined, key: string): PickleValue | undefined {
  return value instanceof Map ? value.get(key) : undefined;
}

/**
 * The tensors of a state dictionary.
 * @param value the dictionary
 * @param options.keepsNames whether names stay as they are; otherwise what wrappers put before all of them is taken
 * away
 * @throws {InputError} E_IMPORT_KIND if it is none
 */
export function weightsOf(
  { read }: TorchCheckpoint,
  value: PickleValue | undefined,
  { path, keepsNames = false }: { readonly path: string; readonly keepsNames?: boolean },
): Weights {
  if (!isStateDict(value)) {
    throw new InputError('E_IMPORT_KIND', `${path} holds no state dictionary, which has a tensor for every name.`);
  }
  const entries = [...value].map(([name, tensor]) => [String(name), tensor] as const);
  const short = keepsNames ? (name: string) => name : withoutPrefix(entries.map(([name]) => name));
  const tensors = new Map<string, NamedTensor>();
  for (const [name, tensor] of entries) {
    if (!isTensorRef(tensor)) continue;
    tensors.set(short(name), { shape: tensor.shape, read: () => read(tensor) });
  }
  return new Weights(tensors, path);
}
