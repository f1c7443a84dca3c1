/**
 * The files of a case, hashed and read once: what is decoded are the bytes that were hashed. If a case is opened again
 * later, what is read then must have the same hashes.
 */
import type { CaseFiles } from '../../data/case-list.ts';
import type { Dataset } from '../../data/dataset.ts';
import { type LoadedCase, loadCase } from '../../data/loaded-case.ts';
import { filesOfVolume } from '../../data/volume-file.ts';
import { formatOfName } from '../../data/volume-name.ts';
import type { Files } from '../../runtime/files.ts';
import { holdFiles, pathsIn } from '../../runtime/held-files.ts';
import { type Box, croppedVolume } from '../../volume/nonzero.ts';
import type { Laboratory } from '../laboratory.ts';

/** SHA-256 by path within the data set. */
type Hashes = readonly (readonly [string, string])[];

/** A case whose files were hashed. */
export interface OpenCase {
  /** Of every file of the case; of a DICOM series of the one that stands for it. */
  readonly hashes: Hashes;
  /** Whether these are all files that its voxels come from. */
  readonly areAll: boolean;
  /** Its voxels, decoded once. */
  load(): Promise<LoadedCase>;
  /** The part of it that `load` gives, in its own voxels; all of it if not given. */
  readonly box?: Box;
  /** All of its voxels, whatever part of it is used. */
  loadWhole(): Promise<LoadedCase>;
}

/** A case of which only a box is used. */
export function withinBox(open: OpenCase, box: Box): OpenCase {
  let cut: Promise<LoadedCase> | undefined;
  const load = async (): Promise<LoadedCase> => {
    const whole = await open.loadWhole();
    const { image, label, map } = whole;
    return {
      ...whole,
      image: croppedVolume(image, box),
      ...(label && { label: croppedVolume(label, box) }),
      ...(map && { map: croppedVolume(map, box) }),
    };
  };
  return {
    ...open,
    box,
    load: () => {
      cut ??= load();
      return cut;
    },
  };
}

/** Opens the cases of a data set. */
export type CaseOpener = (item: CaseFiles) => Promise<OpenCase>;

/** Files that are read once and remembered until somebody takes them. */
function remembering<F extends Pick<Files, 'read'>>(files: F, remembered: Map<string, Uint8Array>): F {
  return {
    ...files,
    read: async path => {
      const known = remembered.get(path);
      if (known !== undefined) return known;
      const bytes = await files.read(path);
      remembered.set(path, bytes);
      return bytes;
    },
  };
}

/** Files of which those that are remembered come from there, for the last time, and others from where they lie. */
function taking<F extends Pick<Files, 'read'>>(files: F, remembered: Map<string, Uint8Array>): F {
  return {
    ...files,
    read: async path => {
      const known = remembered.get(path);
      remembered.delete(path);
      return known ?? files.read(path);
    },
  };
}

/** How to open the cases of a data set. Hashes are remembered, so a case that is opened again is not hashed again. */
export function caseOpener(laboratory: Laboratory, dataset: Dataset): CaseOpener {
  const { files, machine } = laboratory;
  const known = new Map<string, Hashes>();
  return async item => {
    const { images, label } = item;
    const volumes = label === undefined ? images : [...images, label];
    const remembered = new Map<string, Uint8Array>();
    const reading = { ...laboratory, files: remembering(files, remembered) };
    const hash = async (): Promise<Hashes> => {
      const hashes: (readonly [string, string])[] = [];
      for (const volume of volumes) {
        for (const path of await filesOfVolume(reading, volume)) {
          const bytes = await reading.files.read(path);
          hashes.push([path.slice(dataset.folder.length + 1), machine.sha256(bytes)]);
        }
      }
      return hashes;
    };
    const hashes = known.get(item.id) ?? (await hash());
    known.set(item.id, hashes);
    let loaded: Promise<LoadedCase> | undefined;
    const load = (): Promise<LoadedCase> => {
      const held = holdFiles(files, pathsIn(dataset.folder, Object.fromEntries(hashes)), machine.sha256);
      return loadCase({ ...laboratory, files: taking(held, remembered) }, dataset, item);
    };
    const once = (): Promise<LoadedCase> => {
      loaded ??= load();
      return loaded;
    };
    return {
      hashes,
      areAll: volumes.every(volume => !['dicom', undefined].includes(formatOfName(volume))),
      load: once,
      loadWhole: once,
    };
  };
}
