/**
 * Decoders of compressed DICOM pictures in a page or worker. Their WebAssembly is fetched when the first picture needs
 * it, from the address that is given and from nowhere else.
 */
import { InputError } from '../../core/errors.ts';
import type { FrameCodec } from '../../runtime/frame-codec.ts';
import { CODEC_FILES, createFrameCodec } from '../frame-codecs.ts';

/** @param codecs address of a folder with the WebAssembly files of {@link CODEC_FILES} */
export function createWebFrameCodec(codecs: string): FrameCodec {
  return createFrameCodec(async coding => {
    const { file } = CODEC_FILES[coding];
    const answer = await fetch(`${codecs}/${file}`);
    if (!answer.ok) throw new InputError('E_CODEC_MISSING', `the server has no ${file}, which the image needs.`);
    return new Uint8Array(await answer.arrayBuffer());
  });
}
