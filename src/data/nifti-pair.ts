/**
 * NIfTI volumes in two files, a header `.hdr` and voxels `.img` beside it, each of which may be compressed and stands
 * for both. Source: nifti1.h.
 */
import { InputError } from '../core/errors.ts';
import type { Files } from '../runtime/files.ts';
import { type DecodedNifti, decodeNiftiPair } from '../volume/nifti.ts';

/** The two files of a volume. */
export interface PairPaths {
  readonly header: string;
  readonly voxels: string;
}

const ENDING = /\.(hdr|img)(\.gz)?$/i;
const OTHER = { hdr: 'img', img: 'hdr' } as const;

/** The names that the other file of a pair may have, the likeliest first; none for other files. */
function partnersOf(path: string): readonly string[] {
  const [ending = '', kind = '', packed] = ENDING.exec(path) ?? [];
  if (ending === '') return [];
  const lower = OTHER[kind.toLowerCase() as keyof typeof OTHER];
  const other = `${path.slice(0, -ending.length)}.${kind === kind.toUpperCase() ? lower.toUpperCase() : lower}`;
  return packed === undefined ? [other, `${other}.gz`] : [`${other}${packed}`, other];
}

/** Whether a file is the header of its pair. */
function isPairHeader(path: string): boolean {
  return /\.hdr(\.gz)?$/i.test(path);
}

/** Names without the voxels of pairs whose header is among them: a header stands for its pair. */
export function onePerPair(names: readonly string[]): readonly string[] {
  const isSecond = (name: string): boolean =>
    !isPairHeader(name) && partnersOf(name).some(partner => names.includes(partner));
  return names.filter(name => !isSecond(name));
}

/**
 * Finds the other file of a pair.
 * @param path of one of them
 * @throws {InputError} E_VOLUME_PARTS if there is none
 */
export async function findPair(files: Pick<Files, 'exists'>, path: string): Promise<PairPaths> {
  const names = partnersOf(path);
  for (const name of names) {
    if (await files.exists(name))
      return isPairHeader(path) ? { header: path, voxels: name } : { header: name, voxels: path };
  }
  const [what, lacking] = isPairHeader(path) ? ['header', 'voxels'] : ['voxels', 'header'];
  throw new InputError(
    'E_VOLUME_PARTS',
    `${path} holds the ${what} of a volume in two files, and there is no ${names[0]} with the ${lacking} beside it. Put both into one folder.`,
  );
}

/**
 * Reads the volume of a pair.
 * @param path of one of its files
 * @throws {InputError} E_VOLUME_PARTS, and as decodeNiftiPair
 */
export async function readNiftiPair(files: Pick<Files, 'exists' | 'read'>, path: string): Promise<DecodedNifti> {
  const { header, voxels } = await findPair(files, path);
  const contents = { header: await files.read(header), voxels: await files.read(voxels) };
  return decodeNiftiPair(contents, { path: header, voxelPath: voxels });
}
