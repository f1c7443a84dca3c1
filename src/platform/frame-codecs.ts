/**
 * Decoders of the pictures inside of DICOM files behind the {@link FrameCodec} interface: libjpeg-turbo, OpenJPEG and
 * CharLS as WebAssembly, and a decoder of lossless JPEG in JavaScript, the ones that DICOM viewers use.
 * Each is loaded with the first picture that needs it. Shared by Node and pages, which differ in where the WebAssembly
 * comes from.
 */
import type { DecodedFrame, FrameCodec, FrameCoding } from '../runtime/frame-codec.ts';

/** The classes that the packages of codecs share. */
interface PictureDecoder {
  getEncodedBuffer(length: number): Uint8Array;
  getDecodedBuffer(): Uint8Array;
  decode(): void;
  getFrameInfo(): {
    readonly width: number;
    readonly height: number;
    readonly bitsPerSample: number;
    readonly componentCount: number;
    readonly isSigned?: boolean;
  };
  delete(): void;
}

type WasmCoding = Exclude<FrameCoding, 'jpeg-lossless'>;

/** What starts a WebAssembly module, and the classes that it has then. */
type Start<Name extends string> = (options: {
  readonly wasmBinary: Uint8Array;
  readonly print: () => void;
  readonly printErr: () => void;
}) => Promise<Record<Name, new () => PictureDecoder>>;

/** The packages, and which file of each is its WebAssembly. */
export const CODEC_FILES = {
  jpeg: { package: '@cornerstonejs/codec-libjpeg-turbo-8bit', file: 'libjpegturbowasm_decode.wasm' },
  'jpeg-ls': { package: '@cornerstonejs/codec-charls', file: 'charlswasm_decode.wasm' },
  'jpeg-2000': { package: '@cornerstonejs/codec-openjpeg', file: 'openjpegwasm_decode.wasm' },
} as const satisfies Record<WasmCoding, { readonly package: string; readonly file: string }>;

/** Address or content of the WebAssembly of each. */
export type CodecSources = Readonly<Record<WasmCoding, string | Blob>>;

/** Gives the bytes of a WebAssembly file. */
export type LoadCodec = (coding: WasmCoding) => Promise<Uint8Array>;

const silent = (): void => {};

async function startDecoder(coding: WasmCoding, load: LoadCodec): Promise<new () => PictureDecoder> {
  const options = { wasmBinary: await load(coding), print: silent, printErr: silent };
  switch (coding) {
    case 'jpeg': {
      const { default: start } = await import('@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs');
      return (await (start as Start<'JPEGDecoder'>)(options)).JPEGDecoder;
    }
    case 'jpeg-ls': {
      const { default: start } = await import('@cornerstonejs/codec-charls/decodewasmjs');
      return (await (start as Start<'JpegLSDecoder'>)(options)).JpegLSDecoder;
    }
    case 'jpeg-2000': {
      const { default: start } = await import('@cornerstonejs/codec-openjpeg/decodewasmjs');
      return (await (start as Start<'J2KDecoder'>)(options)).J2KDecoder;
    }
    default:
      return coding satisfies never;
  }
}

function withWasm(Decoder: new () => PictureDecoder, bytes: Uint8Array): DecodedFrame {
  const decoder = new Decoder();
  try {
    decoder.getEncodedBuffer(bytes.length).set(bytes);
    decoder.decode();
    const { width, height, bitsPerSample, componentCount, isSigned = false } = decoder.getFrameInfo();
    // a copy, out of the memory of WebAssembly
    const content = new Uint8Array(decoder.getDecodedBuffer());
    const values =
      bitsPerSample > 8
        ? new (isSigned ? Int16Array : Uint16Array)(content.buffer, 0, content.length >> 1)
        : isSigned
          ? new Int8Array(content.buffer)
          : content;
    return {
      columns: width,
      rows: height,
      samples: componentCount,
      precision: bitsPerSample,
      signed: isSigned,
      values,
    };
  } finally {
    decoder.delete();
  }
}

async function losslessJpeg(bytes: Uint8Array): Promise<DecodedFrame> {
  const { default: jpeg } = await import('jpeg-lossless-decoder-js');
  const decoder = new jpeg.lossless.Decoder();
  const own = new Uint8Array(bytes).buffer;
  const content = decoder.decompress(own, 0, own.byteLength);
  const { dimX: columns, dimY: rows, precision, numComponents: samples } = decoder.frame;
  const values = precision > 8 ? new Uint16Array(content) : new Uint8Array(content);
  return { columns, rows, samples, precision, signed: false, values };
}

/** @param load finds WebAssembly where the platform keeps it */
export function createFrameCodec(load: LoadCodec): FrameCodec {
  const started = new Map<WasmCoding, Promise<new () => PictureDecoder>>();
  return {
    decode: async (coding, bytes) => {
      if (coding === 'jpeg-lossless') return losslessJpeg(bytes);
      const Decoder = started.get(coding) ?? startDecoder(coding, load);
      started.set(coding, Decoder);
      try {
        return withWasm(await Decoder, bytes);
      } catch (error) {
        // exceptions of C++ are numbers; the module that threw one starts anew
        started.delete(coding);
        if (error instanceof Error) throw error;
        throw new Error('the picture is damaged', { cause: error });
      }
    },
  };
}
