/**
 * Sizes and fields of view of every family against deepvoxnet2's published tables, and against the networks as they are
 * built.
 */

import { describe, expect, it } from 'vitest';
import { AXES } from '../../../src/core/axes.ts';
import { InputError } from '../../../src/core/errors.ts';
import { range, type Triple } from '../../../src/core/shape.ts';
import { GraphBuilder } from '../../../src/graph/graph.ts';
import { spatial } from '../../../src/graph/infer.ts';
import { jointGeometry, legalLengths, nearestSizes, outputSize } from '../../../src/nn/geometry.ts';
import { collectParameters, parameterCount } from '../../../src/nn/parameters.ts';
import { cropCentre } from '../../../src/nn/resize.ts';
import { type Architecture, architectureOf } from '../../../src/recipe/network.ts';
import { type NetworkSettings, networkSchemas } from '../../../src/recipe/schema/network.ts';
import { evaluate } from '../../support/evaluate.ts';

type Input = Readonly<Record<string, unknown>>;

const unet = (input: Input): Architecture => architectureOf({ unet: networkSchemas.unet.parse(input) }, 3);
const generalized = (input: Input, classes = 3): Architecture =>
  architectureOf({ generalizedUnet: networkSchemas.generalizedUnet.parse(input) }, classes);
const residualUnet = (input: Input): Architecture =>
  architectureOf({ residualUnet: networkSchemas.residualUnet.parse(input) }, 3);
const meshnet = (input: Input): Architecture => architectureOf({ meshnet: networkSchemas.meshnet.parse(input) }, 3);
const deepmedic = (input: Input): Architecture =>
  architectureOf({ deepmedic: networkSchemas.deepmedic.parse(input) }, 1);

/** `188->4 204->20`, as deepvoxnet2 prints possible sizes. */
function table({ geometry }: Architecture, to: number): string {
  return legalLengths(geometry, 0, { from: 1, to })
    .map(({ input, output }) => `${input}->${output}`)
    .join(' ');
}

/** Levels of one channel with two convolutions on each side. */
const thin = (levels: number): unknown[] => [
  ...range(levels - 1).map(() => [
    [1, 1],
    [1, 1],
  ]),
  [[1, 1], []],
];

function parametersOf({ network }: Architecture, imageShape: readonly number[]) {
  return collectParameters(network, imageShape);
}

describe('the generalized U-Net with its default levels', () => {
  it('sees 185 voxels and has 14,488,381 parameters in its convolutions for four channels and one class', () => {
    const architecture = generalized({}, 1);
    const convolutions = parametersOf(architecture, [1, 4, 32, 32, 32]).filter(({ name }) => !name.includes('norm'));
    expect(architecture.geometry.fieldOfView).toEqual([185, 185, 185]);
    expect(parameterCount(convolutions)).toBe(14_488_381);
  });

  it('takes 188 to give 4 and every 16 voxels more under valid padding', () => {
    expect(table(generalized({ padding: 'valid' }), 320)).toBe(
      '188->4 204->20 220->36 236->52 252->68 268->84 284->100 300->116 316->132',
    );
  });

  it('takes multiples of 16 under same padding', () => {
    expect(table(generalized({}), 64)).toBe('16->16 32->32 48->48 64->64');
  });
});

describe('a smaller generalized U-Net under valid padding', () => {
  it('sees 41 voxels with the factors 1, 2, 4', () => {
    const architecture = generalized({ padding: 'valid', features: thin(3) });
    expect(architecture.geometry.fieldOfView).toEqual([41, 41, 41]);
    expect(table(architecture, 52)).toBe('44->4 48->8 52->12');
  });

  it('sees 69 voxels with the factors 1, 3, 9', () => {
    const architecture = generalized({ padding: 'valid', features: thin(3), subsampleFactors: [1, 3, 9] });
    expect(architecture.geometry.fieldOfView).toEqual([69, 69, 69]);
    expect(table(architecture, 80)).toBe('70->2 79->11');
  });

  it('has legal sizes with linear upsampling by two', () => {
    const architecture = generalized({ padding: 'valid', features: thin(3), upsampling: 'linear' });
    const lengths = legalLengths(architecture.geometry, 0, { from: 1, to: 80 });
    expect(lengths.length).toBeGreaterThan(3);
    for (const { input, output } of lengths) expect(input - output).toBe(lengths[0]!.input - lengths[0]!.output);
  });

  it('keeps s n - (s - 1) of an axis in linear upsampling by an odd factor', () => {
    const input = {
      padding: 'valid',
      features: [
        [[1], [1]],
        [[1], []],
      ],
      subsampleFactors: [1, 3],
    };
    const [first] = legalLengths(generalized({ ...input, upsampling: 'linear' }).geometry, 0, { from: 1, to: 40 });
    // 11: 9, pooled 3, convolved 1, upsampled 3 * 1 - 2 = 1, convolved away; 14: 12, 4, 2, upsampled 4, convolved 2
    expect(first).toEqual({ input: 14, output: 2 });
  });
});

