/** A segmentation that is corrected by hand: every stroke, the way back, and what is handed out. */
import { expect, it } from 'vitest';
import { correctedName, createCorrection } from '../../../web/correction.ts';
import { correctedLabels, createPageState } from '../../../web/page-state.ts';
import type { Scan } from '../../../web/protocol.ts';
import type { Segmented } from '../../../web/segmentations.ts';
import { SMALL_CUBE } from '../../support/grids.ts';

const CLASSES = [
  { value: 0, name: 'background' },
  { value: 1, name: 'anterior' },
  { value: 300, name: 'posterior' },
];
const [NOON, LATER, LAST] = ['2026-11-28T12:00:00.000Z', '2026-11-28T12:01:00.000Z', '2026-11-28T12:02:00.000Z'];

function segmented(name = 'student'): Segmented {
  const data = new Uint8Array(64).fill(1, 0, 8);
  return { name, labels: { ...SMALL_CUBE, data }, classes: CLASSES, madeAt: NOON, cost: '', warnings: [] };
}

/** The file runs left, so x is mirrored. */
const GRID = { sizeVoxels: [4, 4, 4], start: 3, steps: [-1, 4, 16], affine: SMALL_CUBE.affine } as const;

it('takes strokes, takes them back one by one, and draws them again', () => {
  const original = segmented();
  const correction = createCorrection(original, { grid: GRID, name: 'student, corrected' });
  const drawing = correction.drawing();
  expect(correction.values).toEqual([0, 1, 300]);
  expect(correction.take(drawing, LATER)).toBe(0);
  expect(correction.item()).toBe(original);

  drawing[0] = 2;
  expect(correction.take(drawing, LATER)).toBe(1);
  const first = correction.item();
  expect(first).toMatchObject({ name: 'student, corrected', madeAt: NOON, correctedAt: LATER });
  expect(first.labels.data[3]).toBe(300);

  drawing.fill(0, 0, 4);
  expect(correction.take(drawing, LAST)).toBe(4);
  expect([...correction.item().labels.data.slice(0, 8)]).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
  expect(first.labels.data[3]).toBe(300);

  expect(correction.undo(drawing, LAST)).toBe(true);
  expect([...correction.item().labels.data]).toEqual([...first.labels.data]);
  expect([...drawing.slice(0, 4)]).toEqual([2, 1, 1, 1]);
  expect(correction.undo(drawing, LAST)).toBe(true);
  expect(correction.item()).toBe(original);
  expect(original.labels.data).toEqual(new Uint8Array(64).fill(1, 0, 8));
  expect(correction.undo(drawing, LAST)).toBe(false);

  expect(correction.redo(drawing, LAST)).toBe(true);
  expect(correction.redo(drawing, LAST)).toBe(true);
  expect(correction.redo(drawing, LAST)).toBe(false);
  expect([...drawing.slice(0, 4)]).toEqual([0, 0, 0, 0]);
  expect([...correction.item().labels.data.slice(0, 4)]).toEqual([0, 0, 0, 0]);

  correction.undo(drawing, LAST);
  drawing[9] = 1;
  correction.take(drawing, LAST);
  expect(correction.redo(drawing, LAST)).toBe(false);
});

it('names a corrected segmentation so that no other one goes', () => {
  expect(correctedName('student', ['student'])).toBe('student, corrected');
  expect(correctedName('student', ['student', 'student, corrected'])).toBe('student, corrected 2');
});

it('hands out the corrected labels: those that are shown, or else the latest', () => {
  const [plain, early, late] = [
    segmented('teacher'),
    { ...segmented('a'), correctedAt: NOON },
    { ...segmented('b'), correctedAt: LATER },
  ];
  const scan = { name: 'image' } as Scan;
  const state = { ...createPageState(), scan, segmented: [plain] };
  expect(correctedLabels(state)).toBeUndefined();
  const all = { ...state, segmented: [plain, early, late] };
  expect(correctedLabels({ ...all, shown: 0 })?.name).toBe('b');
  expect(correctedLabels({ ...all, shown: 1 })).toEqual({
    scan,
    labels: early.labels,
    classes: CLASSES,
    name: 'a',
    correctedAt: NOON,
  });
  expect(correctedLabels({ ...all, scan: undefined })).toBeUndefined();
});
