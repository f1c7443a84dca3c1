/**
 * Prepares units and starts none, for systems that start `voxstill unit` themselves, such as an indexed job of
 * Kubernetes.
 */
import type { Files } from '../../runtime/files.ts';
import { type Executor, writeExecutor } from './executor.ts';

/** An executor that leaves the start of units to another system. */
export function byHand(files: Files): Executor {
  return {
    start: async ({ study, list, places }) => {
      await writeExecutor(files, study, { kind: 'none', concurrency: null, sbatch: null, jobs: [] });
      const first = `${places.length} units are ready; start each with: voxstill unit ${study} INDEX --with-teacher`;
      return {
        status: 'submitted',
        text: `${first}\nINDEX is 0 to ${list.units.length - 1}; then: voxstill collect ${study}`,
      };
    },
  };
}
