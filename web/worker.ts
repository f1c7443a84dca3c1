/**
 * The page's worker: reads images and segments them, so that the page stays responsive. Cancelling ends the whole
 * worker.
 */
import './without-eval.ts';
import { VoxstillError } from '../src/core/errors.ts';
import { frameOf } from '../src/data/frame.ts';
import type { ReadVolume } from '../src/data/read-volume.ts';
import { type NamedVolume, stackVolumes } from '../src/data/stacked-volume.ts';
import { readVolume } from '../src/data/volume-file.ts';
import { isImageName, volumeStem } from '../src/data/volume-name.ts';
import { watchMemory } from '../src/platform/web/engine-memory.ts';
import { createWebFrameCodec } from '../src/platform/web/frame-codec.ts';
import { loadModel, segmentVolume } from '../src/platform/web/index.ts';
import { labelsOfVolume } from '../src/volume/label-volume.ts';
import { createNiftiHeader, encodeNiftiImage } from '../src/volume/nifti.ts';
import { assertSameGrid } from '../src/volume/same-grid.ts';
import { voxelCount } from '../src/volume/volume.ts';
import { droppedFiles, plainPath, sumOfFile } from './dropped-files.ts';
import type { Wanted } from './file-roles.ts';
import { type ImageChoice, imagesAmong } from './image-choices.ts';
import type { ChannelSource, DroppedFile, Job, Reply, Scan } from './protocol.ts';
import { samplePhantom } from './sample.ts';
import { threadsOfPage } from './threads.ts';

const engineBytes = watchMemory();

function reply(message: Reply, transfer: readonly ArrayBufferLike[] = []): void {
  postMessage(message, { transfer: transfer.filter(buffer => buffer instanceof ArrayBuffer) });
}

function scanOf(read: Omit<Scan, 'shown'>): Scan {
  const { volume } = read;
  const first = { ...volume, channels: 1, data: volume.data.subarray(0, voxelCount(volume.sizeVoxels)) };
  // with one form of placing it, the one that is computed on: the viewer would choose among several by their codes
  return { ...read, shown: encodeNiftiImage(first, createNiftiHeader(first), { compress: false }) };
}

function sourcesOf({ files, codecs }: Job & { kind: 'look' | 'read' }) {
  return { files: droppedFiles(files), images: createWebFrameCodec(codecs) };
}

async function look(job: Job & { kind: 'look' }): Promise<void> {
  const sources = sourcesOf(job);
  reply({ kind: 'looked', images: await imagesAmong(sources, await sources.files.list('.')) });
}

/** The one image that is meant by files of which nobody was asked. */
function onlyImage(files: readonly DroppedFile[]): ImageChoice {
  const known = files.find(({ path }) => isImageName(path));
  const only = files.length === 1 ? files[0]!.path : undefined;
  const path = known?.path ?? only ?? '.';
  return { path, title: path === '.' ? (files[0]?.path.split('/')[0] ?? path) : path, facts: '' };
}

/**
 * Reads a channel, and tells which of the files it was read from: of a series its own, for which all were looked
 * through.
 */
async function readChannel(
  job: Job & { kind: 'read' },
  { path, title, series, frame }: ImageChoice,
): Promise<{ readonly read: ReadVolume; readonly source: ChannelSource; readonly frames: number }> {
  const { files, images } = sourcesOf(job);
  const opened: string[] = [];
  const note = (one: string): Promise<Uint8Array> => {
    opened.push(one);
    return files.read(one);
  };
  const read = await readVolume({ files: { ...files, read: note }, images }, path, { series });
  const paths = new Set((read.dicom?.slices.map(slice => slice.path) ?? opened).map(plainPath));
  const own = [...paths].flatMap(one => job.files.find(other => plainPath(other.path) === one) ?? []);
  return {
    read: frame === undefined ? read : frameOf(read, frame, title),
    source: { title, files: own, ...(read.dicom && { series: read.dicom.seriesUid }) },
    frames: read.volume.channels,
  };
}

async function read(job: Job & { kind: 'read' }): Promise<void> {
  const { channels, reference }: Wanted = job.wanted ?? { channels: [onlyImage(job.files)] };
  const parts: NamedVolume[] = [];
  const sources: ChannelSource[] = [];
  let frames = 1;
  for (const choice of channels) {
    const channel = await readChannel(job, choice);
    parts.push({ path: choice.title, read: channel.read });
    sources.push(channel.source);
    frames = channel.frames;
  }
  const [{ title, frame }] = channels as readonly [ImageChoice];
  const name = frame === undefined ? title : `${title}, frame ${frame} of ${frames}`;
  const found = stackVolumes(parts);
  const labels = reference && (await readChannel(job, reference)).read.volume;
  if (reference !== undefined && labels !== undefined) {
    assertSameGrid({ ...found.volume, path: name }, { ...labels, path: reference.title });
  }
  const scan = scanOf({
    ...found,
    name,
    stem: `${volumeStem(title)}${frame === undefined ? '' : `_frame${frame}`}`,
    sources,
    ...(frame !== undefined && { frame, frames }),
    ...(labels && { reference: labelsOfVolume(labels, reference?.title ?? '') }),
  });
  reply({ kind: 'read', scan }, [scan.volume.data.buffer, scan.shown.buffer]);
}

function sample(): void {
  const { volume, labels } = samplePhantom();
  const facts = {
    header: createNiftiHeader(volume),
    dataType: 'float32',
    warnings: [],
    reference: labels,
    sources: [],
  };
  const scan = scanOf({ ...facts, volume, name: 'sample phantom', stem: 'sample' });
  reply({ kind: 'read', scan });
}

async function hash({ files }: Job & { kind: 'hash' }): Promise<void> {
  const sums: string[] = [];
  for (const file of files) sums.push(await sumOfFile(file));
  reply({ kind: 'hashed', sums });
}

async function segmentJob({ volume, id, model: bytes, ...job }: Job & { kind: 'segment' }): Promise<void> {
  const { metadata, backend, runtime } = job;
  const startMs = performance.now();
  const threads = threadsOfPage();
  const model = await loadModel(bytes, { metadata, backend, threads, files: runtime });
  const loadSeconds = (performance.now() - startMs) / 1000;
  reply({ kind: 'loaded' });
  try {
    const result = await segmentVolume(volume, model, {
      id,
      entropy: true,
      onWarnings: warnings => reply({ kind: 'warned', warnings }),
      onProgress: progress => reply({ kind: 'progress', ...progress }),
    });
    reply({ kind: 'segmented', ...result, engine: model.engine, threads, loadSeconds, engineBytes: engineBytes() });
  } finally {
    await model.dispose();
  }
}

async function work(job: Job): Promise<void> {
  switch (job.kind) {
    case 'look':
      return look(job);
    case 'read':
      return read(job);
    case 'sample':
      return sample();
    case 'hash':
      return hash(job);
    case 'segment':
      return segmentJob(job);
    default:
      return job satisfies never;
  }
}

addEventListener('message', async ({ data: job }: MessageEvent<Job>) => {
  try {
    await work(job);
  } catch (error) {
    const code = error instanceof VoxstillError ? error.code : 'E_INTERNAL';
    reply({ kind: 'failed', code, message: error instanceof Error ? error.message : String(error) });
  }
});
