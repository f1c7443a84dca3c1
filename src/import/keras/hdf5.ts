/**
 * HDF5 files in memory, read by the HDF5 library as WebAssembly (h5wasm), which is loaded when the first one is opened.
 * A file can see no other: links to other files are refused, as are values that are packed by filters which the library
 * passes over in silence.
 */
import type * as H5wasm from 'h5wasm';
import { InputError } from '../../core/errors.ts';
import { elementCount } from '../../core/shape.ts';
import type { NamedTensor } from '../weights.ts';

/** Deflate, shuffle and a checksum. */
const KNOWN_FILTERS = [1, 2, 3];
/** Largest growth factor of deflate. */
const LARGEST_GROWTH = 1032;
const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
const LARGEST_PARTS = 1000;

/** Whether bytes start as an HDF5 file does. */
export function isHdf5(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, index) => bytes[index] === byte);
}

/** An open HDF5 file. */
export class Hdf5 {
  readonly #file: H5wasm.File;
  readonly #library: typeof H5wasm;
  readonly #bytes: number;
  /** Path of the file for messages. */
  readonly path: string;

  constructor(
    library: typeof H5wasm,
    file: H5wasm.File,
    { path, bytes }: { readonly path: string; readonly bytes: number },
  ) {
    this.#library = library;
    this.#file = file;
    this.#bytes = bytes;
    this.path = path;
  }

  fail(reason: string): never {
    throw new InputError('E_IMPORT_CORRUPT', `${this.path} cannot be read as HDF5: ${reason}.`);
  }

  /** The entry at a path; every part of the path is checked, since one may link to another file. */
  #at(place: string): H5wasm.Entity | null {
    const parts = place.split('/').filter(part => part !== '');
    let entity: H5wasm.Entity | null = this.#file;
    let way = '';
    for (const part of parts) {
      if (!(entity instanceof this.#library.Group) || !entity.keys().includes(part)) return null;
      way = way === '' ? part : `${way}/${part}`;
      entity = this.#file.get(way);
      if (entity instanceof this.#library.ExternalLink) {
        this.fail(`"${way}" is a link into another file, ${entity.filename}, which is not followed`);
      }
    }
    return entity;
  }

  /** Names in a group; empty if the group does not exist. */
  names(group: string): readonly string[] {
    const found = this.#at(group);
    return found instanceof this.#library.Group ? found.keys() : [];
  }

  #attribute(place: string, name: string): unknown {
    const found = this.#at(place);
    const { Group, Dataset } = this.#library;
    return found instanceof Group || found instanceof Dataset ? found.attrs[name]?.value : undefined;
  }

  /** A text attribute; undefined if it does not exist. */
  text(place: string, name: string): string | undefined {
    const value = this.#attribute(place, name);
    return typeof value === 'string' ? value : undefined;
  }

  /** A list of texts; Keras splits long ones into name0, name1, ... */
  texts(place: string, name: string): readonly string[] | undefined {
    const list = (value: unknown): string[] | undefined =>
      Array.isArray(value) && value.every(item => typeof item === 'string')
        ? value
        : ArrayBuffer.isView(value) && value.byteLength === 0
          ? []
          : undefined;
    const whole = list(this.#attribute(place, name));
    if (whole !== undefined) return whole;
    const parts: string[] = [];
    for (let index = 0; index < LARGEST_PARTS; index++) {
      const part = list(this.#attribute(place, `${name}${index}`));
      if (part === undefined) return index === 0 ? undefined : parts;
      parts.push(...part);
    }
    return this.fail(`its list ${name} never ends`);
  }

  /**
   * Float32 or float64 numbers. @throws {InputError} E_IMPORT_CORRUPT if there are none, or packed in an unknown way
   */
  tensor(place: string): NamedTensor {
    const found = this.#at(place);
    if (!(found instanceof this.#library.Dataset)) return this.fail(`it has no numbers "${place}"`);
    const { shape, filters, metadata } = found;
    const isReal = metadata.type === 1 && (metadata.size === 4 || metadata.size === 8);
    if (!isReal || shape === null) this.fail(`"${place}" holds ${String(found.dtype)}, no float32 numbers`);
    const odd = filters.find(({ id }) => !KNOWN_FILTERS.includes(id));
    if (odd !== undefined) this.fail(`"${place}" is packed by the filter ${odd.name || odd.id}`);
    const bytes = elementCount(shape) * metadata.size;
    const growth = filters.length === 0 ? 1 : LARGEST_GROWTH;
    if (!(bytes <= growth * this.#bytes)) this.fail(`"${place}" says that it has ${bytes} bytes, more than the file`);
    const value = found.value;
    if (!(value instanceof Float32Array || value instanceof Float64Array)) return this.fail(`"${place}" is no array`);
    const data = Float32Array.from(value);
    return { shape, read: () => data };
  }

  /** Places of all numbers below a group. */
  tensors(group: string): ReadonlyMap<string, NamedTensor> {
    const result = new Map<string, NamedTensor>();
    const groups = [group];
    for (let place = groups.pop(); place !== undefined; place = groups.pop()) {
      for (const name of this.names(place)) {
        const inside = place === '' ? name : `${place}/${name}`;
        const found = this.#at(inside);
        if (found instanceof this.#library.Group) groups.push(inside);
        else if (found instanceof this.#library.Dataset) result.set(inside, this.tensor(inside));
      }
    }
    return result;
  }
}

/**
 * Opens an HDF5 file, and closes it after its use.
 * @param use of the file, to its end
 * @param path for messages
 * @throws {InputError} E_IMPORT_CORRUPT if it is none; as `use`
 */
export async function withHdf5<T>(bytes: Uint8Array, path: string, use: (file: Hdf5) => T): Promise<T> {
  const corrupt = (cause?: unknown): InputError =>
    new InputError('E_IMPORT_CORRUPT', `${path} is not a readable HDF5 file. Copy it anew.`, { cause });
  if (!isHdf5(bytes)) throw corrupt();
  const library = await import('h5wasm');
  const { FS, activate_throwing_error_handler: throwErrors } = await library.ready;
  // otherwise the library prints its own messages about a damaged file
  throwErrors();
  const name = 'model.h5';
  FS.writeFile(name, bytes);
  try {
    const file = new library.File(name, 'r');
    if (file.file_id < 0n) throw corrupt();
    try {
      return use(new Hdf5(library, file, { path, bytes: bytes.length }));
    } finally {
      file.close();
    }
  } catch (cause) {
    throw cause instanceof InputError ? cause : corrupt(cause);
  } finally {
    FS.unlink(name);
  }
}
