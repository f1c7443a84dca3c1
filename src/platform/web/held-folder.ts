/**
 * One owner of a folder in the browser's storage: a lock of the browser that only one tab or worker has at a time, and
 * that ends with it, whatever ends it. So whoever holds it knows that every owner before has ended.
 */
import { WorkError } from '../../core/errors.ts';

/** A folder that nobody else of this browser works in. */
export interface HeldFolder {
  /** Lets it go; otherwise it is let go when the tab or worker ends. */
  release(): void;
}

/** The browser's locks, as far as they are used. */
export type Locks = Pick<LockManager, 'request'>;

/**
 * Takes a folder.
 * @param name of the folder, the same for everybody who means it
 * @throws {WorkError} E_SESSION_HELD if another tab or worker has it
 */
export function holdFolder(name: string, locks: Locks = navigator.locks): Promise<HeldFolder> {
  return new Promise((resolve, reject) => {
    locks
      .request(`voxstill ${name}`, { ifAvailable: true }, lock => {
        if (lock === null) {
          reject(
            new WorkError(
              'E_SESSION_HELD',
              `another tab of this browser works on ${name}. Go on there, or close that tab and try again.`,
            ),
          );
          return undefined;
        }
        // the lock is held until this promise is settled
        return new Promise<void>(release => resolve({ release }));
      })
      .catch(reject);
  });
}
