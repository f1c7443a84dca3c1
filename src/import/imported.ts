/** What every importer gives: a network as a graph, and what must be known to use it. */

import type { Triple } from '../core/shape.ts';
import type { Graph } from '../graph/graph.ts';
import type { Axes } from '../inference/axes.ts';
import type { ModelInfo } from '../inference/model-info.ts';
import type { Files } from '../runtime/files.ts';

/** Names of the one input and the one output of an imported network. */
export const IMAGE = 'image';
export const LOGITS = 'logits';

/** What a source says of its model, as far as it does. */
export type ImportedFacts = Partial<Omit<ModelInfo, 'inputName' | 'outputName'>> & { readonly axes?: Axes };

/** A model from elsewhere. */
export interface ImportedModel {
  /** With the input `image` [1, C, D, H, W] and the output `logits`; any batch can be fed. */
  readonly graph: Graph;
  /** Trained numbers. */
  readonly parameters: number;
  readonly facts: ImportedFacts;
  /** The order of axes that the network was trained on, where its kernels were turned to another. */
  readonly sourceAxes?: Axes;
  /** What a person should know, a sentence each. */
  readonly notes: readonly string[];
}

/** What a person may choose of a source. */
export interface ImportChoice {
  /** Of an nnU-Net folder; all that are there if not given. */
  readonly folds?: readonly string[];
  /** Of an nnU-Net folder; final, where every fold has one, else best, if not given. */
  readonly checkpoint?: 'final' | 'best';
  /** [D, H, W] of a window, for a network that takes any. */
  readonly patch?: Triple;
  /** The same where neither a person nor the source says one. */
  readonly assumedPatch?: Triple;
  /** Order of the axes that a network was trained on, where its file does not say. */
  readonly axes?: Axes;
}

/** The files that an importer sees. */
export type ImportFiles = Pick<Files, 'read' | 'exists' | 'list'>;

/** A kind of source. */
export interface Importer {
  /** What it reads, for messages. */
  readonly name: string;
  /** Whether a path is one of its sources; looks at no more than it must. */
  recognises(files: ImportFiles, path: string): Promise<boolean>;
  /** @throws {InputError} E_IMPORT_* naming what is in the way */
  read(files: ImportFiles, path: string, choice: ImportChoice): Promise<ImportedModel>;
}
