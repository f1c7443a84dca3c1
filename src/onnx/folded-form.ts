/**
 * Recompiles a model from elsewhere for a graphics card, for one fixed shape of its image: ONNX Runtime's WebGPU has no
 * fast convolution of volumes, none in groups, and no transposed one.
 */
import { InputError } from '../core/errors.ts';
import { fuse } from '../graph/fuse.ts';
import { GraphBuilder } from '../graph/graph.ts';
import { findTransposedConvs } from '../graph/transposed-convs.ts';
import { cancelTransposes } from '../graph/transposes.ts';
import { decodeModel } from './decode.ts';
import { encodeModel } from './encode.ts';
import { type ImportOptions, importModel } from './import.ts';
import { lower } from './lower.ts';

/**
 * Lowers a model for a graphics card.
 * @param bytes with all weights inside
 * @returns a model of the same input and outputs, whose values differ only by rounding; or the reason why there is none
 */
export function foldedForm(bytes: Uint8Array, options: ImportOptions): Uint8Array | { readonly unsupported: string } {
  const imported = importModel(decodeModel(bytes, 'the model'), options);
  if ('unsupported' in imported) return imported;
  const graph = cancelTransposes(new GraphBuilder(), findTransposedConvs(new GraphBuilder(), imported));
  return encodeModel(lower(fuse(new GraphBuilder(), graph), { block: 0, folded: true }));
}

/** The epsilon of ONNX's normalisation where a model does not give one, and that of PyTorch. */
const USUAL_EPSILON = 1e-5;

/**
 * Refuses a model that would give other numbers on a graphics card as it was exported. ONNX Runtime's WebGPU writes the
 * epsilon of InstanceNormalization into a program with six decimals, and takes that program for every other epsilon of
 * the process too.
 * @param advice what to do instead
 * @throws {InputError} E_DEVICE
 */
export function assertSafeAsExported(bytes: Uint8Array, path: string, advice: string): void {
  const { nodes } = decodeModel(bytes, path);
  const other = nodes
    .filter(({ op }) => op === 'InstanceNormalization')
    .map(({ attributes }) => attributes.get('epsilon')?.float ?? USUAL_EPSILON)
    .find(epsilon => Math.abs(epsilon / USUAL_EPSILON - 1) > 1e-6);
  if (other === undefined) return;
  throw new InputError(
    'E_DEVICE',
    `${path} cannot run on a graphics card as it is: ONNX Runtime's WebGPU computes InstanceNormalization wrongly with an epsilon of ${Number(other.toPrecision(6))}. ${advice}`,
  );
}

/** Advice for a model that is not recompiled for the card. */
export function notRecompiled(why: string): string {
  return `It is not recompiled (${why}). Let the processor compute it: --device cpu, in a page WebAssembly.`;
}
