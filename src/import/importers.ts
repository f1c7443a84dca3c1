/** The sources that can be imported, in the order in which they are tried. */
import { InputError } from '../core/errors.ts';
import type { Importer, ImportFiles } from './imported.ts';
import { kerasImporter } from './keras/keras.ts';
import { bundleImporter } from './monai/bundle.ts';
import { stateDictImporter } from './monai/state-dict-file.ts';
import { nnunetImporter } from './nnunet/folder.ts';

/** All importers. */
const IMPORTERS: readonly Importer[] = [nnunetImporter, bundleImporter, stateDictImporter, kerasImporter];

/** The importer whose source a path is; undefined if it belongs to none. */
export async function importerOf(files: ImportFiles, path: string): Promise<Importer | undefined> {
  for (const importer of IMPORTERS) if (await importer.recognises(files, path)) return importer;
  return undefined;
}

/**
 * The importer whose source a path is.
 * @throws {InputError} E_FILE_MISSING, E_IMPORT_KIND
 */
export async function findImporter(files: ImportFiles, path: string): Promise<Importer> {
  const found = await importerOf(files, path);
  if (found !== undefined) return found;
  if (!(await files.exists(path))) throw new InputError('E_FILE_MISSING', `there is no file or folder ${path}`);
  const names = IMPORTERS.map(({ name }) => name).join('; ');
  throw new InputError(
    'E_IMPORT_KIND',
    `${path} is no model that can be read: neither an ONNX file (.onnx) nor ${names}.`,
  );
}
