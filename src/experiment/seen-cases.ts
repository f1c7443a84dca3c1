/**
 * Whether models have seen the cases that they are tested on: by the hashes of images in their metadata, see
 * data/image-hash.ts, or by the run that they are in.
 */
import { listSome } from '../core/format.ts';
import type { SeenImages } from '../data/training-facts.ts';
import type { VolumeWarning } from '../volume/geometry.ts';
import type { ModelFile } from './model-file.ts';
import { type LookedFor, seenByFolder } from './seen-by-folder.ts';

/** A model, and what it has seen as far as it says. */
export interface Witness {
  readonly path: string;
  readonly images?: SeenImages | undefined;
}

/** A warning that a model has seen cases that are scored. */
export interface SeenWarning extends VolumeWarning {
  readonly model: string;
  /** Ids of the cases, by how they were seen. */
  readonly training: readonly string[];
  readonly validation: readonly string[];
  readonly teacher: readonly string[];
}

const KINDS = ['training', 'validation', 'teacher'] as const;
type Kind = (typeof KINDS)[number];

const ROLES: Readonly<Record<Kind, readonly [string, string]>> = {
  training: ['was a training case of it', 'were training cases of it'],
  validation: ['was a validation case of it', 'were validation cases of it'],
  teacher: ['was seen by its teacher', 'were seen by its teacher'],
};

/** The cases to be scored. */
export interface ScoredCases {
  /** Hash of the image by id. */
  readonly images: ReadonlyMap<string, string>;
  /** Name of the split; that a model has seen its own training or validation cases is no news. */
  readonly split: string;
}

/**
 * Lists for each model which of the cases it has seen (W_CASES_SEEN); a case counts once, in the first of training,
 * validation and teacher. Models whose files do not say what they saw are passed over.
 */
export function seenWarnings(models: readonly Witness[], { images, split }: ScoredCases): readonly SeenWarning[] {
  const known: Readonly<Record<string, Kind>> = { train: 'training', val: 'validation' };
  return models.flatMap(({ path, images: seen }): SeenWarning[] => {
    if (seen === undefined) return [];
    const kindOf = new Map<string, Kind>(
      KINDS.toReversed().flatMap(kind => seen[kind].map(hash => [hash, kind] as const)),
    );
    const ids = { training: [], validation: [], teacher: [] } as Record<Kind, string[]>;
    for (const [id, hash] of images) {
      const kind = kindOf.get(hash);
      if (kind !== undefined && kind !== known[split]) ids[kind].push(id);
    }
    const told = KINDS.filter(kind => ids[kind].length > 0);
    if (told.length === 0) return [];
    const parts = told.map(kind => {
      const list = ids[kind];
      return `${list.length} of the ${images.size} ${split === 'all' ? '' : `${split} `}cases ${ROLES[kind][list.length === 1 ? 0 : 1]} (${listSome(list)})`;
    });
    const message = `${path} has seen what it is scored on: ${parts.join(', ')}. Its scores there say nothing of new cases.`;
    return [{ code: 'W_CASES_SEEN', message, model: path, ...ids }];
  });
}

/** What a model's metadata say of the images that it has seen. */
export function witnessOf({ path, metadata }: Pick<ModelFile, 'path' | 'metadata'>): Witness {
  return { path, images: metadata.training?.images };
}

/** What models say of the images that they have seen; where metadata of earlier versions do not, their run may. */
export async function witnessesOf(
  world: Parameters<typeof seenByFolder>[0],
  models: readonly Pick<ModelFile, 'path' | 'metadata'>[],
  lookedFor: LookedFor,
): Promise<readonly Witness[]> {
  const witnesses: Witness[] = [];
  for (const model of models) {
    const { path, images } = witnessOf(model);
    witnesses.push({ path, images: images ?? (await seenByFolder(world, path, lookedFor)) });
  }
  return witnesses;
}

/** All images that models have seen, each once. */
export function allSeen(models: readonly Witness[]): readonly string[] {
  return [
    ...new Set(models.flatMap(({ images }) => (images === undefined ? [] : KINDS.flatMap(kind => images[kind])))),
  ];
}
