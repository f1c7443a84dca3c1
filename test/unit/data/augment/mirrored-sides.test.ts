/** Warnings of classes that a mirrored patch calls by the name of the other side. */
import { describe, expect, it } from 'vitest';
import { mirroredSides } from '../../../../src/data/augment/mirrored-sides.ts';

describe('mirroredSides', () => {
  it.each([
    ['x', ['LeftLung', 'heart'], '"LeftLung" is'],
    ['x', ['right_kidney', 'left kidney'], '"left kidney", "right_kidney" are'],
    ['y', ['Anterior', 'Posterior'], '"Anterior", "Posterior" are'],
    ['z', ['lobe (superior)', 'lobe (inferior)'], '"lobe (superior)", "lobe (inferior)" are'],
  ] as const)('tells of mirroring along %s where the classes are %s', (axis, classes, named) => {
    const others = (['x', 'y', 'z'] as const).filter(other => other !== axis);
    expect(mirroredSides({ flip: [axis] }, classes)).toContain(
      `mirrors along ${axis}, but ${named} named after a side`,
    );
    expect(mirroredSides({ flip: others }, classes)).toBeUndefined();
  });

  it('leaves names alone that only sound like sides', () => {
    const flip = ['x', 'y', 'z'] as const;
    expect(
      mirroredSides({ flip }, ['bright spot', 'cleft', 'inferior vena cava', 'anterior ligament']),
    ).toBeUndefined();
    expect(mirroredSides({ flip }, [])).toBeUndefined();
  });

  it('names all axes at once', () => {
    const text = mirroredSides({ flip: ['x', 'y'] }, ['left anterior', 'left posterior']);
    expect(text).toContain('along x and y, but "left anterior", "left posterior" are');
  });
});
