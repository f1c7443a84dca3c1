/** The program's main job: the quick demo, what it leaves behind, and every command that works on it. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Call, contentsOf, readJson, sha256Of, temporaryFolder, voxstill } from '../support/program.ts';

const folder = temporaryFolder();
const run = join(folder, 'run');
const data = join(folder, 'run-data');
/** Of a NIfTI-1 file without extensions. */
const VOXEL_OFFSET = 352;
const ARMS = ['teacher', 'student', 'baseline'] as const;

let demo: Call;
beforeAll(async () => {
  demo = await voxstill(['demo', '--quick', '--json', '--out', 'run'], { cwd: folder });
});
afterAll(() => rmSync(folder, { recursive: true }));

const estimate = { mean: expect.any(Number), ci95: [expect.any(Number), expect.any(Number)], n: expect.any(Number) };

/** The part of a case's scores that tests look at. */
interface CaseScores {
  readonly id: string;
  readonly meanDice: number;
  readonly classes: Readonly<Record<string, { readonly dice: number; readonly referenceMl: number }>>;
}

function casesOf(arm: string): readonly CaseScores[] {
  return (readJson(join(run, arm, 'evaluation.json')) as { readonly cases: readonly CaseScores[] }).cases;
}

function meanDiceOf(arm: string): number {
  const scores = casesOf(arm).map(({ meanDice }) => meanDice);
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

describe('demo --quick --json', () => {
  it('ends well, with one JSON document on stdout and everything else on stderr', () => {
    expect(demo).toMatchObject({ code: 0 });
    expect(JSON.parse(demo.stdout)).toEqual({
      run: 'run',
      report: 'run/report.html',
      comparison: readJson(join(run, 'comparison.json')),
      documents: ['cases.csv', 'model-card.md', 'model-card.json', 'bom.cdx.json', 'CLAIM.md'].map(
        name => `run/${name}`,
      ),
    });
    expect(demo.stderr).toMatch(/teacher: 40 steps\n[\s\S]*student: 50 steps\n[\s\S]*baseline: 50 steps\n/);
    expect(demo.stderr).toContain('report: run/report.html\n');
  });

  it('leaves every file of a run and no other', () => {
    const { test } = readJson(join(run, 'splits.json')) as { readonly test: readonly string[] };
    const ofArm = [
      'checkpoint/best.safetensors',
      'checkpoint/last.safetensors',
      'evaluation.json',
      'history.csv',
      'model.onnx',
      'recipe.yaml',
      'splits.json',
      'work/claim-1.json',
      'work/outcome.json',
      'work/results.json',
      ...test.map(id => `predictions/${id}.nii.gz`),
    ];
    const passedOn = ['CLAIM.md', 'bom.cdx.json', 'cases.csv', 'model-card.json', 'model-card.md', 'report.html'];
    const ofRun = [...passedOn, 'comparison.json', 'recipe.yaml', 'run.json', 'splits.json', 'units.json'];
    const expected = [...ARMS.flatMap(arm => ofArm.map(name => `${arm}/${name}`)), ...ofRun].sort();
    const files = Object.entries(contentsOf(run)).filter(([, content]) => content !== 'folder');
    expect(files.map(([path]) => path).sort()).toEqual(expected);
  });

  it('records where the run comes from, and splits that share no case', () => {
    const splits = readJson(join(run, 'splits.json')) as Readonly<Record<string, readonly string[]>>;
    expect(['train', 'unlabelled', 'val', 'test'].map(part => splits[part]?.length)).toEqual([3, 5, 2, 10]);
    // the teacher has all labels, the others few
    const ofArm = (arm: string) => readJson(join(run, arm, 'splits.json')) as typeof splits;
    expect(ofArm('student')).toEqual(splits);
    expect(ofArm('baseline')).toEqual(splits);
    expect(ofArm('teacher')['train']).toEqual([...splits['train']!, ...splits['unlabelled']!].sort());
    expect(new Set(Object.values(splits).flat()).size).toBe(20);
    const record = readJson(join(run, 'run.json')) as { readonly dataHashes: object };
    expect(record).toMatchObject({
      status: 'done',
      seeds: [1],
      splits,
      versions: { voxstill: expect.any(String), node: process.versions.node, engine: expect.stringMatching(/^onnx/) },
      host: { cores: expect.any(Number), memoryBytes: expect.any(Number) },
      timingsSeconds: { 'teacher/train': expect.any(Number), 'baseline/evaluate': expect.any(Number) },
      waitingShares: { 'teacher/train': expect.any(Number), 'baseline/train': expect.any(Number) },
    });
    const files = contentsOf(data);
    for (const [path, sha256] of Object.entries(record.dataHashes)) expect(files[path], path).toBe(sha256);
    expect(Object.keys(record.dataHashes).length).toBe(40);
  });

  it('writes the whole recipe, with paths that hold from any folder', () => {
    const recipe = readFileSync(join(run, 'recipe.yaml'), 'utf8');
    expect(recipe).toMatch(/dataset: \/.*run-data\n/);
    // what the demo leaves to the defaults is there too
    for (const line of [/temperature: \d/, /weight: \d/, /learningRate: \d/, /normalize: \w/, /overlap: \d/]) {
      expect(recipe).toMatch(line);
    }
  });

  it.each(ARMS)('writes the history of the %s, with a loss that falls', arm => {
    const [header = '', ...lines] = readFileSync(join(run, arm, 'history.csv'), 'utf8')
      .trim()
      .split('\n');
    const soft = arm === 'student' ? ['softDice', 'dist'] : [];
    const terms = ['total', 'crossEntropy', 'dice', ...soft, 'gradientNorm'];
    const columns = ['step', 'epoch', 'seconds', 'learningRate', ...terms, 'validationDice'];
    expect(header.split(',')).toEqual(columns);
    const rows = lines.map(line => line.split(','));
    expect(rows.map(row => Number(row[0]))).toEqual(
      Array.from({ length: arm === 'teacher' ? 40 : 50 }, (_, i) => i + 1),
    );
    const total = rows.map(row => Number(row[4]));
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    // measured: 0.70 for the teacher, 0.50 and 0.63 for the others
    expect(mean(total.slice(-10))).toBeLessThan(0.9 * mean(total.slice(0, 5)));
    expect(rows.filter(row => row.at(-1) !== '').length).toBe(2);
  });

  it.each(ARMS)('writes a %s for any batch size, with what is needed to use it', async arm => {
    const path = join(run, arm, 'model.onnx');
    const session = await InferenceSession.create(path);
    const image = new Tensor('float32', new Float32Array(3 * 32 * 48 * 32), [3, 1, 32, 48, 32]);
    const { logits } = await session.run({ image });
    await session.release();
    expect(logits?.dims).toEqual([3, 3, 32, 48, 32]);
    const { code, stdout } = await voxstill(['inspect', path, '--json'], { cwd: folder });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      kind: 'model',
      metadata: {
        voxstill: {
          labels: [
            { value: 0, name: 'background' },
            { value: 1, name: 'Anterior' },
            { value: 2, name: 'Posterior' },
          ],
          channels: 1,
          spacingMm: null,
          normalize: ['min-max'],
          patch: [32, 48, 32],
          activation: 'softmax',
        },
      },
    });
  });

  it.each(ARMS)('evaluates the %s on every test case', arm => {
    const { test } = readJson(join(run, 'splits.json')) as { readonly test: readonly string[] };
    const path = join(run, arm, 'model.onnx');
    const ofClass = { dice: estimate, hd95Mm: estimate, assdMm: estimate, surfaceDice: estimate };
    expect(readJson(join(run, arm, 'evaluation.json'))).toMatchObject({
      model: {
        sha256: sha256Of(path),
        bytes: readFileSync(path).length,
        parameters: expect.any(Number),
        multiplyAdds: expect.any(Number),
        secondsPerCase: expect.any(Number),
      },
      split: 'test',
      summary: { meanDice: estimate, classes: { Anterior: ofClass, Posterior: ofClass } },
    });
    expect(casesOf(arm).map(({ id }) => id)).toEqual(test);
    for (const { classes } of casesOf(arm)) expect(Object.keys(classes)).toEqual(['Anterior', 'Posterior']);
  });

  it('teaches: the teacher above the student, both far above chance', () => {
    const [teacher, student] = [meanDiceOf('teacher'), meanDiceOf('student')];
    // Calling every voxel a class of prevalence p scores 2p / (1 + p), the most that can be had without looking.
    const prevalences = casesOf('teacher').flatMap(({ id }) => {
      const voxels = gunzipSync(readFileSync(join(data, 'labelsTr', `${id}.nii.gz`))).subarray(VOXEL_OFFSET);
      return [1, 2].map(label => voxels.filter(value => value === label).length / voxels.length);
    });
    const highest = Math.max(...prevalences);
    expect((2 * highest) / (1 + highest)).toBeLessThan(0.1);
    // measured: teacher 0.76, student 0.55
    expect(teacher).toBeGreaterThan(0.5);
    expect(student).toBeGreaterThan(0.4);
    expect(teacher).toBeGreaterThan(student + 0.03);
  });

  it('compares the arms: what they cost, and paired tests', () => {
    const cost = { parameters: 22_315, multiplyAdds: expect.any(Number), bytes: expect.any(Number) };
    const arm = { meanDice: expect.any(Number), secondsPerCase: expect.any(Number), peakBytes: expect.any(Number) };
    const comparison = readJson(join(run, 'comparison.json')) as {
      readonly pairs: readonly { readonly metric: string; readonly n: number }[];
    };
    expect(comparison).toMatchObject({
      arms: { teacher: { ...arm, parameters: 199_131 }, student: { ...arm, ...cost }, baseline: { ...arm, ...cost } },
    });
    const tested = comparison.pairs.map(pair => Object.values(pair).slice(0, 3).join(' '));
    expect(tested).toContain('student baseline meanDice');
    // a distance is missing in cases where a structure is missed, and has no interval below five cases
    for (const pair of comparison.pairs) expect(pair.n).toBeGreaterThan(0);
    const onDice = comparison.pairs.filter(({ metric }) => metric === 'meanDice' || metric.startsWith('dice:'));
    expect(onDice).toHaveLength(9);
    for (const pair of onDice) {
      expect(pair).toMatchObject({
        meanDifference: expect.any(Number),
        ci95: [expect.any(Number), expect.any(Number)],
        pValue: expect.any(Number),
        test: 'wilcoxon signed-rank',
        n: 10,
      });
    }
  });

  it('writes a report that loads nothing, with three arms, who learnt from which labels, and pictures with letters and errors', () => {
    const report = readFileSync(join(run, 'report.html'), 'utf8');
    const loaded = [...report.matchAll(/\b(?:src|href|srcset|action|poster)\s*=\s*["']?([^"'\s>]*)/gi)].map(
      ([, at]) => at!,
    );
    expect(loaded.filter(at => !at.startsWith('data:') && !at.startsWith('#'))).toEqual([]);
    expect(report).not.toMatch(/@import|url\(\s*["']?(?!data:|#)|<script|<link/i);
    for (const arm of ARMS) expect(report).toContain(`<th scope="col">${arm}</th>`);
    const pictures = [...report.matchAll(/src="data:image\/png;base64,([^"]+)"/g)].map(([, text]) => text!);
    // per case: the image, the reference, the three arms and their errors; worst, median and best at least
    const shown = report.match(/<h3>phantom_\d+: (?:worst|median|best)/g)?.length ?? 0;
    expect(shown).toBeGreaterThanOrEqual(3);
    expect(pictures.length).toBe(8 * shown);
    expect(report).toContain('The teacher learns from the labels of 8 cases, student and baseline from those of 3');
    const PNG = [0x89, 0x50, 0x4e, 0x47];
    for (const picture of pictures) expect([...Buffer.from(picture, 'base64').subarray(0, 4)]).toEqual(PNG);
    expect(new Set(pictures).size).toBe(8 * shown);
  });
});

describe('run --resume on what is finished', () => {
  it('does nothing again, and loses nothing', async () => {
    const before = contentsOf(run);
    const { timingsSeconds } = readJson(join(run, 'run.json')) as { readonly timingsSeconds: object };
    const call = await voxstill(['run', join(run, 'recipe.yaml'), '--out', run, '--resume'], { cwd: tmpdir() });
    expect(call).toMatchObject({ code: 0, stdout: '' });
    // the record says when it was last done, and the report is drawn anew
    const { 'run.json': _, 'report.html': __, ...rest } = contentsOf(run);
    expect(before).toMatchObject(rest);
    expect(readJson(join(run, 'run.json'))).toMatchObject({ status: 'done', timingsSeconds });
  });
});

describe('evaluate', () => {
  it('gives the same scores as the run, on the test cases of the run', async () => {
    const out = join(folder, 'evaluation.json');
    const args = ['evaluate', '--model', join(run, 'student/model.onnx'), '--data', data, '--out', out, '--json'];
    const { code, stdout } = await voxstill(args, { cwd: folder });
    expect(code).toBe(0);
    const evaluation = JSON.parse(stdout) as { readonly cases: unknown };
    expect(evaluation).toEqual(readJson(out));
    expect(evaluation.cases).toEqual(casesOf('student'));
  });

  it('refuses a data set that is not there', async () => {
    const args = ['evaluate', '--model', join(run, 'student/model.onnx'), '--data', 'nowhere', '--out', 'never.json'];
    const { code, stderr } = await voxstill(args, { cwd: folder });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^E_DATASET_MISSING: there is no dataset\.json in nowhere\. [^\n]*\n$/);
    expect(existsSync(join(folder, 'never.json'))).toBe(false);
  });
});

/**
 * A phantom as a scan that is oblique, anisotropic and shifted, with a description: everything but the voxels is other
 * than usual.
 */
function obliqueScan(path: string): Buffer {
  const bytes = gunzipSync(readFileSync(path));
  bytes.write('oblique scan, not a phantom', 148, 'latin1');
  const affine = [-0.8, 0.1, -0.2, 31, 0.15, 1.1, 0.3, -42, 0.2, -0.25, 1.4, 7];
  for (const [index, value] of affine.entries()) bytes.writeFloatLE(value, 280 + 4 * index);
  for (const axis of [0, 1, 2]) {
    const column = [affine[axis]!, affine[4 + axis]!, affine[8 + axis]!];
    bytes.writeFloatLE(Math.hypot(...column), 80 + 4 * axis);
  }
  bytes.writeInt16LE(0, 252); // qform_code
  bytes.writeInt16LE(3, 254); // sform_code: aligned to an atlas
  return bytes;
}

describe('predict', () => {
  const model = join(run, 'student/model.onnx');

  it('writes the same segmentation as the evaluation did', async () => {
    const [{ id }] = casesOf('student') as [CaseScores];
    const args = ['predict', '--model', model, '--input', join(data, 'imagesTr', `${id}.nii.gz`)];
    const call = await voxstill([...args, '--output', 'segmented.nii.gz', '--quiet'], { cwd: folder });
    expect(call).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(sha256Of(join(folder, 'segmented.nii.gz'))).toBe(sha256Of(join(run, `student/predictions/${id}.nii.gz`)));
  });

  it('says the expected Dice, writes the entropy in the format of the labels, and names files as BIDS does', async () => {
    mkdirSync(join(folder, 'bids-in'));
    writeFileSync(join(folder, 'bids-in/sub-01_T1w.nii.gz'), readFileSync(join(data, 'imagesTr/phantom_001.nii.gz')));
    const args = ['predict', '--model', model, '--input', 'bids-in/sub-01_T1w.nii.gz'];
    const plain = await voxstill([...args, '--output', 'sure.nii.gz', '--entropy', '--json'], { cwd: folder });
    expect(plain.code).toBe(0);
    const [prediction] = (JSON.parse(plain.stdout) as { readonly predictions: readonly object[] }).predictions;
    expect(prediction).toMatchObject({
      entropy: 'sure_entropy.nii.gz',
      temperature: expect.any(Number),
      // two validation cases are too few for an interval
      expectedDice: { Anterior: { dice: expect.any(Number), interval: null } },
    });
    const entropy = gunzipSync(readFileSync(join(folder, 'sure_entropy.nii.gz')));
    const values = new Float32Array(
      entropy.buffer.slice(entropy.byteOffset + VOXEL_OFFSET, entropy.byteOffset + entropy.length),
    );
    expect(values.every(value => value >= 0 && value <= 1)).toBe(true);
    expect(values.some(value => value > 0.5)).toBe(true);
    const bids = await voxstill([...args, '--output', 'derived', '--bids'], { cwd: folder });
    expect(bids.code).toBe(0);
    expect(bids.stderr).toContain('expected Dice: Anterior 0.');
    expect(
      Object.keys(contentsOf(join(folder, 'derived')))
        .filter(path => path.includes('.'))
        .sort(),
    ).toEqual([
      'dataset_description.json',
      'sub-01/anat/sub-01_dseg.json',
      'sub-01/anat/sub-01_dseg.nii.gz',
      'sub-01/anat/sub-01_dseg.tsv',
    ]);
    const refused = await voxstill([...args, '--output', 'derived', '--bids', '--entropy'], { cwd: folder });
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('E_OUTPUT_NAME')]);
  });

  it('keeps every byte of the header but those that describe the voxels themselves', async () => {
    mkdirSync(join(folder, 'in'));
    const scan = obliqueScan(join(data, 'imagesTr/phantom_001.nii.gz'));
    writeFileSync(join(folder, 'in/scan.nii.gz'), gzipSync(scan));
    const args = ['predict', '--model', model, '--input', 'in', '--output', 'out', '--probabilities', '--json'];
    const { code, stdout } = await voxstill(args, { cwd: folder });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      predictions: [
        { inputs: ['in/scan.nii.gz'], output: 'out/scan.nii.gz', volumesMl: { Anterior: expect.any(Number) } },
      ],
    });
    for (const [name, type, bytes] of [
      ['scan.nii.gz', 2, 1],
      ['scan_probabilities.nii.gz', 16, 4],
    ] as const) {
      const result = gunzipSync(readFileSync(join(folder, 'out', name)));
      const channels = name === 'scan.nii.gz' ? 1 : 3;
      expect(result.readInt16LE(70), 'datatype').toBe(type);
      const voxels = scan.readInt16LE(42) * scan.readInt16LE(44) * scan.readInt16LE(46);
      expect(result.length).toBe(VOXEL_OFFSET + voxels * channels * bytes);
      // size, spacing, units, description, codes, quaternion and affine
      for (const [start, end] of [
        [42, 48],
        [76, 108],
        [123, 124],
        [148, 228],
        [252, 328],
      ] as const) {
        expect(result.subarray(start, end).equals(scan.subarray(start, end)), `bytes ${start} to ${end}`).toBe(true);
      }
    }
    const labels = gunzipSync(readFileSync(join(folder, 'out/scan.nii.gz'))).subarray(VOXEL_OFFSET);
    expect([...new Set(labels)].sort()).toEqual([0, 1, 2]);
  });

  it('refuses a damaged scan and a result in place of its scan, and leaves what is there', async () => {
    const scan = readFileSync(join(data, 'imagesTr/phantom_002.nii.gz'));
    writeFileSync(join(folder, 'in/damaged.nii.gz'), scan.subarray(0, scan.length - 5000));
    writeFileSync(join(folder, 'result.nii.gz'), 'an earlier result');
    const before = [contentsOf(join(folder, 'in')), sha256Of(join(folder, 'result.nii.gz'))];
    for (const [input, output, code] of [
      ['in/damaged.nii.gz', 'result.nii.gz', 'E_NIFTI_CORRUPT'],
      ['in/scan.nii.gz', './in/../in/scan.nii.gz', 'E_OUTPUT_NAME'],
      ['in', 'in', 'E_OUTPUT_NAME'],
    ] as const) {
      const call = await voxstill(['predict', '--model', model, '--input', input, '--output', output], { cwd: folder });
      expect(call).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(new RegExp(`^(predict: .*\n)?${code}: .*\n$`)),
      });
    }
    expect([contentsOf(join(folder, 'in')), sha256Of(join(folder, 'result.nii.gz'))]).toEqual(before);
  });
});

