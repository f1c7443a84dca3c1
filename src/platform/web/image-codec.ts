/**
 * ITK's readers and writers in a page or worker. They run where they are called, so call them in a worker. ITK's pipelines are fetched
 * when they are first needed, from the address that is given and from nowhere else.
 */
import { InputError } from '../../core/errors.ts';
import type { ImageCodec } from '../../runtime/image-codec.ts';
import { itkCodec, type PipelineCall } from '../itk-codec.ts';

/** @param pipelines address of a folder with the pipelines of `@itk-wasm/image-io` and `@itk-wasm/dicom`, as `NAME.js` and `NAME.wasm.zst` */
export function createWebImageCodec(pipelines: string): ImageCodec {
  return itkCodec(async ({ pipeline, args, inputs, outputs }: PipelineCall) => {
    const { InterfaceTypes, runPipeline } = await import('itk-wasm');
    const result = await runPipeline(
      pipeline,
      [...args],
      outputs.map(output => {
        if (output === 'json') return { type: InterfaceTypes.JsonCompatible };
        if (output === 'image') return { type: InterfaceTypes.Image };
        return { type: InterfaceTypes.BinaryFile, data: { path: output.file, data: new Uint8Array(0) } };
      }),
      inputs.map(input =>
        'file' in input
          ? { type: InterfaceTypes.BinaryFile, data: { path: input.file.name, data: input.file.bytes } }
          : { type: InterfaceTypes.Image, data: input.image },
      ),
      { webWorker: false, pipelineBaseUrl: pipelines },
    );
    if (result.returnValue !== 0) {
      throw new InputError('E_VOLUME_CORRUPT', `ITK cannot read the file: ${result.stderr.trim() || 'it is damaged'}`);
    }
    return outputs.map((output, index) => {
      const { data } = result.outputs[index] as { readonly data: unknown };
      return typeof output === 'object' ? (data as { readonly data: Uint8Array }).data : data;
    });
  });
}
