/**
 * ITK's readers and writers under Node, in a thread that starts with the first image and holds the console output and
 * the memory of WebAssembly. The thread handles one image at a time and does not keep the program alive. Its programs
 * are files of this package.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { WorkError } from '../../core/errors.ts';
import type { ImageCodec } from '../../runtime/image-codec.ts';
import { itkCodec } from '../itk-codec.ts';
import type { PipelineCall } from '../itk-pipeline.ts';
import { ITK_FOLDER } from './itk-folder.ts';
import { startThread } from './thread.ts';

/** Reply of the thread to a call. */
export type PipelineReply = { readonly results: readonly unknown[] } | { readonly failure: string };

function ask(thread: Worker, call: PipelineCall): Promise<readonly unknown[]> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void): void => {
      thread.off('message', onMessage).off('error', onError).off('exit', onExit).unref();
      settle();
    };
    const onMessage = (reply: PipelineReply): void =>
      finish(() => ('results' in reply ? resolve(reply.results) : reject(new Error(reply.failure))));
    const onError = (cause: unknown): void =>
      finish(() => reject(new WorkError('E_IMAGE_THREAD', `the thread of ITK failed: ${String(cause)}`, { cause })));
    // a WebAssembly program can end its thread without an error
    const onExit = (): void => onError('it has ended');
    thread.on('message', onMessage).on('error', onError).on('exit', onExit).ref();
    thread.postMessage(call);
  });
}

/** Reads DICOM series, NRRD and MetaImage files, and writes the last two. */
export function createNodeImageCodec(): ImageCodec {
  let thread: Worker | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const start = (): Worker => {
    if (!existsSync(ITK_FOLDER)) {
      const path = fileURLToPath(ITK_FOLDER);
      throw new WorkError('E_ITK_MISSING', `ITK's programs are not there: ${path}. In a checkout run npm run build.`);
    }
    const started = startThread('itk-thread', undefined);
    started.once('exit', () => {
      thread = undefined;
    });
    return started;
  };
  return itkCodec(call => {
    const result = last.then(() => {
      thread ??= start();
      return ask(thread, call);
    });
    last = result.catch(() => {});
    return result;
  });
}
