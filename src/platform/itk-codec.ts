/**
 * ITK's readers and writers, compiled to WebAssembly, behind the {@link ImageCodec} interface. Shared by Node and pages, which differ in
 * how a pipeline is run. Files travel as bytes, so nothing is mounted and nothing is fetched.
 * Source: @itk-wasm/image-io and @itk-wasm/dicom, whose generated wrappers call the same pipelines with the same arguments.
 */
import type { Image, InterfaceTypes, PipelineInput, PipelineOutput } from 'itk-wasm';
import { InputError, invariant, VoxstillError } from '../core/errors.ts';
import type { ImageCodec, ImageFormat, LpsImage, NamedBytes } from '../runtime/image-codec.ts';

/** One call of a pipeline: what its command line says, what it finds in its file system, what it leaves there. */
export interface PipelineCall {
  readonly package: 'image-io' | 'dicom';
  readonly pipeline: string;
  readonly args: readonly string[];
  readonly inputs: readonly ({ readonly file: NamedBytes } | { readonly image: Image })[];
  /** In the order of the indices in `args`. */
  readonly outputs: readonly ('json' | 'image' | { readonly file: string })[];
}

/** A call's outputs and inputs as itk-wasm wants them. @param types itk-wasm's own table, which each platform loads its own way */
export function pipelineInterfaces(
  { inputs, outputs }: PipelineCall,
  types: typeof InterfaceTypes,
): { readonly outputs: PipelineOutput[]; readonly inputs: PipelineInput[] } {
  return {
    outputs: outputs.map(output => {
      if (output === 'json') return { type: types.JsonCompatible };
      if (output === 'image') return { type: types.Image };
      return { type: types.BinaryFile, data: { path: output.file, data: new Uint8Array(0) } };
    }),
    inputs: inputs.map(input =>
      'file' in input
        ? { type: types.BinaryFile, data: { path: input.file.name, data: input.file.bytes } }
        : { type: types.Image, data: input.image },
    ),
  };
}

/** What a pipeline gave, in the order of the call's outputs. */
export function pipelineResults({ outputs }: PipelineCall, given: readonly unknown[]): readonly unknown[] {
  return outputs.map((output, index) => {
    const { data } = given[index] as { readonly data: unknown };
    return typeof output === 'object' ? (data as { readonly data: Uint8Array }).data : data;
  });
}

/** Runs a pipeline; rejects with its complaint where it fails. */
export type RunPipeline = (call: PipelineCall) => Promise<readonly unknown[]>;

const WRITTEN_NAMES = { nrrd: 'image.nrrd', meta: 'image.mha' } as const;

function readCall(format: ImageFormat, files: readonly NamedBytes[]): PipelineCall {
  const inputs = files.map(file => ({ file }));
  const names = files.map(({ name }) => name);
  if (format === 'dicom') {
    const args = ['0', '1', '--memory-io', '--input-images', ...names];
    return { package: 'dicom', pipeline: 'read-image-dicom-file-series', args, inputs, outputs: ['image', 'json'] };
  }
  const args = [names[0] ?? '', '0', '1', '--memory-io'];
  return { package: 'image-io', pipeline: `${format}-read-image`, args, inputs, outputs: ['json', 'image'] };
}

/** @param run runs a pipeline somewhere, for example in a thread */
export function itkCodec(run: RunPipeline): ImageCodec {
  const read = async (call: PipelineCall, path: string): Promise<Image> => {
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
    return results[call.outputs.indexOf('image')] as Image;
  };
  return {
    decode: async (format, files, path): Promise<LpsImage> => {
      const { imageType, size, spacing, origin, direction, data } = await read(readCall(format, files), path);
      const { componentType, pixelType, components } = imageType;
      const cosines = Array.from(direction, Number);
      return { componentType, pixelType, components, size, spacing, origin, direction: cosines, data: data ?? [] };
    },
    encode: async (format, { componentType, pixelType, components, size, spacing, origin, direction, data }) => {
      const name = WRITTEN_NAMES[format];
      const image = {
        imageType: { dimension: size.length, componentType, pixelType, components },
        name: '',
        size: [...size],
        spacing: [...spacing],
        origin: [...origin],
        direction: Float64Array.from(direction),
        // ITK takes the whole buffer behind the voxels
        data: data.slice(),
        metadata: new Map(),
      } as Image;
      const [, file] = await run({
        package: 'image-io',
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
