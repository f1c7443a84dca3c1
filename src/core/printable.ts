/** Text from outside (names, labels, messages of files) on a terminal: it is shown, and commands nothing. */

/** Controls but for tab and line break, and what turns the direction of writing. */
const COMMANDING =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * The text with every character that a terminal would obey as its code: a carriage return as `\x0d`. Tabs and line
 * breaks stay, since messages have several lines.
 */
export function printable(text: string): string {
  return text.replace(COMMANDING, character => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
