import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { joinBytes } from '../../../src/core/bytes.ts';
import { VoxstillError } from '../../../src/core/errors.ts';
import { openCheckpoint } from '../../../src/import/torch/checkpoint.ts';
import { isTensorRef } from '../../../src/import/torch/globals.ts';
import { entryOf } from '../../../src/import/torch/state-dict.ts';
import { nnunetFolder } from '../../support/nnunet-folders.ts';
import { put, tensorView, torchFile, type View } from '../../support/torch-file.ts';

const six = Float32Array.of(0, 1, 2, 3, 4, 5);

function readTensor(view: View, storage: Parameters<typeof torchFile>[1]): number[] {
  const checkpoint = openCheckpoint(torchFile(put.dictionary({ weight: tensorView(view) }), storage), 'a.pt');
  const tensor = entryOf(checkpoint.root, 'weight');
  return isTensorRef(tensor) ? [...checkpoint.read(tensor)] : [];
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return error instanceof VoxstillError ? error.code : `not ours: ${String(error)}`;
  }
  return 'nothing';
}

describe('openCheckpoint', () => {
  test('gathers numbers by their strides', () => {
    const read = (shape: number[], strides: number[], offset = 0) =>
      readTensor({ key: '0', length: 6, offset, shape, strides }, { '0': six });
    expect(read([2, 3], [3, 1])).toEqual([0, 1, 2, 3, 4, 5]);
    expect(read([3, 2], [1, 3])).toEqual([0, 3, 1, 4, 2, 5]);
    expect(read([2, 2], [3, 1], 1)).toEqual([1, 2, 4, 5]);
    expect(read([2, 3], [0, 1], 3)).toEqual([3, 4, 5, 3, 4, 5]);
    expect(read([], [], 4)).toEqual([4]);
    expect(read([0, 3], [3, 1])).toEqual([]);
  });

  test('reads every type of number that tensors have', () => {
    const read = (type: string, storage: Float32Array | Uint8Array | BigInt64Array | Uint16Array) =>
      readTensor({ type, key: '0', length: 2, shape: [2], strides: [1] }, { '0': storage });
    expect(read('HalfStorage', Uint16Array.of(0x3c00, 0xc100))).toEqual([1, -2.5]);
    expect(read('BFloat16Storage', Uint16Array.of(0x3f80, 0xc020))).toEqual([1, -2.5]);
    expect(read('LongStorage', BigInt64Array.of(7n, -9n))).toEqual([7, -9]);
    expect(read('ByteStorage', Uint8Array.of(255, 3))).toEqual([255, 3]);
    expect(read('CharStorage', Uint8Array.of(255, 3))).toEqual([-1, 3]);
    expect(read('DoubleStorage', new Uint8Array(new Float64Array([0.5, -4]).buffer))).toEqual([0.5, -4]);
  });

  test('refuses by its name whatever is no part of tensors, before anything else is read', () => {
    const file = torchFile(put.dictionary({ model: put.call(put.global('torch.nn.modules.linear', 'Linear')) }));
    expect(() => openCheckpoint(file, 'whole.pt')).toThrow(
      /whole\.pt asks for "torch\.nn\.modules\.linear\.Linear", which no checkpoint of tensors needs; nothing of it was run/,
    );
    for (const [module, name] of [
      ['pathlib', 'PosixPath'],
      ['collections', 'Counter'],
      ['torch._utils', '_rebuild_tensor_v3'],
      ['torch', 'ComplexFloatStorage'],
      ['numpy', 'ndarray'],
      ['', '__proto__'],
      ['constructor', ''],
    ] as const) {
      expect(codeOf(() => openCheckpoint(torchFile(put.global(module, name)), 'a.pt'))).toBe('E_IMPORT_GLOBAL');
    }
  });

  test('refuses a call whose operands are not those of a tensor', () => {
    const storage = put.global('torch', 'FloatStorage');
    for (const value of [
      put.call(storage),
      put.call(put.global('torch._utils', '_rebuild_tensor_v2'), put.none),
      put.call(put.global('collections', 'OrderedDict'), put.text('a')),
      put.call(put.text('text')),
      joinBytes([put.text('no id'), Uint8Array.of(0x51)]),
    ]) {
      expect(codeOf(() => openCheckpoint(torchFile(value), 'a.pt'))).toBe('E_IMPORT_CORRUPT');
    }
  });

  test('refuses tensors that reach beyond their storage, and storages that are missing or too short', () => {
    const read = (view: Partial<View>, storage: Parameters<typeof torchFile>[1] = { '0': six }) =>
      codeOf(() => readTensor({ key: '0', length: 6, shape: [2, 3], strides: [3, 1], ...view }, storage));
    expect(read({})).toBe('nothing');
    expect(read({ offset: 1 })).toBe('E_IMPORT_CORRUPT');
    expect(read({ strides: [4, 1] })).toBe('E_IMPORT_CORRUPT');
    expect(read({ length: 7 })).toBe('E_IMPORT_CORRUPT');
    expect(read({ shape: [1e9, 1e9], strides: [0, 0] })).toBe('E_IMPORT_CORRUPT');
    expect(read({}, {})).toBe('E_IMPORT_CORRUPT');
    expect(read({ key: '../version' })).toBe('E_IMPORT_CORRUPT');
  });

  test('names other kinds of files', () => {
    const zipped = (names: readonly string[]): Uint8Array =>
      zipSync(Object.fromEntries(names.map(name => [name, Uint8Array.of(0x80, 2, 0x4e, 0x2e)])));
    const legacy = Uint8Array.of(0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a);
    const refusal = (bytes: Uint8Array) => () => openCheckpoint(bytes, 'a.pt');
    expect(refusal(legacy)).toThrow(/format before PyTorch 1\.6/);
    expect(refusal(zipped(['a/data.pkl', 'a/constants.pkl', 'a/code/m.py']))).toThrow(/TorchScript program/);
    expect(refusal(zipped(['a/models/model.json']))).toThrow(/exported program/);
    expect(refusal(zipped(['readme']))).toThrow(/without a data\.pkl/);
    expect(refusal(new TextEncoder().encode('hello'))).toThrow(/no file of torch\.save/);
  });

  test('ends with one coded error wherever a file is cut off or changed', () => {
    const view = tensorView({ key: '0', length: 6, shape: [2, 3], strides: [3, 1] });
    const whole = torchFile(put.dictionary({ weight: view, more: put.tuple(put.none, put.integer(3)) }), { '0': six });
    const open = (bytes: Uint8Array): string =>
      codeOf(() => {
        const { root, read } = openCheckpoint(bytes, 'a.pt');
        const tensor = entryOf(root, 'weight');
        if (isTensorRef(tensor)) read(tensor);
      });
    expect(open(whole)).toBe('nothing');
    for (let length = 0; length < whole.length; length++) expect(open(whole.slice(0, length))).toMatch(/^E_IMPORT_/);
    fc.assert(
      fc.property(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 }), (at, byte) => {
        expect(open(whole.with(at, byte))).toMatch(/^(nothing|E_IMPORT_[A-Z]+)$/);
      }),
      { numRuns: 2000, seed: 1 },
    );
  });

  test('ends with one coded error wherever a checkpoint of nnU-Net itself is changed', () => {
    const whole = new Uint8Array(readFileSync(`${nnunetFolder('planes')}/fold_0/checkpoint_final.pth`));
    const open = (bytes: Uint8Array): string =>
      codeOf(() => {
        const { root, read } = openCheckpoint(bytes, 'a.pth');
        const weights = entryOf(root, 'network_weights');
        for (const value of weights instanceof Map ? weights.values() : []) if (isTensorRef(value)) read(value);
      });
    expect(open(whole)).toBe('nothing');
    // the description and the directory, which stand at both ends
    const place = fc.oneof(fc.nat({ max: 20_000 }), fc.integer({ min: whole.length - 12_000, max: whole.length - 1 }));
    fc.assert(
      fc.property(place, fc.nat({ max: 255 }), (at, byte) => {
        expect(open(whole.with(at, byte))).toMatch(/^(nothing|E_IMPORT_[A-Z]+)$/);
      }),
      { numRuns: 150, seed: 3 },
    );
  });

  test('ends with one coded error on pickles of random opcodes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), bytes => {
        const file = zipSync({ 'a/data.pkl': bytes }, { level: 0 });
        expect(codeOf(() => openCheckpoint(file, 'a.pt'))).toMatch(/^(nothing|E_IMPORT_[A-Z]+)$/);
      }),
      { numRuns: 3000, seed: 2 },
    );
  });

  test('reads what is packed as well as what is stored', () => {
    const content = new Float32Array(1000).fill(0.25);
    const file = torchFile(
      put.dictionary({ weight: tensorView({ key: '0', length: 1000, shape: [1000], strides: [1] }) }),
      {
        '0': content,
      },
    );
    expect(file.length).toBeGreaterThan(4000);
    const packed = zipSync({
      'saved/data.pkl': joinBytes([
        Uint8Array.of(0x80, 2),
        put.dictionary({ weight: tensorView({ key: '0', length: 1000, shape: [1000], strides: [1] }) }),
        Uint8Array.of(0x2e),
      ]),
      'saved/data/0': new Uint8Array(content.buffer),
    });
    const { root, read } = openCheckpoint(packed, 'a.pt');
    const tensor = entryOf(root, 'weight');
    expect(isTensorRef(tensor) && read(tensor)).toEqual(content);
  });

  test('refuses numbers whose checksum is wrong, and reads those of a writer that computes none', () => {
    const view = tensorView({ key: '0', length: 6, shape: [6], strides: [1] });
    const file = torchFile(put.dictionary({ weight: view }), { '0': six });
    const bytes = Buffer.from(file);
    const numbers = bytes.indexOf(Buffer.from(six.buffer));
    const readAll = (whole: Uint8Array) => {
      const { root, read } = openCheckpoint(whole, 'a.pt');
      const tensor = entryOf(root, 'weight');
      return isTensorRef(tensor) ? read(tensor) : undefined;
    };
    const damaged = file.with(numbers + 4, file[numbers + 4]! ^ 1);
    expect(() => readAll(damaged)).toThrow(/the checksum of its entry "saved\/data\/0" is wrong/);
    // as torch.serialization.set_crc32_options(False) writes them, in the directory at the end
    const without = file.slice();
    for (let at = bytes.indexOf('PK\x01\x02'); at !== -1; at = bytes.indexOf('PK\x01\x02', at + 1)) {
      without.fill(0, at + 16, at + 20);
    }
    expect(readAll(without)).toEqual(six);
  });
});