describe('deepmedic', () => {
  it('gives 9 voxels for the 57 that its coarse pathway of 19 voxels covers', () => {
    const { geometry } = deepmedic({});
    expect(geometry.outputLength(57, 0)).toBe(9);
    expect(geometry.fieldOfView).toEqual([49, 49, 49]);
  });
});

describe('unet', () => {
  it('of grouped convolutions has channels that the groups divide at every level', () => {
    const parse = (keys: object) => networkSchemas.unet.safeParse({ features: [4, 6], ...keys }).error?.issues;
    expect(parse({ convolution: 'grouped' })?.map(({ path, message }) => `${path.join()}: ${message}`)).toEqual([
      'groups: must divide the channels of every level, 4, 6; got 4',
    ]);
    expect(parse({ convolution: 'grouped', groups: 2 })).toBeUndefined();
    expect(parse({ convolution: 'separable' })).toBeUndefined();
  });
});

describe('residualUnet', () => {
  it('has the blocks of nnU-Net where none are given', () => {
    const settings = networkSchemas.residualUnet.parse({ features: [1, 1, 1, 1, 1] });
    expect(settings.blocks).toEqual([1, 3, 4, 6, 6]);
    expect(settings.decoderConvolutions).toEqual([1, 1, 1, 1]);
  });

  it('sees as far as its stem, its blocks and its decoder reach, strided convolutions on the finer grid', () => {
    const { geometry } = residualUnet({ features: [1, 1], blocks: [1, 2] });
    // fine: the stem, a block, the first convolution of the next level, the decoder; coarse: the three others
    expect(geometry.fieldOfView).toEqual([1, 1, 1].map(one => one + 2 * (1 + 2 + 1 + 1) + 4 * 3));
  });

  it.each([
    ['kernels', { kernels: [3] }, 'one per level: 2, got 1'],
    ['blocks', { blocks: [1, 1, 1] }, 'one per level: 2, got 3'],
    ['strides', { strides: [] }, 'one per level after the first: 1, got 0'],
    ['decoderConvolutions', { decoderConvolutions: [1, 1] }, 'one per level but the deepest: 1, got 2'],
    ['strides', { kernels: [3, [3, 3, 1]] }, 'larger than the kernel'],
  ])('refuses %s that do not fit the levels', (key, keys, message) => {
    const { error } = networkSchemas.residualUnet.safeParse({ features: [2, 2], ...keys });
    expect(error?.issues.map(issue => issue.path.join())).toEqual([key]);
    expect(error?.issues[0]?.message).toContain(message);
  });
});

describe('meshnet', () => {
  it('has the 5,598 parameters of the smallest model that runs in browsers', () => {
    const specs = parametersOf(meshnet({ normalization: 'none' }), [1, 1, 4, 4, 4]);
    expect(parameterCount(specs)).toBe(5598);
  });

  it('has the 96,078 parameters of the one with 21 feature maps', () => {
    const specs = parametersOf(meshnet({ normalization: 'none', features: 21 }), [1, 1, 4, 4, 4]);
    expect(parameterCount(specs)).toBe(96_078);
  });

  it('sees 93 voxels and takes any size', () => {
    const { geometry } = meshnet({});
    expect(geometry.fieldOfView).toEqual([93, 93, 93]);
    expect(outputSize(geometry, [1, 17, 40])).toEqual([1, 17, 40]);
  });
});

