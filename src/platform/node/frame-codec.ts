/** Decoders of compressed DICOM pictures under Node; their WebAssembly is a file of the installed packages. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { FrameCodec } from '../../runtime/frame-codec.ts';
import { CODEC_FILES, createFrameCodec } from '../frame-codecs.ts';

/** Decodes JPEG, JPEG-LS and JPEG 2000. */
export function createNodeFrameCodec(): FrameCodec {
  return createFrameCodec(coding => {
    const { package: name, file } = CODEC_FILES[coding];
    return readFile(fileURLToPath(new URL(file, import.meta.resolve(name))));
  });
}
