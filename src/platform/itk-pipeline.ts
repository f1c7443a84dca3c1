/**
 * One run of an ITK program: its inputs in memory and file system, its command line, and its outputs. A program is a
 * module of Emscripten; images and documents pass through its memory as JSON with addresses, files through its file
 * system. Source of the interface: ITK-Wasm's `itk_wasm_*` functions and the JSON of its images.
 */
import { invariant } from '../core/errors.ts';
import type { NamedBytes } from '../runtime/image-codec.ts';

/** An image in the form of ITK's programs; voxels x fastest. */
export interface ItkImage {
  readonly imageType: {
    readonly dimension: number;
    readonly componentType: string;
    readonly pixelType: string;
    readonly components: number;
  };
  readonly size: readonly number[];
  readonly spacing: readonly number[];
  readonly origin: readonly number[];
  /** Direction matrix, row-major. */
  readonly direction: Float64Array;
  readonly data: ArrayBufferView & ArrayLike<number | bigint>;
}

/** One call of a program: its command line, its inputs and its outputs. */
export interface PipelineCall {
  readonly pipeline: string;
  readonly args: readonly string[];
  readonly inputs: readonly ({ readonly file: NamedBytes } | { readonly image: ItkImage })[];
  /** Outputs in the order of the indices in `args`. */
  readonly outputs: readonly ('json' | 'image' | { readonly file: string })[];
}

/** The part of an instance of a program that is used. */
export interface PipelineModule {
  /** The whole memory; a new array after it has grown. */
  readonly HEAPU8: Uint8Array;
  /** Calls a C function of numbers. */
  ccall(name: string, result: 'number', types: readonly 'number'[], args: readonly number[]): number;
  callMain(args: string[]): number;
  stackSave(): number;
  stackRestore(top: number): void;
  fs_writeFile(path: string, bytes: Uint8Array): void;
  fs_readFile(path: string): Uint8Array;
  resetModuleStdout(): void;
  resetModuleStderr(): void;
  getModuleStdout(): string;
  getModuleStderr(): string;
}

/** Export of the JavaScript of a program: creates an instance from the program's bytes. */
export type PipelineFactory = (options: { readonly wasmBinary: Uint8Array }) => Promise<PipelineModule>;

const ARRAYS = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

/** Address of bytes in the memory of a program, as the JSON of an image gives it. */
const addressOf = (pointer: number): string => `data:application/vnd.itk.address,0:${pointer}`;

/** A call of an `itk_wasm_*` function; its first argument is always 0, the only instance of the interface. */
function ask(module: PipelineModule, name: string, args: readonly number[]): number {
  const all = [0, ...args];
  // addresses above 2 GB come as negative numbers
  return module.ccall(`itk_wasm_${name}`, 'number', Array<'number'>(all.length).fill('number'), all) >>> 0;
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function putArray(module: PipelineModule, array: ArrayBufferView, [input, part]: readonly [number, number]): string {
  const pointer = ask(module, 'input_array_alloc', [input, part, array.byteLength]);
  module.HEAPU8.set(bytesOf(array), pointer);
  return addressOf(pointer);
}

function putImage(module: PipelineModule, image: ItkImage, input: number): void {
  const direction = putArray(module, image.direction, [input, 1]);
  const data = putArray(module, image.data, [input, 0]);
  const text = new TextEncoder().encode(`${JSON.stringify({ ...image, name: '', metadata: [], direction, data })}\0`);
  module.HEAPU8.set(text, ask(module, 'input_json_alloc', [input, text.length]));
}

/** A copy of a program's output in its memory. */
function takeArray(module: PipelineModule, output: number, part: number): Uint8Array<ArrayBuffer> {
  const pointer = ask(module, 'output_array_address', [output, part]);
  return module.HEAPU8.slice(pointer, pointer + ask(module, 'output_array_size', [output, part]));
}

function takeImage(module: PipelineModule, output: number): ItkImage {
  const pointer = ask(module, 'output_json_address', [output]);
  const text = module.HEAPU8.subarray(pointer, module.HEAPU8.indexOf(0, pointer));
  const image = JSON.parse(new TextDecoder().decode(text)) as Omit<ItkImage, 'data' | 'direction'>;
  const type = Object.entries(ARRAYS).find(([name]) => name === image.imageType.componentType)?.[1];
  invariant(type !== undefined, `ITK gives voxels of the type ${image.imageType.componentType}`);
  return {
    ...image,
    direction: new Float64Array(takeArray(module, output, 1).buffer),
    data: new type(takeArray(module, output, 0).buffer),
  };
}

/** Text that a program printed, with repeated lines removed. */
function complaint(module: PipelineModule): string {
  const lines = [module.getModuleStdout(), module.getModuleStderr()].join('\n').split('\n');
  return [...new Set(lines.map(line => line.trim()).filter(line => line !== ''))].join('; ');
}

/** @returns the exit code */
function callMain(module: PipelineModule, args: readonly string[]): number {
  const top = module.stackSave();
  try {
    return module.callMain([...args]);
  } catch (error) {
    // Emscripten throws C++ exceptions as numbers
    if (typeof error !== 'number') throw error;
    throw new Error(complaint(module) || 'the file is damaged');
  } finally {
    module.stackRestore(top);
  }
}

/**
 * Runs a program once. A failed instance is not reused.
 * @returns the outputs in the order of the call
 * @throws {Error} with the program's own message
 */
export function runPipeline(module: PipelineModule, { args, inputs, outputs }: PipelineCall): readonly unknown[] {
  for (const [index, input] of inputs.entries()) {
    if ('file' in input) module.fs_writeFile(input.file.name, input.file.bytes);
    else putImage(module, input.image, index);
  }
  module.resetModuleStdout();
  module.resetModuleStderr();
  if (callMain(module, args) !== 0) throw new Error(complaint(module) || 'it is not of this format');
  return outputs.map((output, index) => {
    if (output === 'image') return takeImage(module, index);
    if (output === 'json') return JSON.parse(new TextDecoder().decode(takeArray(module, index, 0))) as unknown;
    return module.fs_readFile(output.file);
  });
}
