/**
 * Keys that a recipe has had since some later version, with the values at which everything is as before there was
 * the key. A training that an earlier version began goes on, and a sweep finds its units, only if such a key does not
 * count.
 */

import { UNVARIED } from '../data/augment/augmentation.ts';

/** Path of the key, and its value; `*` stands for every entry of a list. */
type LaterKey = readonly [path: readonly string[], value: unknown];

const OF_TRAINING: readonly (readonly [key: string, value: unknown])[] = [
  ['ema', null],
  ['deepSupervision', false],
  ['accumulate', 1],
  ['schedule', null],
  ['earlyStop', null],
  ['from', null],
  ['oldLayersRate', 1],
];

const OF_AUGMENT: readonly LaterKey[] = [
  [['augment', 'thickAxis'], null],
  [['augment', 'factors'], 'log-uniform'],
  [
    ['augment', 'brightnessFactor'],
    [1, 1],
  ],
  [['augment', 'contrastInRange'], false],
  [['augment', 'lowResolutionBy'], 'linear'],
  [
    ['augment', 'invertedGamma'],
    [1, 1],
  ],
  [['augment', 'gammaKeepsMoments'], false],
  [['augment', 'channels'], 'together'],
  [['augment', 'probability', 'brightnessFactor'], 1],
  [['augment', 'probability', 'invertedGamma'], 1],
  [['augment', 'channelProbability'], UNVARIED.channelProbability],
];

const LATER_KEYS: readonly LaterKey[] = [
  [['data', 'annotated'], null],
  [['data', 'synthesize'], null],
  [['labels'], { codes: {} }],
  [['cascade'], null],
  [['preprocess', 'crop'], 'none'],
  [['teacher', 'model', 'crop'], null],
  [['teacher', 'models', '*', 'model', 'crop'], null],
  [['optimizer', 'schedule', 'factor'], 0.5],
  [['optimizer', 'schedule', 'patience'], 2],
  [['optimizer', 'schedule', 'smallestRate'], 0],
  [['loss', 'crossEntropy', 'focalGamma'], 0],
  [['loss', 'crossEntropy', 'topPercent'], null],
  [['loss', 'dice', 'falsePositives'], 0.5],
  [['loss', 'dice', 'falseNegatives'], 0.5],
  [['patch', 'repeatAfter'], null],
  [['student', 'from'], null],
  ...OF_AUGMENT,
  ...['teacher', 'student'].flatMap((arm): LaterKey[] => [
    [[arm, 'unet', 'convolution'], 'full'],
    [[arm, 'unet', 'groups'], 4],
  ]),
  ...['teacher', 'student'].flatMap(arm => OF_TRAINING.map(([key, value]): LaterKey => [[arm, 'train', key], value])),
];

/** Whether two values of a recipe are the same, whatever the order of their keys. */
function isEqual(left: unknown, right: unknown): boolean {
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return left === right;
  const [own, other] = [Object.entries(left), new Map<string, unknown>(Object.entries(right))];
  return own.length === other.size && own.every(([key, value]) => other.has(key) && isEqual(value, other.get(key)));
}

function without(content: object, [[key = '', ...rest], value]: LaterKey): object {
  if (key === '*' && Array.isArray(content)) return content.map((one: object) => without(one, [rest, value]));
  if (!(key in content)) return content;
  const { [key]: inner, ...others } = content as Readonly<Record<string, unknown>>;
  if (rest.length === 0) return isEqual(inner, value) ? others : content;
  return typeof inner === 'object' && inner !== null ? { ...content, [key]: without(inner, [rest, value]) } : content;
}

/** A part of a recipe without the later keys that change nothing. The order of the others stays. */
export function withoutLaterKeys(content: object): object {
  return LATER_KEYS.reduce(without, content);
}
