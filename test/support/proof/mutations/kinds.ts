/** Every kind of input that voxstill reads. */
import type { InputKind } from './kind.ts';
import { MODEL_KINDS } from './models.ts';
import { TEXT_KINDS } from './texts.ts';
import { VOLUME_KINDS } from './volumes.ts';

export const INPUT_KINDS: readonly InputKind[] = [...VOLUME_KINDS, ...MODEL_KINDS, ...TEXT_KINDS];
