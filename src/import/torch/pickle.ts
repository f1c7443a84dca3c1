/**
 * Python's pickle language as far as PyTorch checkpoints need it: numbers, texts, lists, tuples, dictionaries, and
 * calls of a closed list of names (globals.ts), each of which stands for code of our own. Nothing that a file names is
 * ever looked up or run: a name or an opcode outside of the lists ends the reading. Work and memory are bounded by the
 * length of the file, since every opcode takes at least one byte, reads what is there, and makes at most one value.
 * Source: CPython, Lib/pickletools.py, protocols 2 to 5.
 */
import { InputError } from '../../core/errors.ts';
import { callGlobal, isGlobal, NumpyType, type PickleValue, resolveGlobal } from './globals.ts';

/** A mark of the stack, below which a list of operands starts. */
const MARK = Symbol('mark');
type Item = PickleValue | typeof MARK;

const OPCODE = {
  proto: 0x80,
  frame: 0x95,
  stop: 0x2e,
  mark: 0x28,
  none: 0x4e,
  newTrue: 0x88,
  newFalse: 0x89,
  binInt: 0x4a,
  binInt1: 0x4b,
  binInt2: 0x4d,
  long1: 0x8a,
  binFloat: 0x47,
  binUnicode: 0x58,
  shortBinUnicode: 0x8c,
  binBytes: 0x42,
  shortBinBytes: 0x43,
  emptyList: 0x5d,
  emptyDict: 0x7d,
  emptyTuple: 0x29,
  tuple: 0x74,
  tuple1: 0x85,
  tuple2: 0x86,
  tuple3: 0x87,
  append: 0x61,
  appends: 0x65,
  setItem: 0x73,
  setItems: 0x75,
  global: 0x63,
  stackGlobal: 0x93,
  reduce: 0x52,
  build: 0x62,
  binPersId: 0x51,
  binPut: 0x71,
  longBinPut: 0x72,
  memoize: 0x94,
  binGet: 0x68,
  longBinGet: 0x6a,
} as const;
const NEWEST_PROTOCOL = 5;
const LINE_FEED = 0x0a;

/** A tuple is a list that nothing can be appended to. */
function asTuple(items: PickleValue[]): PickleValue[] {
  return Object.freeze(items) as PickleValue[];
}