describe.each<{ name: string; architecture: Architecture }>([
  { name: 'unet', architecture: unet({ features: [2, 3, 4] }) },
  {
    name: 'unet of planes',
    architecture: unet({
      features: [2, 3],
      kernels: [
        [3, 3, 1],
        [3, 3, 1],
      ],
      pooling: [[2, 2, 1]],
    }),
  },
  {
    name: 'residualUnet',
    architecture: residualUnet({
      features: [2, 3, 2],
      strides: [
        [2, 2, 1],
        [2, 3, 2],
      ],
      blocks: 1,
    }),
  },
  ...(['copy', 'linear', 'conv'] as const).flatMap(upsampling =>
    (['same', 'valid'] as const).map(padding => ({
      name: `generalizedUnet, ${padding}, ${upsampling}`,
      architecture: generalized({
        padding,
        upsampling,
        features: thin(3),
        headKernels: [3, 1],
        headFeatures: [2],
        headDropout: [0, 0],
      }),
    })),
  ),
  {
    name: 'generalizedUnet, anisotropic, first factor 2, dense',
    architecture: generalized({
      padding: 'valid',
      pooling: 'average',
      connections: 'dense',
      features: [
        [
          [2, 2, 2],
          [2, 2, 2],
        ],
        [[2, 2], []],
      ],
      subsampleFactors: [
        [2, 1, 1],
        [4, 3, 1],
      ],
    }),
  },
  {
    name: 'generalizedUnet, even kernels, residual',
    architecture: generalized({
      padding: 'valid',
      connections: 'residual',
      features: [
        [[2], [3]],
        [[2, 2], []],
      ],
      kernels: [
        [[2], [3]],
        [[[2, 3, 3], 2], []],
      ],
    }),
  },
  { name: 'meshnet', architecture: meshnet({ dilations: [1, 3], features: 2 }) },
  {
    name: 'deepmedic',
    architecture: deepmedic({ features: [[2, 2], [2]], headFeatures: [2, 2], upsampling: 'linear' }),
  },
  {
    name: 'deepmedic, same',
    architecture: deepmedic({ features: [[2, 2], [2]], headFeatures: [2, 2], padding: 'same' }),
  },
])('$name', ({ architecture: { network, geometry } }) => {
  it('gives what its geometry says for every legal size, and refuses the others', () => {
    const legal = AXES.map(axis => legalLengths(geometry, axis, { from: 1, to: 100 }).slice(0, 4));
    expect(legal.map(({ length }) => length)).toEqual([4, 4, 4]);
    const built = (size: readonly number[]): readonly number[] => {
      const builder = new GraphBuilder();
      const logits = network(builder, builder.input('image', [1, 2, ...size]), {
        training: true,
        update: () => {},
        get: ({ name, shape }) => builder.input(name, shape),
      });
      return spatial(logits.shape);
    };
    range(4).forEach(index => {
      const picked = AXES.map(axis => legal[axis]![(index + axis) % 4]!);
      expect(built(picked.map(({ input }) => input))).toEqual(picked.map(({ output }) => output));
    });
    const others = range(30).filter(length => length > 0 && geometry.outputLength(length, 0) === undefined);
    for (const length of others) {
      const attempt = (): readonly number[] => built([length, legal[1]![0]!.input, legal[2]![0]!.input]);
      expect(attempt).toThrow(expect.objectContaining({ code: 'E_PATCH_SIZE' }));
    }
  });
});

describe('an illegal size', () => {
  it('is an error that names the nearest legal ones, x y z', () => {
    const { geometry } = unet({ features: [2, 3, 4], pooling: [2, [2, 2, 1]] });
    // D H W = 5 8 10: multiples of 2 along z, of 4 along x and y
    const attempt = (): Triple => outputSize(geometry, [5, 8, 10]);
    expect(attempt).toThrow(InputError);
    expect(attempt).toThrow(/10x8x5 voxels \(x, y, z\).*Set patch.size to 8x8x4 or 12x8x6/);
  });

  it('names only the larger where nothing smaller is legal', () => {
    const { geometry } = generalized({ padding: 'valid', features: thin(3) });
    expect(nearestSizes(geometry, [20, 44, 50])).toEqual([
      [44, 44, 48],
      [44, 44, 52],
    ]);
  });
});

describe('two networks on the same patch', () => {
  it('take what both take, where their results differ by an even number on every axis', () => {
    const valid = generalized({ padding: 'valid', features: thin(3) }).geometry;
    const halved: NetworkSettings = { unet: networkSchemas.unet.parse({ features: [1, 1, 1, 1] }) };
    const joint = jointGeometry(valid, architectureOf(halved, 3).geometry);
    expect(legalLengths(joint, 0, { from: 40, to: 64 })).toEqual([
      { input: 48, output: 8 },
      { input: 56, output: 16 },
      { input: 64, output: 24 },
    ]);
  });
});

describe('a central crop', () => {
  it('takes the middle of every axis', () => {
    const builder = new GraphBuilder();
    const image = builder.input('image', [1, 1, 4, 6, 5]);
    const { crop } = evaluate(
      { crop: cropCentre(builder, image, [2, 2, 5]) },
      { image: Float64Array.from({ length: 120 }, (_, index) => index) },
    );
    const expected = [1, 2].flatMap(z => [2, 3].flatMap(y => range(5).map(x => (z * 6 + y) * 5 + x)));
    expect([...crop!]).toEqual(expected);
  });
});
