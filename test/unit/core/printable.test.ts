/** Text from outside on a terminal: shown, never obeyed. */
import { expect, it } from 'vitest';
import { printable } from '../../../src/core/printable.ts';

it.each([
  ['plain', 'plain'],
  ['zwei\nZeilen\tTab', 'zwei\nZeilen\tTab'],
  ['Hüfte · 左', 'Hüfte · 左'],
  ['a\u001b[2Jb', 'a\\x1b[2Jb'],
  ['done\rnot done', 'done\\x0dnot done'],
  ['\u009b31m', '\\x9b31m'],
  ['\u0007\u0008\u007f', '\\x07\\x08\\x7f'],
  ['a\u202egnp.exe', 'a\\u202egnp.exe'],
  ['\u2028\u2066', '\\u2028\\u2066'],
])('%j is written as %j', (text, shown) => {
  expect(printable(text)).toBe(shown);
});
