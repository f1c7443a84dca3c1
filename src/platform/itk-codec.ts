/**
 * ITK's readers and writers, compiled to WebAssembly, behind the {@link ImageCodec} interface. Shared by Node and
 * pages, which differ in how a pipeline is run. Files travel as bytes, so nothing is mounted or fetched. Source of the
 * arguments: the wrappers of @itk-wasm/image-io and @itk-wasm/dicom.
 */
import { InputError, invariant, VoxstillError } from '../core/errors.ts';
import type { ImageCodec, ImageFormat, LpsImage, NamedBytes } from '../runtime/image-codec.ts';
import type { ItkImage, PipelineCall } from './itk-pipeline.ts';

/** Runs a pipeline; rejects with its error text if it fails. */
export type RunPipeline = (call: PipelineCall) => Promise<readonly unknown[]>;

const WRITTEN_NAMES = { nrrd: 'image.nrrd', meta: 'image.mha' } as const;

function readCall(format: ImageFormat, files: readonly NamedBytes[]): PipelineCall {
  const inputs = files.map(file => ({ file }));
  const names = files.map(({ name }) => name);
  if (format === 'dicom') {
    const args = ['0', '1', '--memory-io', '--input-images', ...names];
    return { pipeline: 'read-image-dicom-file-series', args, inputs, outputs: ['image', 'json'] };
  }
  const args = [names[0] ?? '', '0', '1', '--memory-io'];
  return { pipeline: `${format}-read-image`, args, inputs, outputs: ['json', 'image'] };
}

/** @param run runs a pipeline somewhere, for example in a thread */
export function itkCodec(run: RunPipeline): ImageCodec {
  const read = async (call: PipelineCall, path: string): Promise<ItkImage> => {
    let results: readonly unknown[];
    try {
      results = await run(call);
    } catch (cause) {
      if (cause instanceof VoxstillError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new InputError(
        'E_VOLUME_CORRUPT',
        `${path} cannot be read by ITK (${call.pipeline}): ${reason}. Copy it again from its source, or convert it to NIfTI.`,
        { cause },
      );
    }
    return results[call.outputs.indexOf('image')] as ItkImage;
  };
  return {
    decode: async (format, files, path): Promise<LpsImage> => {
      const { imageType, size, spacing, origin, direction, data } = await read(readCall(format, files), path);
      const { componentType, pixelType, components } = imageType;
      const cosines = Array.from(direction, Number);
      return { componentType, pixelType, components, size, spacing, origin, direction: cosines, data };
    },
    encode: async (format, { componentType, pixelType, components, size, spacing, origin, direction, data }) => {
      const name = WRITTEN_NAMES[format];
      const image: ItkImage = {
        imageType: { dimension: size.length, componentType, pixelType, components },
        size,
        spacing,
        origin,
        direction: Float64Array.from(direction),
        data,
      };
      const [, file] = await run({
        pipeline: `${format}-write-image`,
        args: ['0', '0', name, '--memory-io', '--use-compression'],
        inputs: [{ image }],
        outputs: ['json', { file: name }],
      });
      invariant(file instanceof Uint8Array, 'a pipeline that writes a file gives its bytes');
      return file;
    },
  };
}
