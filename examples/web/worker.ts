/** Segments a file in a thread of its own, so that the page stays responsive. The file never leaves the machine. */
import mjs from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import { decodeNifti } from 'voxstill';
import { loadModel, segmentVolume } from 'voxstill/web';

export type Reply = { readonly progress: number } | { readonly volumesMl: object } | { readonly error: string };
const reply = (message: Reply): void => postMessage(message);

addEventListener('message', async ({ data }: MessageEvent<{ readonly file: File; readonly model: string }>) => {
  try {
    const model = await loadModel(data.model, { files: { wasm, mjs } });
    const { volume } = decodeNifti(new Uint8Array(await data.file.arrayBuffer()), { path: data.file.name });
    const { volumesMl } = await segmentVolume(volume, model, {
      onProgress: ({ windowsDone, windowsTotal }) => reply({ progress: windowsDone / windowsTotal }),
    });
    reply({ volumesMl });
  } catch (error) {
    reply({ error: String(error) });
  }
});
