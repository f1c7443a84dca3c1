/**
 * Finds the segmentation among the outputs of a model from elsewhere: the one with a number per class for every voxel
 * of the window. A coarser output (of deep supervision, or of a network that works at half resolution) is not a
 * segmentation of the window; labels are used if there is nothing else.
 */
import { mapAxes } from '../core/axes.ts';
import { InputError } from '../core/errors.ts';
import { elementCount, formatShape, sameShape, type Triple } from '../core/shape.ts';
import { type Axes, standardShape } from '../inference/axes.ts';
import type { DecodedModel } from '../onnx/decode.ts';
import { lastOperator } from '../onnx/last-operator.ts';
import type { FileValueInfo } from '../onnx/read-model.ts';
import { elementTypeName, isNumberType, isRealType } from '../onnx/tensor-content.ts';

type Sizes = readonly (number | string)[];

/** Use of an output. */
interface Candidate {
  readonly info: FileValueInfo;
  /** Kind of the output: numbers per class, labels, or neither. */
  readonly gives: 'scores' | 'labels' | 'nothing';
  /** Reason why it cannot be used. */
  readonly reason?: string;
  /** Number of channels, if the graph has it. */
  readonly channels?: number;
  /** Size [D, H, W], if the graph has it and it is not the window. */
  readonly size?: Triple;
}

/** Facts that are known before an output is chosen. */
export interface OutputContext {
  readonly axes: Axes;
  /** Size [D, H, W] of the input, if known. */
  readonly window: Triple | undefined;
  /** Stated size [D, H, W] of the output. */
  readonly statedSize: Triple | undefined;
  /** Numbers of channels that fit the stated labels; any if undefined. */
  readonly channels: readonly number[] | undefined;
}

/** A size that a graph states; a word or 0 is one that is known only at run time. */
export function isFixed(item: number | string | undefined): item is number {
  return typeof item === 'number' && item > 0;
}

/** Three sizes that are all fixed. */
export function fixedTriple(sizes: Sizes): Triple | undefined {
  return sizes.length === 3 && sizes.every(isFixed) ? mapAxes(axis => sizes[axis] as number) : undefined;
}

/** `float32 [1, 3, 8, 8, 8]`. */
export function describeTensor({ elementType, shape }: FileValueInfo): string {
  return `${elementType === 0 ? 'of unknown type' : elementTypeName(elementType)} [${shape.join(', ')}]`;
}

/** Reason why an output of this size cannot be a segmentation of the window. */
function sizeProblem(size: Triple, window: Triple, stated: Triple | undefined): string | undefined {
  if (sameShape(size, window) || (stated !== undefined && sameShape(size, stated))) return undefined;
  const [given, asked] = [formatShape(size), formatShape(window)];
  if (size.some((length, axis) => length > window[axis]!)) {
    return `its ${given} voxels are more than the window's ${asked} (z, y, x)`;
  }
  const factors = size.map((length, axis) => window[axis]! / length).filter(factor => factor !== 1);
  if (factors.every(factor => Number.isInteger(factor))) {
    return (
      `it is coarser: ${given} voxels for a window of ${asked} (z, y, x), a ${factors.map(factor => `1/${factor}`).join(', ')} of the ` +
      'resolution. If these are the middle of the window (valid padding), say so with "output" in the JSON beside the model'
    );
  }
  const isOdd = size.some((length, axis) => (window[axis]! - length) % 2 !== 0);
  return isOdd ? `its ${given} voxels are not the middle of the window's ${asked} (z, y, x)` : undefined;
}

/** Determines the use of one output. */
function judge(info: FileValueInfo, model: DecodedModel, { axes, window, statedSize }: OutputContext): Candidate {
  const { elementType, shape, name } = info;
  const isKnown = shape.length > 0;
  const standard = isKnown ? standardShape(shape, axes) : undefined;
  const nothing = (reason: string): Candidate => ({ info, gives: 'nothing', reason });
  if (!isNumberType(elementType)) return nothing('it holds no numbers');
  if (isKnown && standard === undefined) {
    const advice = axes.includes('Z')
      ? ''
      : '. If the input lacks an axis of channels, say axes NZYX; if it lacks one of samples, CZYX';
    return nothing(`it has ${shape.length} axes where the input has ${axes.length}${advice}`);
  }
  const [, channel, ...space] = standard ?? [];
  const size = fixedTriple(space);
  const problem = size && window && sizeProblem(size, window, statedSize);
  if (problem !== undefined) return nothing(problem);
  const labels = (elementType !== 0 && !isRealType(elementType)) || lastOperator(model, name)?.op === 'ArgMax';
  if (labels && isFixed(channel) && channel !== 1) return nothing('it gives whole numbers in several channels');
  return {
    info,
    gives: labels ? 'labels' : 'scores',
    ...(isFixed(channel) && { channels: channel }),
    ...(size && window && !sameShape(size, window) && { size }),
  };
}

