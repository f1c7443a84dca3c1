/** The second worker of a distillation: makes the batches while the first one computes. */
import '../without-eval.ts';
import { type BatchScope, serveBatches } from '../../src/platform/web/batch-worker.ts';

serveBatches(self as BatchScope);
