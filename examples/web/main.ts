/** The page: gives the chosen file to the worker, shows how far it is and the volumes that it finds. */
import type { Reply } from './worker.ts';

const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
const [input, bar, text] = ['input', 'progress', 'pre'].map(name => document.querySelector<HTMLElement>(name)) as [
  HTMLInputElement,
  HTMLProgressElement,
  HTMLPreElement,
];

input.onchange = () =>
  worker.postMessage({ file: input.files?.[0], model: new URL('model.onnx', document.baseURI).href });
worker.onmessage = ({ data }: MessageEvent<Reply>) => {
  if ('progress' in data) bar.value = data.progress;
  else text.textContent = JSON.stringify(data, null, 2);
};
