/** Small files of torch.save for tests, written opcode by opcode: what they hold is plain data. */
import { zipSync } from 'fflate';
import { joinBytes } from '../../src/core/bytes.ts';

const text = new TextEncoder();

function uint32(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer);
}

/** Opcodes that put a value on the stack. */
export const put = {
  text: (value: string): Uint8Array => {
    const bytes = text.encode(value);
    return joinBytes([Uint8Array.of(0x58), uint32(bytes.length), bytes]);
  },
  integer: (value: number): Uint8Array => joinBytes([Uint8Array.of(0x4a), uint32(value)]),
  global: (module: string, name: string): Uint8Array => text.encode(`c${module}\n${name}\n`),
  none: Uint8Array.of(0x4e),
  tuple: (...items: readonly Uint8Array[]): Uint8Array =>
    joinBytes([Uint8Array.of(0x28), ...items, Uint8Array.of(0x74)]),
  dictionary: (entries: Readonly<Record<string, Uint8Array>>): Uint8Array =>
    joinBytes([
      Uint8Array.of(0x7d, 0x28),
      ...Object.entries(entries).flatMap(([key, value]) => [put.text(key), value]),
      Uint8Array.of(0x75),
    ]),
  call: (called: Uint8Array, ...operands: readonly Uint8Array[]): Uint8Array =>
    joinBytes([called, put.tuple(...operands), Uint8Array.of(0x52)]),
};

/** A tensor that is a view of a storage. */
export interface View {
  /** Class of the storage, for example FloatStorage. */
  readonly type?: string;
  readonly key: string;
  /** Numbers of the storage. */
  readonly length: number;
  readonly offset?: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** Opcodes that make a tensor. */
export function tensorView({ type = 'FloatStorage', key, length, offset = 0, shape, strides }: View): Uint8Array {
  const storage = put.tuple(
    put.text('storage'),
    put.global('torch', type),
    put.text(key),
    put.text('cpu'),
    put.integer(length),
  );
  return put.call(
    put.global('torch._utils', '_rebuild_tensor_v2'),
    joinBytes([storage, Uint8Array.of(0x51)]),
    put.integer(offset),
    put.tuple(...shape.map(put.integer)),
    put.tuple(...strides.map(put.integer)),
    Uint8Array.of(0x89),
    put.call(put.global('collections', 'OrderedDict')),
  );
}

/** A whole pickle of protocol 2. */
function pickle(value: Uint8Array): Uint8Array {
  return joinBytes([Uint8Array.of(0x80, 2), value, Uint8Array.of(0x2e)]);
}

/** A file of torch.save. */
export function torchFile(
  value: Uint8Array,
  storages: Readonly<Record<string, Float32Array | Uint8Array | BigInt64Array | Uint16Array>> = {},
): Uint8Array {
  const raw = Object.entries(storages).map(([key, { buffer, byteOffset, byteLength }]) => [
    `saved/data/${key}`,
    new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength),
  ]);
  return zipSync(
    { 'saved/data.pkl': pickle(value), 'saved/version': text.encode('3\n'), ...Object.fromEntries(raw) },
    { level: 0 },
  );
}
