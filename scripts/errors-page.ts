/** docs/errors.md as text, made from the list of codes. */
import { ERROR_CODES, WARNING_CODES } from '../src/core/error-codes.ts';

function table(codes: Readonly<Record<string, string>>): string {
  const rows = Object.entries(codes).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`);
  return ['| code | meaning |', '|---|---|', ...rows].join('\n');
}

/** The page, with a final line break. */
export function errorsPage(): string {
  return `# Errors and warnings

<!-- Made by \`npm run errors\` from src/core/error-codes.ts. -->

Every message of an error begins with a code that stays the same from version to version, so scripts can rely on it.
The message itself says what was found, where, and what to do.
The exit code of a command is 2 for wrong usage or invalid input, 1 for work that failed, and 130 after an interruption.

## Errors

${table(ERROR_CODES)}

## Warnings

A warning ends nothing; \`voxstill validate\` lists warnings beside errors.

${table(WARNING_CODES)}
`;
}
