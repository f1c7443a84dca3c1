/** A log file to which lines are appended. */
import { appendFileSync } from 'node:fs';

export interface LogFile {
  write(text: string): void;
}

/**
 * Opens a log; its folder must exist.
 * @param onProblem called once if the log cannot be written; logging then stops, but the work continues
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
