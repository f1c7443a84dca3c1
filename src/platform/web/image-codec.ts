/**
 * ITK's readers and writers in a page or worker. They run where they are called, so call them in a worker. ITK's pipelines are fetched
 * when they are first needed, from the address that is given and from nowhere else.
 */
import { InputError } from '../../core/errors.ts';
import type { ImageCodec } from '../../runtime/image-codec.ts';
import { itkCodec, pipelineInterfaces, pipelineResults } from '../itk-codec.ts';

/** @param pipelines address of a folder with the pipelines of `@itk-wasm/image-io` and `@itk-wasm/dicom`, as `NAME.js` and `NAME.wasm.zst` */
export function createWebImageCodec(pipelines: string): ImageCodec {
  return itkCodec(async call => {
    const { InterfaceTypes, runPipeline } = await import('itk-wasm');
    const { outputs, inputs } = pipelineInterfaces(call, InterfaceTypes);
    const options = { webWorker: false, pipelineBaseUrl: pipelines };
    const result = await runPipeline(call.pipeline, [...call.args], outputs, inputs, options);
    if (result.returnValue !== 0) {
      throw new InputError('E_VOLUME_CORRUPT', `ITK cannot read the file: ${result.stderr.trim() || 'it is damaged'}`);
    }
    return pipelineResults(call, result.outputs);
  });
}
