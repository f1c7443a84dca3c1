/** The order of units on one machine. */
import { describe, expect, it } from 'vitest';
import { type Attempted, MOST_ATTEMPTS, type ScheduleOptions, schedule } from '../../../../src/study/units/schedule.ts';

/** Units by their teachers' places. */
const unitsOf = (teachers: readonly (number | undefined)[]): ScheduleOptions['units'] =>
  teachers.map((teacher, place) => {
    const unit = { folder: `${place}`, arm: 'student', fold: null, seed: 1, label: `${place}` } as const;
    return teacher === undefined ? unit : { ...unit, teacher };
  });

const DONE: Attempted = { status: 'done' };
const error = { code: 'E_X', message: 'x' };

/** Schedules units whose attempts end by hand, in the order in which they began. */
function byHand(teachers: readonly (number | undefined)[], more: Partial<ScheduleOptions> = {}) {
  const began: number[] = [];
  const ending: {
    readonly place: number;
    readonly end: (attempted: Attempted) => void;
    readonly fail: (why: Error) => void;
  }[] = [];
  const units = unitsOf(teachers);
  const ends = schedule({
    units,
    places: units.map((_, place) => place),
    concurrency: 2,
    perform: place => {
      began.push(place);
      return new Promise((end, fail) => ending.push({ place, end, fail }));
    },
    wait: () => Promise.resolve(),
    onHeld: () => {},
    ...more,
  });
  const settle = () => new Promise(resolve => setImmediate(resolve));
  const end = async (place: number, attempted: Attempted = DONE) => {
    ending.findLast(one => one.place === place)?.end(attempted);
    await settle();
  };
  const fail = async (place: number, why: Error) => {
    ending.findLast(one => one.place === place)?.fail(why);
    await settle();
  };
  return { began, ends, end, fail };
}

describe('units', () => {
  it('are done in their order, as many at once as asked, and a student as soon as its teacher has ended', async () => {
    const { began, ends, end } = byHand([undefined, 0, 0, undefined]);
    expect(began).toEqual([0, 3]);
    await end(0);
    expect(began).toEqual([0, 3, 1]);
    await end(3);
    await end(1);
    await end(2);
    expect(began).toEqual([0, 3, 1, 2]);
    expect([...(await ends)].sort()).toEqual([0, 1, 2, 3].map(place => [place, DONE]));
  });

  it('wait for their coarse stage, and a student for its teacher too', async () => {
    const units = [{}, { coarse: 0 }, { coarse: 0, teacher: 1 }, { coarse: 0 }].map((before, place) => {
      return { folder: `${place}`, arm: 'student', fold: null, seed: 1, label: `${place}`, ...before } as const;
    });
    const { began, ends, end } = byHand([undefined, undefined, undefined, undefined], { units });
    expect(began).toEqual([0]);
    await end(0);
    expect(began).toEqual([0, 1, 3]);
    await end(3);
    expect(began).toEqual([0, 1, 3]);
    await end(1);
    await end(2);
    expect(began).toEqual([0, 1, 3, 2]);
    await ends;
  });

  it('are reported one by one as they end, before the next begins, and not while they are held or start again', async () => {
    const told: (readonly number[])[] = [];
    const { began, ends, end } = byHand([undefined, undefined], {
      concurrency: 1,
      onEnd: async () => void told.push([...began]),
    });
    await end(0, { status: 'vanished', error });
    expect(told).toEqual([]);
    await end(0);
    await end(1, { status: 'failed', error });
    await ends;
    expect(told).toEqual([
      [0, 0],
      [0, 0, 1],
    ]);
  });

  it('do not wait for a teacher that is none of those to do', async () => {
    const { began, end, ends } = byHand([undefined, 0], { places: [1] });
    expect(began).toEqual([1]);
    await end(1);
    expect((await ends).size).toBe(1);
  });

  it('go on when one fails, and its students have their turn', async () => {
    const { began, ends, end } = byHand([undefined, 0, undefined], { concurrency: 1 });
    const failed: Attempted = { status: 'failed', error };
    await end(0, failed);
    await end(1, failed);
    await end(2);
    expect(began).toEqual([0, 1, 2]);
    expect([...(await ends).values()]).toEqual([failed, failed, DONE]);
  });

  it('that somebody else holds are tried again, after the others', async () => {
    const held: number[] = [];
    const { began, ends, end } = byHand([undefined, undefined], { concurrency: 1, onHeld: place => held.push(place) });
    await end(0, { status: 'held', error });
    expect(began).toEqual([0, 1]);
    await end(1);
    await end(0, { status: 'held', error });
    await end(0);
    await ends;
    expect(began).toEqual([0, 1, 0, 0]);
    expect(held).toEqual([0]);
  });

  it('that vanish are started again, but not for ever', async () => {
    const { began, ends, end } = byHand([undefined]);
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) await end(0, { status: 'vanished', error });
    expect(began.length).toBe(MOST_ATTEMPTS);
    expect([...(await ends).values()]).toEqual([{ status: 'unfinished', error }]);
  });

  it('are not begun any more when one throws, and those that run are waited for', async () => {
    const { began, ends, end, fail } = byHand([undefined, undefined, undefined]);
    let hasEnded = false;
    const ended = ends.catch((why: unknown) => {
      hasEnded = true;
      return why;
    });
    await fail(0, new Error('Ctrl-C'));
    expect([began, hasEnded]).toEqual([[0, 1], false]);
    await end(1);
    expect(await ended).toEqual(new Error('Ctrl-C'));
  });
});
