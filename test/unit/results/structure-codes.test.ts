/** What classes are by their names; the codes themselves are held against pydicom's dictionary when they are added. */
import { describe, expect, it } from 'vitest';
import { structureCodes } from '../../../src/results/structure-codes.ts';

const values = (name: string) => {
  const { category, type, side, isUnknown } = structureCodes(name);
  return [category.value, type.value, side?.value, isUnknown];
};
const [ANATOMY, CHANGED, LEFT, RIGHT] = ['123037004', '49755003', '7771000', '24028007'];

describe('structureCodes', () => {
  it.each([
    ['Liver', ANATOMY, '10200004', undefined],
    ['Left-Hippocampus', ANATOMY, '5366008', LEFT],
    ['kidney_right', ANATOMY, '64033007', RIGHT],
    ['RightKidneys', ANATOMY, '64033007', RIGHT],
    // a part of the heart, and the ventricle of one side of the brain
    ['left ventricle', ANATOMY, '87878005', undefined],
    ['Left Lateral Ventricle', ANATOMY, '66720007', LEFT],
    ['Oedema', CHANGED, '79654002', undefined],
    ['tumour', CHANGED, '108369006', undefined],
  ])('knows %s', (name, category, type, side) => {
    expect(values(name)).toEqual([category, type, side, false]);
  });

  it('says of others no more than that they are structures', () => {
    expect(values('Anterior')).toEqual([ANATOMY, '91723000', undefined, true]);
    expect(values('left thing')).toEqual([ANATOMY, '91723000', LEFT, true]);
    expect(values('constructor')).toEqual([ANATOMY, '91723000', undefined, true]);
  });

  it('takes the code that somebody has said, in the category of the name', () => {
    const given = { value: '12', scheme: '99X', meaning: 'own' };
    expect(structureCodes('tumour', given)).toMatchObject({
      category: { value: CHANGED },
      type: given,
      isUnknown: false,
    });
    expect(structureCodes('Anterior', given)).toMatchObject({ category: { value: ANATOMY }, type: given });
  });
});