/** Reads one pickle. */
class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #path: string;
  readonly #storageOf: (id: readonly PickleValue[]) => PickleValue;
  readonly #stack: Item[] = [];
  readonly #memo = new Map<number, Item>();
  #at = 0;

  constructor(bytes: Uint8Array, path: string, storageOf: (id: readonly PickleValue[]) => PickleValue) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#path = path;
    this.#storageOf = storageOf;
  }

  fail(reason: string): never {
    throw new InputError(
      'E_IMPORT_CORRUPT',
      `${this.#path} is no readable checkpoint: ${reason} at byte ${this.#at} of its data.pkl.`,
    );
  }

  /** Moves over so many bytes; gives where they start. */
  #step(length: number): number {
    const start = this.#at;
    if (start + length > this.#bytes.length) this.fail('it ends too early');
    this.#at += length;
    return start;
  }

  #byte(): number {
    return this.#bytes[this.#step(1)]!;
  }

  #text(length: number): string {
    const start = this.#step(length);
    return new TextDecoder().decode(this.#bytes.subarray(start, start + length));
  }

  #line(): string {
    const end = this.#bytes.indexOf(LINE_FEED, this.#at);
    if (end < 0) this.fail('a name does not end');
    const text = this.#text(end - this.#at);
    this.#step(1);
    return text;
  }

  #pop(): PickleValue {
    const item = this.#stack.pop();
    return item === undefined || item === MARK ? this.fail('an operand is missing') : item;
  }

  #popToMark(): PickleValue[] {
    const start = this.#stack.lastIndexOf(MARK);
    if (start < 0) this.fail('a mark is missing');
    const items = this.#stack.splice(start + 1) as PickleValue[];
    this.#stack.pop();
    return items;
  }

  #top(): Item {
    const item = this.#stack.at(-1);
    return item === undefined ? this.fail('an operand is missing') : item;
  }

  #extend(values: readonly PickleValue[]): void {
    const list = this.#top();
    if (!Array.isArray(list) || Object.isFrozen(list)) this.fail('something is appended to what is no list');
    for (const value of values) (list as PickleValue[]).push(value);
  }

  #set(pairs: readonly PickleValue[]): void {
    const map = this.#top();
    if (!(map instanceof Map) || pairs.length % 2 !== 0) this.fail('something is put into what is no dictionary');
    for (let index = 0; index < pairs.length; index += 2) {
      const key = pairs[index];
      if (typeof key !== 'string' && typeof key !== 'number') this.fail('a key is neither a text nor a number');
      (map as Map<string | number, PickleValue>).set(key as string | number, pairs[index + 1] as PickleValue);
    }
  }

  /** Sets what an object holds beside its parts: of dictionaries it is PyTorch's bookkeeping, which nobody needs. */
  #build(): void {
    const state = this.#pop();
    const target = this.#top();
    if (target instanceof Map) return;
    if (!(target instanceof NumpyType)) this.fail('an object has a state that is not known');
    const order = Array.isArray(state) ? state[1] : undefined;
    if (order !== '<' && order !== '|') this.fail('a number is not little-endian');
  }

  #integer(length: number): number {
    const start = this.#step(length);
    if (length > 8) this.fail('a whole number is too large');
    let value = 0n;
    for (let index = length - 1; index >= 0; index--) value = (value << 8n) | BigInt(this.#bytes[start + index]!);
    const signed = Number(BigInt.asIntN(8 * length, value));
    return Number.isSafeInteger(signed) ? signed : this.fail('a whole number is too large');
  }

  #memoized(key: number): Item {
    const value = this.#memo.get(key);
    return value === undefined ? this.fail(`it refers to ${key}, which is not there`) : value;
  }

  /** The pickled value. */
  run(): PickleValue {
    for (;;) {
      const opcode = this.#byte();
      if (opcode === OPCODE.stop) {
        const value = this.#pop();
        return this.#stack.length === 0 ? value : this.fail('operands are left over');
      }
      const value = this.#made(opcode);
      if (value === undefined) this.#change(opcode);
      else this.#stack.push(value);
    }
  }

  /** The value that an opcode puts on the stack; undefined for one that puts none. */
  #made(opcode: number): Item | undefined {
    const view = this.#view;
    switch (opcode) {
      case OPCODE.mark:
        return MARK;
      case OPCODE.none:
        return null;
      case OPCODE.newTrue:
        return true;
      case OPCODE.newFalse:
        return false;
      case OPCODE.binInt:
        return view.getInt32(this.#step(4), true);
      case OPCODE.binInt1:
        return this.#byte();
      case OPCODE.binInt2:
        return view.getUint16(this.#step(2), true);
      case OPCODE.long1:
        return this.#integer(this.#byte());
      case OPCODE.binFloat:
        return view.getFloat64(this.#step(8), false);
      case OPCODE.binUnicode:
        return this.#text(view.getUint32(this.#step(4), true));
      case OPCODE.shortBinUnicode:
        return this.#text(this.#byte());
      case OPCODE.binBytes:
        return this.#raw(view.getUint32(this.#step(4), true));
      case OPCODE.shortBinBytes:
        return this.#raw(this.#byte());
      case OPCODE.emptyList:
        return [];
      case OPCODE.emptyDict:
        return new Map();
      case OPCODE.emptyTuple:
        return asTuple([]);
      case OPCODE.tuple:
        return asTuple(this.#popToMark());
      case OPCODE.tuple1:
      case OPCODE.tuple2:
      case OPCODE.tuple3:
        return asTuple(Array.from({ length: opcode - OPCODE.tuple1 + 1 }, () => this.#pop()).reverse());
      case OPCODE.global: {
        const module = this.#line();
        return resolveGlobal(module, this.#line(), this.#path);
      }
      case OPCODE.stackGlobal: {
        const [name, module] = [this.#pop(), this.#pop()];
        return resolveGlobal(String(module), String(name), this.#path);
      }
      case OPCODE.reduce:
        return this.#called();
      case OPCODE.binPersId: {
        const id = this.#pop();
        return Array.isArray(id) ? this.#storageOf(id) : this.fail('a storage is not named as PyTorch names it');
      }
      case OPCODE.binGet:
        return this.#memoized(this.#byte());
      case OPCODE.longBinGet:
        return this.#memoized(view.getUint32(this.#step(4), true));
      default:
        return undefined;
    }
  }

  #called(): PickleValue {
    const [operands, called] = [this.#pop(), this.#pop()];
    if (!isGlobal(called) || !Array.isArray(operands)) return this.fail('something is called that is no name');
    return callGlobal(called, operands, reason => this.fail(reason));
  }

  /** Does what an opcode does to what is there already. */
  #change(opcode: number): void {
    switch (opcode) {
      case OPCODE.proto: {
        const version = this.#byte();
        if (version > NEWEST_PROTOCOL) this.fail(`its pickle protocol ${version} is not known`);
        break;
      }
      case OPCODE.frame:
        this.#step(8);
        break;
      case OPCODE.append:
        this.#extend([this.#pop()]);
        break;
      case OPCODE.appends:
        this.#extend(this.#popToMark());
        break;
      case OPCODE.setItem: {
        const value = this.#pop();
        this.#set([this.#pop(), value]);
        break;
      }
      case OPCODE.setItems:
        this.#set(this.#popToMark());
        break;
      case OPCODE.build:
        this.#build();
        break;
      case OPCODE.binPut:
        this.#memo.set(this.#byte(), this.#top());
        break;
      case OPCODE.longBinPut:
        this.#memo.set(this.#view.getUint32(this.#step(4), true), this.#top());
        break;
      case OPCODE.memoize:
        this.#memo.set(this.#memo.size, this.#top());
        break;
      default:
        this.fail(`opcode 0x${opcode.toString(16).padStart(2, '0')} is not one that a checkpoint needs`);
    }
  }

  #raw(length: number): Uint8Array {
    const start = this.#step(length);
    return this.#bytes.subarray(start, start + length);
  }
}

/**
 * Reads a pickle.
 * @param path for messages
 * @param storageOf the storage that a persistent id stands for
 * @throws {InputError} E_IMPORT_GLOBAL if it names what is not on the list; E_IMPORT_CORRUPT if it is damaged or needs
 * more of the language
 */
export function readPickle(
  bytes: Uint8Array,
  path: string,
  storageOf: (id: readonly PickleValue[]) => PickleValue,
): PickleValue {
  return new Machine(bytes, path, storageOf).run();
}
