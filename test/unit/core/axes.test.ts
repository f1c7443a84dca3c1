/** Triples in the two orders, and what the compiler says of them. */
import { describe, expect, expectTypeOf, it } from 'vitest';
import { AXES, mapAxes, xyz, zyx } from '../../../src/core/axes.ts';
import type { Triple, Xyz } from '../../../src/core/shape.ts';
import type { ModelMetadata } from '../../../src/experiment/model-facts.ts';
import type { Recipe } from '../../../src/recipe/schema.ts';

describe('triples', () => {
  it('go from one order to the other and back', () => {
    const size: Xyz = [35, 51, 36];
    expect(zyx(size)).toEqual([36, 51, 35]);
    expect(xyz(zyx(size))).toEqual(size);
  });

  it('are made one axis at a time', () => {
    expect(mapAxes(axis => 2 * axis)).toEqual([0, 2, 4]);
    expect(AXES.map(axis => axis)).toEqual([0, 1, 2]);
  });

  it('of two orders are two types, and a literal takes the one of its place', () => {
    expectTypeOf<Xyz>().not.toExtend<Triple>();
    expectTypeOf<Triple>().not.toExtend<Xyz>();
    expectTypeOf<readonly [number, number, number]>().toExtend<Xyz>();
    expectTypeOf<readonly [number, number, number]>().toExtend<Triple>();
    const size: Xyz = [1, 2, 3];
    // @ts-expect-error a size that people write is no size of a tensor
    const turned: Triple = size;
    expect(turned).toBe(size);
  });

  it('of a recipe are in x, y, z, those of a model in its own order', () => {
    expectTypeOf<Recipe['patch']['size']>().toEqualTypeOf<Xyz>();
    expectTypeOf<Recipe['preprocess']['spacingMm']>().toEqualTypeOf<Xyz | null>();
    expectTypeOf<ModelMetadata['patch']>().toEqualTypeOf<Triple>();
    expectTypeOf<ModelMetadata['spacingMm']>().toEqualTypeOf<Xyz | null>();
  });
});
