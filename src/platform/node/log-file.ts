/** A file of lines that grows as they come. */
import { appendFileSync } from 'node:fs';

export interface LogFile {
  write(text: string): void;
}

/**
 * Opens a log; its folder must be there.
 * @param onProblem called once where it cannot be written, after which it is left alone: work does not stop for want of a log
 */
export function openLogFile(path: string, onProblem: (message: string) => void): LogFile {
  let isBroken = false;
  return {
    write: text => {
      if (isBroken) return;
      try {
        appendFileSync(path, text);
      } catch (error) {
        isBroken = true;
        onProblem(`cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`);
      }
    },
  };
}
