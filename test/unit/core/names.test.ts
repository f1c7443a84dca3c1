/** Names from outside: one name stays one name. */
import { describe, expect, it } from 'vitest';
import { nameProblem, pathInside } from '../../../src/core/names.ts';

describe('a name', () => {
  it.each(['hippocampus_001', 'a', 'Fall 7', 'patient.1', 'Müller', 'x'.repeat(180), '..a', 'a..b'])(
    'may be %j',
    name => {
      expect(nameProblem(name)).toBeUndefined();
    },
  );

  it.each([
    ['', 'is empty'],
    ['.', 'is made of dots alone'],
    ['..', 'is made of dots alone'],
    ['../up', 'has a "/"'],
    ['a/b', 'has a "/"'],
    ['a\\b', 'has a "\\"'],
    ['a\nb', 'has a control character'],
    ['a\u0000', 'has a control character'],
    ['a\u009b', 'has a control character'],
    ['a\u202egnp.nii', 'has a control character'],
    ['ü'.repeat(91), 'is 182 bytes long, where 180 are the most'],
  ])('may not be %j', (name, problem) => {
    expect(nameProblem(name)).toBe(problem);
  });
});

describe('a path inside of a folder', () => {
  it.each([
    ['a/b.nii', 'a/b.nii'],
    ['./a', 'a'],
    ['a//b', 'a/b'],
    ['seed-2/student', 'seed-2/student'],
  ])('%j is %j', (path, plain) => {
    expect(pathInside(path)).toBe(plain);
  });

  it.each(['', '.', '/a', '../a', 'a/../../b', 'C:/a', 'c:\\a', 'a\\..\\b', 'a\0b'])('%j is none', path => {
    expect(pathInside(path)).toBeUndefined();
  });
});