/** All outputs of a model with their use. */
export function candidateOutputs(model: DecodedModel, context: OutputContext): readonly Candidate[] {
  return model.outputs.map(info => judge(info, model, context));
}

/** The chosen output, and a note on the choice. */
interface ChosenOutput extends Candidate {
  readonly notes: readonly OutputNote[];
}

/** A sentence for the log; a doubt marks a choice that may be wrong. */
export interface OutputNote {
  readonly isDoubt: boolean;
  readonly text: string;
}

const describe = ({ info, reason }: Candidate): string =>
  `"${info.name}" is ${describeTensor(info)}${reason === undefined ? '' : `: ${reason}`}`;

/** The named output; it may be an inner tensor, whose type only the runtime knows. */
function namedOutput(model: DecodedModel, name: string, path: string, context: OutputContext): ChosenOutput {
  const declared = model.outputs.find(info => info.name === name);
  const info = declared ?? { name, elementType: 0, shape: [] };
  if (declared === undefined && !model.results.includes(name)) {
    throw new InputError(
      'E_MODEL_INFO',
      `${path} has no output "${name}"; it has ${model.outputs.map(one => one.name).join(', ')}. Correct outputName; ` +
        '`voxstill inspect` lists the tensors.',
    );
  }
  const candidate = judge(info, model, context);
  if (candidate.gives !== 'nothing') return { ...candidate, notes: [] };
  throw new InputError('E_MODEL_KIND', `${path} does not segment volumes by its output ${describe(candidate)}.`);
}

/**
 * Chooses the output of a model that is its segmentation.
 * @param name stated name of the output, if any
 * @throws {InputError} E_MODEL_KIND if none fits, with the reason for each; E_MODEL_INFO for a name that the model does
 * not have
 */
export function chooseOutput(
  model: DecodedModel,
  { name, path, ...context }: OutputContext & { readonly name: string | undefined; readonly path: string },
): ChosenOutput {
  if (name !== undefined) return namedOutput(model, name, path, context);
  const all = candidateOutputs(model, context);
  const scores = all.filter(({ gives }) => gives === 'scores');
  const { channels: wanted } = context;
  const matching = scores.filter(({ channels }) => !wanted || channels === undefined || wanted.includes(channels));
  const fitting = matching.length > 0 ? matching : scores;
  // a whole window is more likely to be the result than its middle or an unknown size
  const voxels = ({ size, channels }: Candidate): number =>
    size !== undefined ? elementCount(size) : channels === undefined ? 0 : Number.POSITIVE_INFINITY;
  const most = Math.max(...fitting.map(voxels));
  const [chosen, ...others] = fitting.filter(one => voxels(one) === most);
  const taken = chosen ?? all.find(({ gives }) => gives === 'labels');
  if (taken === undefined) {
    throw new InputError(
      'E_MODEL_KIND',
      `${path} is not a segmentation model: its output ${all.map(describe).join('; ')}. Its axes are taken to be ${context.axes}.`,
    );
  }
  const rest = all.filter(one => one !== taken);
  const notes: OutputNote[] = [];
  if (others.length > 0) {
    const names = others.map(({ info }) => `"${info.name}"`).join(', ');
    const text = `${path}: its output "${taken.info.name}" is used, but ${names} would fit as well; --output-name (outputName) chooses`;
    notes.push({ isDoubt: true, text });
  } else if (rest.length > 0) {
    const text = `${path}: its output "${taken.info.name}" is used; not used: ${rest.map(describe).join('; ')}`;
    notes.push({ isDoubt: false, text });
  }
  return { ...taken, notes };
}
