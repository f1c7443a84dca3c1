/** The result of every importer: a network as a graph, and the facts that are needed to use it. */

import type { Triple } from '../core/shape.ts';
import type { TrainingFacts } from '../data/training-facts.ts';
import type { Graph } from '../graph/graph.ts';
import type { Axes } from '../inference/axes.ts';
import type { ModelInfo } from '../inference/model-info.ts';
import type { Files } from '../runtime/files.ts';

/** Names of the one input and the one output of an imported network. */
export const IMAGE = 'image';
export const LOGITS = 'logits';

/** The facts of a model that its source states. */
export type ImportedFacts = Partial<Omit<ModelInfo, 'inputName' | 'outputName'>> & {
  readonly axes?: Axes;
  readonly training?: TrainingFacts;
};

/** A model from elsewhere. */
export interface ImportedModel {
  /** Graph with the input `image` [1, C, D, H, W] and the output `logits`; any batch size can be fed. */
  readonly graph: Graph;
  /** Number of trained parameters. */
  readonly parameters: number;
  readonly facts: ImportedFacts;
  /** The order of axes that the network was trained on, where its kernels were turned to another. */
  readonly sourceAxes?: Axes;
  /** Notes for the user, one sentence each. */
  readonly notes: readonly string[];
}

/** Choices of the user for a source. */
export interface ImportChoice {
  /** Folds of an nnU-Net folder; all existing ones if not given. */
  readonly folds?: readonly string[];
  /** Checkpoint of an nnU-Net folder; if not given, final if every fold has one, otherwise best. */
  readonly checkpoint?: 'final' | 'best';
  /** Size [D, H, W] of the window, for a network that takes any. */
  readonly patch?: Triple;
  /** Size of the window if neither the user nor the source gives one. */
  readonly assumedPatch?: Triple;
  /** Order of the axes that a network was trained on, if its file does not state it. */
  readonly axes?: Axes;
}

/** File access of an importer. */
export type ImportFiles = Pick<Files, 'read' | 'exists' | 'list'>;

/** A kind of source. */
export interface Importer {
  /** Description of what it reads, for messages. */
  readonly name: string;
  /** Whether a path is one of its sources; looks only at what is necessary. */
  recognises(files: ImportFiles, path: string): Promise<boolean>;
  /** @throws {InputError} E_IMPORT_* naming what is in the way */
  read(files: ImportFiles, path: string, choice: ImportChoice): Promise<ImportedModel>;
}