describe('compare', () => {
  it('reports on a run as the run itself did', async () => {
    const { code, stdout } = await voxstill(['compare', run, '--out', 'again.html', '--json'], { cwd: folder });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ report: 'again.html', comparison: readJson(join(run, 'comparison.json')) });
    expect(readFileSync(join(folder, 'again.html'), 'utf8')).toContain('<!doctype html>');
  });

  it('puts evaluations side by side', async () => {
    const sources = ['teacher', 'baseline'].map(arm => join(run, arm, 'evaluation.json'));
    const { code, stdout } = await voxstill(['compare', ...sources, '--out', 'pair.html', '--json'], { cwd: folder });
    expect(code).toBe(0);
    const { comparison } = JSON.parse(stdout) as { readonly comparison: { readonly arms: object } };
    expect(Object.keys(comparison.arms)).toEqual(['run/teacher', 'run/baseline']);
  });
});

describe('inspect', () => {
  it('says what a run and a volume are', async () => {
    const [ofRun, ofVolume] = [
      await voxstill(['inspect', run, '--json'], { cwd: folder }),
      await voxstill(['inspect', join(data, 'imagesTr/phantom_001.nii.gz'), '--json'], { cwd: folder }),
    ];
    const { arms } = readJson(join(run, 'comparison.json')) as { readonly arms: object };
    const described = JSON.parse(ofRun.stdout) as { readonly models: Readonly<Record<string, object>> };
    expect(described).toMatchObject({ kind: 'run', path: run, status: 'done', arms });
    expect(described.models['student']).toEqual({
      parameters: 22_315,
      multiplyAdds: expect.any(Number),
      fieldOfView: [41, 41, 41],
      inferenceBytes: expect.any(Number),
      trainingBytes: expect.any(Number),
    });
    const header = gunzipSync(readFileSync(join(data, 'imagesTr/phantom_001.nii.gz')));
    expect(JSON.parse(ofVolume.stdout)).toMatchObject({
      kind: 'volume',
      sizeVoxels: [42, 44, 46].map(offset => header.readInt16LE(offset)),
      channels: 1,
      spacingMm: [1, 1, 1],
      notFinite: 0,
    });
  });

  it('prints for people where no JSON is asked for', async () => {
    const { code, stdout, stderr } = await voxstill(['inspect', run], { cwd: folder });
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toMatch(/^kind: run\n[\s\S]*status: done\n[\s\S]*parameters: 199131\n/);
  });
});
