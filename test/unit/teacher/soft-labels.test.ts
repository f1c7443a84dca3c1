/**
 * Logits on disk: the same as the teacher's in float16, never another's, never more than allowed, and only while it
 * pays.
 */
import { describe, expect, it } from 'vitest';
import { roundToFloat16 } from '../../../src/core/float16.ts';
import { tensor } from '../../../src/core/tensor.ts';
import type { Batch } from '../../../src/data/loader.ts';
import { type SoftLabelOptions, withSoftLabels } from '../../../src/teacher/soft-labels.ts';
import type { AskedTeacher } from '../../../src/training/teacher.ts';
import { sha256 } from '../../support/laboratory.ts';
import { type MemoryFiles, memoryFiles } from '../../support/memory-files.ts';

const SHAPE = [2, 3, 2, 2, 2];
const ANSWER_BYTES = 2 * 48;

function batchOf(step: number, caseIds = ['a', 'b']): Batch {
  const image = Float32Array.from({ length: 16 }, (_, index) => Math.sin(step + index));
  return { image, label: new Int32Array(16), caseIds, epoch: 0 };
}

interface Clock {
  ms: number;
}

/** A teacher that counts how often it is asked, and takes its time. */
function createTeacher(name: string, clock: Clock, ms = 100): AskedTeacher & { readonly asked: number[] } {
  const asked: number[] = [];
  return {
    asked,
    modelHashes: {},
    sha256: sha256(new TextEncoder().encode(name)),
    inStep: { features: {} },
    answerShape: SHAPE,
    close: async () => {},
    call: async (step, { image }) => {
      asked.push(step);
      clock.ms += ms;
      const data = Float32Array.from({ length: 48 }, (_, index) => 10 * image[index % 16]! + name.length);
      return { logits: tensor('float32', data, SHAPE), features: {} };
    },
  };
}

/**
 * Files whose every read and write takes some time, and that give what Node gives: a Buffer somewhere in a larger one.
 */
function slowFiles(files: MemoryFiles, clock: Clock, ms: { read?: number; write?: number }): SoftLabelOptions['files'] {
  return {
    ...files,
    read: async path => {
      clock.ms += ms.read ?? 1;
      return Buffer.concat([Buffer.of(0), await files.read(path)]).subarray(1);
    },
    write: async (path, data) => {
      clock.ms += ms.write ?? 1;
      await files.write(path, data);
    },
  };
}

function setting(changes: Partial<SoftLabelOptions> = {}, ms: { read?: number; write?: number } = {}) {
  const clock = { ms: 0 };
  const files = memoryFiles();
  const messages: string[] = [];
  const options: SoftLabelOptions = {
    files: slowFiles(files, clock, ms),
    folder: 'soft',
    limitBytes: 1e6,
    isMeasured: false,
    sha256,
    elapsedMs: () => clock.ms,
    log: message => messages.push(message),
    ...changes,
  };
  return { clock, files, messages, options };
}

const STEPS = [0, 1, 2, 3, 4, 5];
async function askAll(teacher: AskedTeacher, steps = STEPS): Promise<Float32Array[]> {
  const answers: Float32Array[] = [];
  for (const step of steps) answers.push((await teacher.call(step, batchOf(step))).logits.data as Float32Array);
  return answers;
}

const answersIn = ({ contents }: MemoryFiles): string[] =>
  [...contents.keys()].filter(path => path.endsWith('.softlabels'));

