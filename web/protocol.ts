/**
 * Messages between the page and its worker. One job at a time; its last reply is `failed` or the one named after the
 * job.
 */
import type { ErrorCode } from '../src/core/errors.ts';
import type { FrameOf } from '../src/data/frame.ts';
import type { ReadVolume } from '../src/data/read-volume.ts';
import type { ModelMetadata } from '../src/experiment/model-facts.ts';
import type { PlausibilityWarning } from '../src/inference/plausibility/bounds.ts';
import type { CodecSources } from '../src/platform/frame-codecs.ts';
import type { RuntimeFiles, SegmentProgress, WebBackend, WebSegmentation } from '../src/platform/web/index.ts';
import type { LabelVolume, Volume } from '../src/volume/volume.ts';
import type { Wanted } from './file-roles.ts';
import type { ImageChoice } from './image-choices.ts';

/** A file that was dropped or chosen, with its path in the folder that was. */
export interface DroppedFile {
  readonly path: string;
  readonly file: File;
}

export type Job =
  | { readonly kind: 'look'; readonly files: readonly DroppedFile[]; readonly codecs: CodecSources }
  | {
      readonly kind: 'read';
      readonly files: readonly DroppedFile[];
      readonly codecs: CodecSources;
      /** Which of several images, as what. */
      readonly wanted?: Wanted;
    }
  | { readonly kind: 'sample' }
  | { readonly kind: 'hash'; readonly files: readonly DroppedFile[] }
  | {
      readonly kind: 'segment';
      readonly volume: Volume;
      readonly id: string;
      readonly model: Uint8Array;
      readonly metadata: Partial<ModelMetadata>;
      readonly backend: WebBackend;
      readonly runtime: RuntimeFiles;
    };

/** A channel of an image, and the files that it was read from. */
export interface ChannelSource {
  /** Name for people. */
  readonly title: string;
  /** SeriesInstanceUID where it is DICOM, empty where its files have none; absent elsewhere. */
  readonly series?: string;
  /** The first is the one that the others belong to. */
  readonly files: readonly DroppedFile[];
}

/** An image in the page. */
export interface Scan extends ReadVolume, Partial<FrameOf> {
  /** Name without its ending, for results. */
  readonly stem: string;
  readonly name: string;
  /** The first channel as an uncompressed NIfTI file, for the viewer. */
  readonly shown: Uint8Array;
  /** Where it is from; empty for the sample, which is made. */
  readonly sources: readonly ChannelSource[];
  readonly reference?: LabelVolume;
}

/** A finished segmentation with its time and memory. */
export interface SegmentedReply extends WebSegmentation {
  readonly kind: 'segmented';
  readonly engine: string;
  readonly threads: number;
  /** Seconds until the model was ready. */
  readonly loadSeconds: number;
  /**
   * Memory of ONNX Runtime, which WebAssembly never gives back, so the most that was in use; undefined where it is not
   * told.
   */
  readonly engineBytes: number | undefined;
}

export type Reply =
  | { readonly kind: 'looked'; readonly images: readonly ImageChoice[] }
  | { readonly kind: 'read'; readonly scan: Scan }
  | { readonly kind: 'hashed'; readonly sums: readonly string[] }
  | { readonly kind: 'loaded' }
  | { readonly kind: 'warned'; readonly warnings: readonly PlausibilityWarning[] }
  | ({ readonly kind: 'progress' } & SegmentProgress)
  | SegmentedReply
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string };
