/** Types of packages that bring none; what they give is described in frame-codecs.ts. */
declare module '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs' {
  const start: unknown;
  export = start;
}
declare module '@cornerstonejs/codec-charls/decodewasmjs' {
  const start: unknown;
  export = start;
}
declare module '@cornerstonejs/codec-openjpeg/decodewasmjs' {
  const start: unknown;
  export = start;
}
declare module 'jpeg-lossless-decoder-js' {
  interface Decoder {
    decompress(buffer: ArrayBuffer, offset: number, length: number): ArrayBuffer;
    readonly frame: {
      readonly dimX: number;
      readonly dimY: number;
      readonly precision: number;
      readonly numComponents: number;
    };
  }
  const jpeg: { readonly lossless: { readonly Decoder: new () => Decoder } };
  export = jpeg;
}
