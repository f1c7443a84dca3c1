/**
 * The description of a Keras model, of Keras 2 (tf.keras) and Keras 3: layers, which of them each call reads, inputs
 * and outputs. Models inside of models are layers with layers. Source: keras/src/models/functional.py and
 * sequential.py, version 3.15, and their forms in tf_keras 2.21.
 */
import { InputError } from '../../core/errors.ts';
import { parseDescription } from '../json.ts';

/** Settings of a layer as in the file. */
export type Settings = Readonly<Record<string, unknown>>;

/** A result: of which layer, and of which of its calls. */
export interface Reference {
  readonly layer: string;
  readonly call: number;
}

/** A layer, or a model that is one. */
export interface KerasLayer {
  readonly className: string;
  readonly name: string;
  readonly settings: Settings;
  /** Tensors that each call of the layer reads. */
  readonly calls: readonly (readonly Reference[])[];
  /** Description, if it is a model. */
  readonly model?: KerasModel;
}

/** A functional model, or a sequence of layers. */
export interface KerasModel {
  readonly layers: readonly KerasLayer[];
  /** Undefined for a sequence. */
  readonly ends?: { readonly inputs: readonly Reference[]; readonly outputs: readonly Reference[] };
}

/** Largest depth of nested models. */
const DEEPEST = 8;
const MODEL_CLASSES = ['Functional', 'Model', 'Sequential'];

/** Refuses a description; `path` names the file. */
export function refuseKeras(path: string, reason: string): never {
  throw new InputError('E_IMPORT_LAYER', `${path} cannot be imported: ${reason}.`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads one file's description. */
class Reader {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  #malformed(what: string): never {
    throw new InputError('E_IMPORT_DESCRIPTION', `${this.#path} describes no Keras model: ${what}.`);
  }

  #reference(value: unknown): Reference {
    const [layer, call] = Array.isArray(value) ? value : [];
    if (typeof layer !== 'string' || typeof call !== 'number') this.#malformed(`${JSON.stringify(value)} is no tensor`);
    return { layer, call };
  }

  /** One reference, or a list of them. */
  #references(value: unknown): Reference[] {
    if (!Array.isArray(value)) return this.#malformed(`${JSON.stringify(value)} is no list of tensors`);
    return typeof value[0] === 'string' ? [this.#reference(value)] : value.map(item => this.#reference(item));
  }

  /**
   * The tensors in the arguments of a call by Keras 3; anything else but nothing is no argument of a layer that is
   * known.
   */
  #tensorsIn(value: unknown, layer: string): Reference[] {
    if (Array.isArray(value)) return value.flatMap(item => this.#tensorsIn(item, layer));
    if (isRecord(value) && value['class_name'] === '__keras_tensor__' && isRecord(value['config'])) {
      return [this.#reference(value['config']['keras_history'])];
    }
    if (value === null || value === undefined || typeof value === 'boolean') return [];
    return refuseKeras(this.#path, `the layer "${layer}" is called with ${JSON.stringify(value).slice(0, 80)}`);
  }

  #call(node: unknown, layer: string): Reference[] {
    if (isRecord(node)) {
      const inKeywords = isRecord(node['kwargs']) ? this.#tensorsIn(Object.values(node['kwargs']), layer) : [];
      if (inKeywords.length > 0) refuseKeras(this.#path, `the layer "${layer}" is called with a tensor by keyword`);
      return this.#tensorsIn(node['args'] ?? [], layer);
    }
    return this.#references(node);
  }

  layer(value: unknown, depth: number): KerasLayer {
    if (!isRecord(value) || !isRecord(value['config'])) return this.#malformed('a layer has no settings');
    const { class_name: className, config: settings, inbound_nodes: nodes = [], registered_name: registered } = value;
    const name = settings['name'] ?? value['name'];
    if (typeof className !== 'string' || typeof name !== 'string') this.#malformed('a layer has no name');
    if (!Array.isArray(nodes)) this.#malformed(`the layer "${name}" has no list of calls`);
    if (typeof registered === 'string' && registered.includes('>') && !registered.startsWith('Addons>')) {
      refuseKeras(this.#path, `the layer "${name}" is ${registered}, Python code of its own that is not in the file`);
    }
    const module = value['module'];
    if (typeof module === 'string' && !/^(keras|tf_keras|tensorflow_addons)\b/.test(module)) {
      refuseKeras(
        this.#path,
        `the layer "${name}" is ${module}.${className}, Python code of its own that is not in the file`,
      );
    }
    const isOperation = typeof module === 'string' && module.includes('.ops');
    return {
      className: isOperation ? `ops.${className}` : className,
      name,
      settings,
      calls: nodes.map(node => this.#call(node, name)),
      ...(MODEL_CLASSES.includes(className) && { model: this.model(value, depth + 1) }),
    };
  }

  model(value: unknown, depth: number): KerasModel {
    if (depth > DEEPEST) this.#malformed('models are nested too deeply');
    if (!isRecord(value)) return this.#malformed('it is no object');
    const { class_name: className, config } = value;
    if (typeof className !== 'string' || !MODEL_CLASSES.includes(className)) {
      refuseKeras(this.#path, `it is a ${String(className)}, not a functional or sequential model`);
    }
    const layers = isRecord(config) ? config['layers'] : config;
    if (!Array.isArray(layers)) return this.#malformed('it has no list of layers');
    const all = layers.map(layer => this.layer(layer, depth));
    if (new Set(all.map(({ name }) => name)).size < all.length) this.#malformed('two layers have the same name');
    if (className === 'Sequential' || !isRecord(config)) return { layers: all };
    const ends = {
      inputs: this.#references(config['input_layers']),
      outputs: this.#references(config['output_layers']),
    };
    return { layers: all, ends };
  }
}

/**
 * A model's description.
 * @param text JSON
 * @param path of the file, for messages
 * @throws {InputError} E_IMPORT_DESCRIPTION if it is not one; E_IMPORT_LAYER for layers that are code
 */
export function parseKerasConfig(text: string, path: string): KerasModel {
  return new Reader(path).model(parseDescription(text, `the model's description in ${path}`), 0);
}
