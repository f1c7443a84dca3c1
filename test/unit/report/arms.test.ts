import { describe, expect, it } from 'vitest';
import { armStyles, orderArms } from '../../../src/report/arms.ts';

describe('the order and look of arms', () => {
  it('puts teacher, student and baseline first and keeps the order of the others', () => {
    expect(orderArms(['run2', 'baseline', 'run1', 'teacher'])).toEqual(['teacher', 'baseline', 'run2', 'run1']);
  });

  it('gives an arm the same style whichever arms stand beside it', () => {
    const alone = armStyles(['baseline']).get('baseline');
    expect(armStyles(['teacher', 'student', 'baseline']).get('baseline')).toEqual(alone);
  });

  it('distinguishes six arms by dash and by marker, not by colour alone', () => {
    const styles = [...armStyles(['teacher', 'student', 'baseline', 'a', 'b', 'c']).values()];
    for (const property of ['colour', 'dash', 'symbol'] as const) {
      expect(new Set(styles.map(style => style[property])).size).toBe(6);
    }
  });
});
