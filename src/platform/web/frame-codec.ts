/**
 * Decoders of compressed DICOM pictures in a page or worker. Their WebAssembly is fetched when the first picture needs
 * it, from the address that is given and from nowhere else.
 */
import { InputError } from '../../core/errors.ts';
import type { FrameCodec } from '../../runtime/frame-codec.ts';
import { CODEC_FILES, type CodecSources, createFrameCodec } from '../frame-codecs.ts';

/** @param codecs address or content of the WebAssembly of each coding */
export function createWebFrameCodec(codecs: CodecSources): FrameCodec {
  return createFrameCodec(async coding => {
    const source = codecs[coding];
    if (typeof source !== 'string') return new Uint8Array(await source.arrayBuffer());
    const answer = await fetch(source);
    if (!answer.ok)
      throw new InputError('E_CODEC_MISSING', `the server has no ${CODEC_FILES[coding].file}, which the image needs.`);
    return new Uint8Array(await answer.arrayBuffer());
  });
}
