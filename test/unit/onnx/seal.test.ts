/** The seal of a model: any byte that has changed is found, and any other reader reads the model as before. */
import { describe, expect, it } from 'vitest';
import { decodeModel } from '../../../src/onnx/decode.ts';
import { replaceMetadata } from '../../../src/onnx/edit.ts';
import { assertSealWhole, SEAL_KEY, sealModel } from '../../../src/onnx/seal.ts';
import { modelBytes, sha256 } from '../../support/laboratory.ts';

const plain = modelBytes({ voxstill: '{}', note: 'kept' });
const check = async (bytes: Uint8Array): Promise<void> =>
  assertSealWhole(bytes, decodeModel(bytes, 'm.onnx').metadata[SEAL_KEY], 'm.onnx');

describe('a sealed model', () => {
  it('is the model with one more entry of metadata, the hash of all before it', async () => {
    const sealed = await sealModel(plain);
    expect(sealed.subarray(0, plain.length)).toEqual(plain);
    const before = decodeModel(plain, 'm.onnx');
    expect(decodeModel(sealed, 'm.onnx')).toEqual({
      ...before,
      metadata: { ...before.metadata, [SEAL_KEY]: sha256(plain) },
    });
    await check(sealed);
  });

  it('is refused whatever byte of it has changed', async () => {
    const sealed = await sealModel(plain);
    for (let at = 0; at < sealed.length; at++) {
      const changed = Uint8Array.from(sealed);
      changed[at]! ^= 4;
      // either the file is no model any more, or it is seen that it is another; the key of the seal alone may hide it,
      // at the very end
      const found = await check(changed).then(
        () => 'believed',
        (error: { code?: string }) => error.code,
      );
      const isKey = at >= sealed.length - 2 - 64 - SEAL_KEY.length - 4;
      if (!isKey) expect([at, found]).toEqual([at, expect.stringMatching(/^E_MODEL_(CHANGED|CORRUPT)$/)]);
    }
  });

  it('is refused when other metadata were put in, and says how to agree to that', async () => {
    const { metadata } = decodeModel(await sealModel(plain), 'm.onnx');
    const edited = replaceMetadata(plain, { ...metadata, note: 'changed' });
    await expect(check(edited)).rejects.toMatchObject({
      code: 'E_MODEL_CHANGED',
      message: expect.stringContaining(`remove the metadata entry ${SEAL_KEY}`),
    });
    await check(replaceMetadata(plain, { note: 'changed' }));
  });
});