describe('soft labels', () => {
  it('are the logits in float16, the same bits from the teacher and from disk, and the teacher is asked once', async () => {
    const { clock, options } = setting();
    const plain = await askAll(createTeacher('t', clock));
    const [first, second] = [createTeacher('t', clock), createTeacher('t', clock)];
    const written = await askAll(withSoftLabels(first, options));
    const read = await askAll(withSoftLabels(second, options));
    expect(written).toEqual(plain.map(roundToFloat16));
    expect(read).toEqual(written);
    expect([first.asked, second.asked]).toEqual([STEPS, []]);
  });

  it('do not answer for another teacher, other patches or other cases', async () => {
    const { clock, options } = setting();
    await askAll(withSoftLabels(createTeacher('t', clock), options));
    const other = createTeacher('tt', clock);
    await askAll(withSoftLabels(other, options));
    const same = createTeacher('t', clock);
    const again = withSoftLabels(same, options);
    await again.call(9, batchOf(9));
    await again.call(0, batchOf(0, ['a', 'c']));
    expect([other.asked, same.asked]).toEqual([STEPS, [9, 0]]);
  });

  it.each([
    ['cut off', (bytes: Uint8Array) => bytes.slice(0, -1)],
    ['cut off within its header', (bytes: Uint8Array) => bytes.slice(0, 5)],
    ['empty', () => new Uint8Array(0)],
    ['damaged by a bit', (bytes: Uint8Array) => bytes.with(bytes.length - 3, bytes[bytes.length - 3]! ^ 1)],
    ['with a broken header', (bytes: Uint8Array) => bytes.with(9, 0)],
    ['of the format before', () => Buffer.from('\u0023\0\0\0\0\0\0\0{"format":"voxstill-soft-labels-1"}', 'latin1')],
  ])('that are %s are made anew and never used', async (_, damage) => {
    const { clock, files, messages, options } = setting();
    const written = await askAll(withSoftLabels(createTeacher('t', clock), options));
    const whole = new Map(files.contents);
    const path = answersIn(files)[0];
    files.contents.set(path!, damage(whole.get(path!)!));
    const teacher = createTeacher('t', clock);
    expect(await askAll(withSoftLabels(teacher, options))).toEqual(written);
    expect(teacher.asked.length).toBe(1);
    expect(messages.join()).toContain(
      'is damaged or belongs to another teacher, or its format is not voxstill-soft-labels-2',
    );
    const untimed = (bytes: Uint8Array): string =>
      Buffer.from(bytes)
        .toString('latin1')
        .replace(/"teacherMs":\d+/, '');
    for (const [place, bytes] of whole) expect(untimed(files.contents.get(place)!)).toBe(untimed(bytes));
  });

  it("that are another teacher's under this one's name are made anew", async () => {
    const { clock, files, options } = setting();
    const mine = await askAll(withSoftLabels(createTeacher('t', clock), options));
    await askAll(withSoftLabels(createTeacher('tt', clock), options));
    const paths = answersIn(files);
    const theirs = paths.find(path => path.includes(createTeacher('tt', clock).sha256))!;
    const own = paths.find(path => path.endsWith(theirs.split('/').at(-1)!) && path !== theirs)!;
    files.contents.set(own, files.contents.get(theirs)!);
    const teacher = createTeacher('t', clock);
    expect(await askAll(withSoftLabels(teacher, options))).toEqual(mine);
    expect(teacher.asked.length).toBe(1);
  });

  it('stay below the limit, counting what other teachers left there that are in use', async () => {
    const { clock, files, messages, options } = setting({ limitBytes: 9 * ANSWER_BYTES + 1 });
    await askAll(withSoftLabels(createTeacher('t', clock), options));
    files.clock.ms += 10 * 60e3;
    const other = createTeacher('tt', clock);
    await askAll(withSoftLabels(other, options));
    expect(answersIn(files).length).toBe(9);
    expect(messages.filter(message => message.includes('writing stops'))).toHaveLength(1);
    const reread = createTeacher('tt', clock);
    await askAll(withSoftLabels(reread, options));
    expect(reread.asked).toEqual([3, 4, 5]);
  });

  it('of the teacher whose students stopped longest ago make room for others, all of them', async () => {
    const { clock, files, options } = setting({ limitBytes: 13 * ANSWER_BYTES });
    const names = ['t', 'tt', 'ttt'];
    const teachers = names.map(name => createTeacher(name, clock));
    const [first, second, third] = teachers as [(typeof teachers)[0], (typeof teachers)[0], (typeof teachers)[0]];
    const count = ({ sha256: own }: AskedTeacher): number => answersIn(files).filter(path => path.includes(own)).length;
    await askAll(withSoftLabels(first, options));
    files.clock.ms += 3600e3;
    await askAll(withSoftLabels(second, options));
    files.clock.ms += 3600e3;
    // reading is a use
    await askAll(withSoftLabels(first, options));
    files.clock.ms += 3600e3;
    await askAll(withSoftLabels(third, options));
    expect(teachers.map(count)).toEqual([6, 0, 6]);
    expect(teachers.map(({ asked }) => asked.length)).toEqual([6, 6, 6]);
  });

  it('that are removed while they are looked up are asked of the teacher', async () => {
    const { clock, files, options } = setting();
    const teacher = createTeacher('t', clock);
    const kept = withSoftLabels(teacher, options);
    await askAll(kept);
    await files.remove(`soft/${answersIn(files)[0]!.split('/')[1]}`);
    await askAll(kept);
    expect(teacher.asked.length).toBe(12);
    expect(answersIn(files).length).toBe(6);
  });

  it('are written only while that costs a tenth of the teacher or less, where cost is measured', async () => {
    for (const [isMeasured, write, count] of [
      [true, 11, 3],
      [true, 9, 6],
      [false, 11, 6],
    ] as const) {
      const { clock, files, options } = setting({ isMeasured }, { write });
      await askAll(withSoftLabels(createTeacher('t', clock), options));
      expect(answersIn(files).length).toBe(count);
    }
  });

  it('are read only while the teacher is slower, where cost is measured', async () => {
    for (const [isMeasured, read, asked] of [
      [true, 120, [3, 4, 5]],
      [true, 80, []],
      [false, 120, []],
    ] as const) {
      const { clock, options } = setting({ isMeasured }, { read });
      await askAll(withSoftLabels(createTeacher('t', clock), options));
      const teacher = createTeacher('t', clock);
      await askAll(withSoftLabels(teacher, options));
      expect(teacher.asked).toEqual(asked);
    }
  });
});
