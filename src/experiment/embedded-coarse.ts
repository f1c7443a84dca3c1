/**
 * Two stages in one file: the fine model is an ordinary ONNX file, and the coarse model that finds its region of
 * interest is the text of an entry of its metadata, in base64, so that any runtime reads the file as before. The facts
 * of such a file stand under a key of their own: a reader that does not know of coarse stages finds no facts, rather
 * than a model that it would run on the whole volume. The seal of the file covers both.
 */
import { InputError, invariant } from '../core/errors.ts';
import { replaceMetadata } from '../onnx/edit.ts';
import { sealModel } from '../onnx/seal.ts';
import type { ModelMetadata } from './model-facts.ts';

/** The metadata key of the facts of a model that segments whole volumes. */
const WHOLE_KEY = 'voxstill';
/** The metadata key of the facts of a model with a coarse stage. */
const CASCADE_KEY = 'voxstill-cascade';
/** The metadata key of the coarse stage. */
export const COARSE_KEY = 'voxstill-coarse';

/** Characters that are put together at once; more arguments than that are more than a call takes. */
const PIECE = 0x8000;

function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let start = 0; start < bytes.length; start += PIECE) {
    text += String.fromCharCode(...bytes.subarray(start, start + PIECE));
  }
  return btoa(text);
}

function fromBase64(text: string, path: string): Uint8Array {
  let binary: string;
  try {
    binary = atob(text);
  } catch (cause) {
    throw new InputError('E_CASCADE', `the coarse stage in ${path} is damaged. Take a fresh copy of the file.`, {
      cause,
    });
  }
  return Uint8Array.from(binary, letter => letter.charCodeAt(0));
}

/**
 * The metadata of an exported model.
 * @param coarse its coarse stage, as {@link embeddedForm} gives it; `metadata.cascade` must then say the margin
 */
export function formatModelMetadata(
  metadata: Partial<ModelMetadata>,
  coarse?: Uint8Array,
): Readonly<Record<string, string>> {
  invariant(metadata.cascade === undefined || coarse !== undefined, 'a model of a region carries what finds it');
  const facts = JSON.stringify(metadata);
  return coarse === undefined ? { [WHOLE_KEY]: facts } : { [CASCADE_KEY]: facts, [COARSE_KEY]: toBase64(coarse) };
}

/** The facts in the metadata of a file, as text; undefined in a model from elsewhere. */
export function ownFacts(
  metadata: Readonly<Record<string, string>>,
): { readonly key: string; readonly text: string } | undefined {
  const key = [WHOLE_KEY, CASCADE_KEY].find(one => metadata[one] !== undefined);
  return key === undefined ? undefined : { key, text: metadata[key] as string };
}

/**
 * The bytes of the coarse stage in a file; undefined in a file without one.
 * @param cascade what the facts of the file say of it
 * @throws {InputError} E_CASCADE if only one of facts and stage is there, or the stage is damaged
 */
export function embeddedCoarse(
  metadata: Readonly<Record<string, string>>,
  cascade: ModelMetadata['cascade'],
  path: string,
): Uint8Array | undefined {
  const text = metadata[COARSE_KEY];
  if (text !== undefined && cascade !== undefined) return fromBase64(text, path);
  if (text === undefined && cascade === undefined) return undefined;
  const [has, lacks] = text === undefined ? ['margin', 'coarse stage'] : ['coarse stage', 'margin around its region'];
  throw new InputError('E_CASCADE', `${path} has a ${has}, but no ${lacks}. Take a fresh copy of the file.`);
}

/**
 * A model with all that is known of it inside, as it is put into another file. The form of a form is itself, byte for
 * byte, so two stages are the same where their forms are.
 * @param known what is known of it, without what nobody stated
 */
export function embeddedForm(bytes: Uint8Array, known: Partial<ModelMetadata>): Promise<Uint8Array> {
  return sealModel(replaceMetadata(bytes, formatModelMetadata(known)));
}
