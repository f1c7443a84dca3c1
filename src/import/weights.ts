/**
 * The named numbers of a model, taken one by one while its network is built; what nobody takes shows that the network
 * is another one.
 */

import { InputError } from '../core/errors.ts';
import { listSome } from '../core/format.ts';
import { elementCount, formatShape, type Shape, sameShape } from '../core/shape.ts';

/** Numbers that a file has under a name. */
export interface NamedTensor {
  readonly shape: Shape;
  /** Row-major. */
  readonly read: () => Float32Array;
}

/** Takes tensors by name. */
export class Weights {
  readonly #tensors: ReadonlyMap<string, NamedTensor>;
  readonly #left: Set<string>;
  #taken = 0;
  /** For messages. */
  readonly path: string;

  constructor(tensors: ReadonlyMap<string, NamedTensor>, path: string) {
    this.#tensors = tensors;
    this.#left = new Set(tensors.keys());
    this.path = path;
  }

  /** Whether there are numbers of that name. */
  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /** Numbers of the tensors that were taken. */
  get taken(): number {
    return this.#taken;
  }

  /** Names, in the file's order. */
  get names(): readonly string[] {
    return [...this.#tensors.keys()];
  }

  /** The shape of a tensor; undefined where there is none. */
  shapeOf(name: string): Shape | undefined {
    return this.#tensors.get(name)?.shape;
  }

  /**
   * The numbers of a name.
   * @throws {InputError} E_IMPORT_FIT if there are none, or of another shape
   */
  take(name: string, shape: Shape): Float32Array {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) {
      this.#fail(`there is no "${name}" of ${formatShape(shape)}; it has ${listSome(this.names)}`);
    }
    if (!sameShape(tensor.shape, shape)) {
      this.#fail(`"${name}" is ${formatShape(tensor.shape)} where ${formatShape(shape)} is needed`);
    }
    if (this.#left.delete(name)) this.#taken += elementCount(shape);
    return tensor.read();
  }

  /**
   * Refuses numbers that the network has no place for.
   * @param isKnown names that need none
   * @throws {InputError} E_IMPORT_FIT
   */
  assertAllTaken(isKnown: (name: string) => boolean): void {
    const left = [...this.#left].filter(name => !isKnown(name));
    if (left.length > 0) this.#fail(`the network that is described has no place for ${listSome(left)}`);
  }

  #fail(reason: string): never {
    throw new InputError('E_IMPORT_FIT', `the weights of ${this.path} are not those of the network: ${reason}.`);
  }
}
