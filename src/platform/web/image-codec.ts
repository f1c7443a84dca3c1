/**
 * ITK's readers and writers in a page or worker. They run in the calling thread, so call them in a worker. ITK's
 * programs are fetched when they are first needed, only from the given address.
 */
import { joinBytes } from '../../core/bytes.ts';
import { InputError } from '../../core/errors.ts';
import type { ImageCodec } from '../../runtime/image-codec.ts';
import { gunzip, isGzip } from '../../volume/gzip.ts';
import { itkCodec } from '../itk-codec.ts';
import { type PipelineFactory, runPipeline } from '../itk-pipeline.ts';

/** The program at an address. A server may have unpacked it on the way. */
async function fetchProgram(address: string): Promise<Uint8Array> {
  const response = await fetch(address);
  if (!response.ok) {
    const answer = `${response.status} ${response.statusText}`.trim();
    throw new InputError('E_FILE_UNREADABLE', `the server answers ${answer} for ${address}, a part of this page.`);
  }
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (!isGzip(bytes)) return bytes;
  const pieces: Uint8Array[] = [];
  gunzip(bytes, piece => pieces.push(piece));
  return joinBytes(pieces);
}

/** @param folder address of ITK's programs, as `NAME.js` and `NAME.wasm.gz` */
export function createWebImageCodec(folder: string): ImageCodec {
  const programs = new Map<string, Uint8Array>();
  return itkCodec(async call => {
    const address = `${folder}/${call.pipeline}`;
    const program = programs.get(address) ?? (await fetchProgram(`${address}.wasm.gz`));
    programs.set(address, program);
    const { default: create } = (await import(/* @vite-ignore */ `${address}.js`)) as {
      readonly default: PipelineFactory;
    };
    return runPipeline(await create({ wasmBinary: program }), call);
  });
}
