/**
 * Models that are asked about many windows of one size, as predictions and evaluations do: as exported at first, and in
 * the engine's blocked kernels from then on, where they can be recompiled and most of their layers fill a block. For
 * fewer windows than that, recompiling is not worth it. For a graphics card a model is recompiled at once.
 */
import { sameShape } from '../core/shape.ts';
import { modelShape } from '../inference/axes.ts';
import type { OpenModel } from '../inference/model-info.ts';
import { blockedForm } from '../onnx/blocked-form.ts';
import { assertSafeAsExported, foldedForm, notRecompiled } from '../onnx/folded-form.ts';
import type { Engine, Session } from '../runtime/engine.ts';
import { type ModelFile, openModel } from './model-file.ts';

/** Windows that run as exported: recompiling costs as much as one or two windows gain. */
const WINDOWS_AS_EXPORTED = 2;

/** Bytes of the largest model that runs plane by plane: pages have little memory, and its kernels double there. */
const LARGEST_IN_PLANES = 2 ** 26;

/** Channels of a block: those of the engine's kernels, one for planes by standard operators, 0 for neither. */
function blockFor({ block, planes = false }: Engine, { bytes }: ModelFile): number {
  return block === 0 && planes && bytes.length <= LARGEST_IN_PLANES ? 1 : block;
}

/** The model in blocked kernels for windows of this shape [N, C, D, H, W]; undefined where it stays as it is. */
async function recompiled(engine: Engine, file: ModelFile, shape: readonly number[]): Promise<Session | undefined> {
  const { bytes, info, metadata } = file;
  const form = blockedForm(bytes, {
    block: blockFor(engine, file),
    input: { name: info.inputName, shape: modelShape(shape, metadata.axes) },
    outputs: [info.outputName],
  });
  return form instanceof Uint8Array ? openModel(engine, { ...file, bytes: form }) : undefined;
}

/**
 * Opens a model on a graphics card: recompiled for each shape of window, from the first on.
 * @throws {InputError} E_DEVICE if it can only run as exported, and gives other numbers there
 */
async function openOnCard(engine: Engine, file: ModelFile): Promise<Session> {
  const { bytes, info, metadata, path } = file;
  const sessions = new Map<string, Session>();
  const open = async (shape: readonly number[]): Promise<Session> => {
    const form = metadata.axes.includes('Z')
      ? foldedForm(bytes, {
          input: { name: info.inputName, shape: modelShape(shape, metadata.axes) },
          outputs: [info.outputName],
        })
      : { unsupported: 'it segments planes' };
    if (form instanceof Uint8Array) return openModel(engine, { ...file, bytes: form });
    assertSafeAsExported(bytes, path, notRecompiled(form.unsupported));
    return openModel(engine, file);
  };
  const usual = [info.batch ?? 1, info.channels, ...info.patch];
  const first = await open(usual);
  sessions.set(String(usual), first);
  const { inputNames, outputNames } = first;
  return {
    inputNames,
    outputNames,
    run: async (feeds, outputs) => {
      const shape = feeds[info.inputName]?.shape ?? usual;
      const session = sessions.get(String(shape)) ?? (await open(shape));
      sessions.set(String(shape), session);
      return session.run(feeds, outputs);
    },
    dispose: async () => {
      for (const session of sessions.values()) await session.dispose();
    },
  };
}

/**
 * Opens a model for many windows of its own size; others run as exported.
 * @throws as {@link openModel}; E_DEVICE for one that a graphics card would compute wrongly
 */
export async function openForManyWindows(engine: Engine, file: ModelFile): Promise<Session> {
  if (engine.folded === true) return openOnCard(engine, file);
  const first = await openModel(engine, file);
  const { info, metadata } = file;
  // of planes ONNX Runtime takes fast kernels by itself
  if (blockFor(engine, file) === 0 || !metadata.axes.includes('Z')) return first;
  const { inputNames, outputNames } = first;
  const shape = [info.batch ?? 1, info.channels, ...info.patch];
  let asExported: Session | undefined = first;
  let fast: Session | undefined;
  let windows = 0;
  const change = async (): Promise<void> => {
    fast = await recompiled(engine, file, shape);
    if (fast === undefined) return;
    await asExported?.dispose();
    asExported = undefined;
  };
  return {
    inputNames,
    outputNames,
    run: async (feeds, outputs) => {
      const isUsual = sameShape(feeds[info.inputName]?.shape ?? [], shape) && outputs?.join() === info.outputName;
      if (isUsual && windows++ === WINDOWS_AS_EXPORTED) await change();
      if (isUsual && fast !== undefined) return fast.run(feeds, outputs);
      asExported ??= await openModel(engine, file);
      return asExported.run(feeds, outputs);
    },
    dispose: async () => {
      await asExported?.dispose();
      await fast?.dispose();
    },
  };
}

/**
 * Opens a model for a few windows: as it was exported, for a graphics card recompiled.
 * @throws as {@link openModel}; E_DEVICE as {@link openForManyWindows}
 */
export function openForFewWindows(engine: Engine, file: ModelFile): Promise<Session> {
  return engine.folded === true ? openOnCard(engine, file) : openModel(engine, file);
}

/** Open models of an ensemble. */
export interface OpenModels {
  readonly models: readonly OpenModel[];
  close(): Promise<void>;
}

/**
 * Loads the models of an ensemble.
 * @throws as {@link openModel}; then no model stays open
 */
export async function openModels(engine: Engine, files: readonly ModelFile[]): Promise<OpenModels> {
  const models: OpenModel[] = [];
  const close = async (): Promise<void> => {
    for (const { session } of models) await session.dispose();
  };
  try {
    for (const file of files) models.push({ session: await openForManyWindows(engine, file), info: file.info });
  } catch (error) {
    await close();
    throw error;
  }
  return { models, close };
}
