/** Measuring in the planes: lengths, angles and regions by mouse, finger or keys, drawn over the image, and listed. */
import { byId, make } from './elements.ts';
import { type Mark, marksOf, svgOf } from './measurement-marks.ts';
import { type MeasuredImage, type Measurement, type MeasurementKind, measuredText, POINTS } from './measurements.ts';
import { measurementsCsv } from './measurements-csv.ts';
import { guarded } from './message.ts';
import type { PageState } from './page-state.ts';
import { type Pixel, PLANE_AXES, type Point, pointAt, viewAt } from './plane-view.ts';
import { saveFile } from './save-file.ts';
import { hounsfield } from './windows.ts';

export interface MeasureView {
  /** Draws the measurements in the slices that are on the screen. */
  draw(): void;
  /** Forgets all of them, for another image. */
  clear(): void;
  list(): readonly Measurement[];
  /** Puts others in the place of all of them. */
  restore(measurements: readonly Measurement[]): void;
  listen(): void;
}

const HINTS: Readonly<Record<MeasurementKind, string>> = {
  length: 'Drag from one end to the other, or press Space at both with the cross-hair.',
  angle: 'Click one end, the vertex and the other end, or press Space at each.',
  region: 'Drag from corner to corner of an ellipse, or press Space at both.',
};
const KINDS = Object.keys(HINTS) as readonly MeasurementKind[];
/** Pixels by which a click may move. */
const STILL = 4;

/** Whether two places lie in one slice of a plane. */
function isSameSlice(one: Point, other: Point, plane: Measurement['plane']): boolean {
  const { through } = PLANE_AXES[plane];
  return Math.round(one[through]) === Math.round(other[through]);
}

/** @param state of the page; this view changes what is measured */
export function createMeasureView(state: PageState): MeasureView {
  let list: readonly Measurement[] = [];
  /** The one that is being made, with the place under the pointer as its last. */
  let pending: Measurement | undefined;
  let pointer: Point | undefined;
  let pressed: Pixel | undefined;

  function image(): MeasuredImage | undefined {
    const { viewer, scan } = state;
    if (viewer === undefined || scan === undefined) return undefined;
    const unit = hounsfield(scan, viewer.range()) === 'yes' ? ' HU' : '';
    return { grid: viewer.drawing.grid(), data: scan.volume.data, unit };
  }

  function marks(): readonly Mark[] {
    if (list.length === 0 && pending === undefined) return [];
    const measured = image();
    if (state.viewer === undefined || measured === undefined) return [];
    const shown = pending && pointer ? [{ ...pending, points: [...pending.points, pointer] }] : [];
    const all = [...list, ...shown];
    const texts = all.map((one, index) => {
      if (one.points.length < POINTS[one.kind]) return undefined;
      // the list below says the rest
      const [first] = measuredText(one, measured).split(', ');
      return index < list.length ? `${index + 1}. ${first}` : first;
    });
    return marksOf(all, texts, state.viewer.planeViews());
  }

  function draw(): void {
    if (list.length === 0 && pending === undefined && byId('measures').childElementCount === 0) return;
    byId('measures').replaceChildren(...marks().map(svgOf));
  }

  function tabulate(): void {
    // there may be no image yet
    const measured = list.length === 0 ? undefined : image();
    const rows = list.map((one, index) => {
      const remove = make('button', { type: 'button', 'aria-label': `Remove measurement ${index + 1}` }, '×');
      remove.addEventListener('click', () => change(list.filter(other => other !== one)));
      return make(
        'tr',
        {},
        make('th', { scope: 'row' }, `${index + 1}. ${one.kind}, ${one.plane}`),
        make('td', {}, measured === undefined ? '' : measuredText(one, measured)),
        make('td', {}, remove),
      );
    });
    const table = byId('measurements');
    table.hidden = list.length === 0;
    byId('measurements-row').hidden = list.length === 0;
    table.replaceChildren(make('tbody', {}, ...rows));
  }

  function change(next: readonly Measurement[]): void {
    list = next;
    tabulate();
    draw();
  }

  function choose(kind: MeasurementKind | undefined): void {
    [state.measuring, pending, pointer, pressed] = [kind, undefined, undefined, undefined];
    for (const each of KINDS) byId(`measure-${each}`).setAttribute('aria-pressed', String(each === kind));
    byId('measure-hint').textContent = kind === undefined ? '' : HINTS[kind];
    draw();
  }

  /** Sets a point; one in another plane or slice begins anew. */
  function setPoint(plane: Measurement['plane'], point: Point): void {
    const { measuring: kind } = state;
    if (kind === undefined) return;
    const goesOn = pending?.kind === kind && pending.plane === plane && isSameSlice(pending.points[0]!, point, plane);
    const points = [...(goesOn ? pending!.points : []), point];
    pending = { kind, plane, points };
    pointer = point;
    if (points.length < POINTS[kind]) {
      draw();
      return;
    }
    const done = pending;
    pending = undefined;
    change([...list, done]);
    byId('measure-hint').textContent = `${list.length}. ${kind}: ${measuredText(done, image()!)}`;
  }

  function pixelOfEvent({ clientX, clientY }: MouseEvent): Pixel {
    const { left, top } = byId('canvas').getBoundingClientRect();
    return [clientX - left, clientY - top];
  }

  function under(event: MouseEvent): { readonly plane: Measurement['plane']; readonly point: Point } | undefined {
    const pixel = pixelOfEvent(event);
    const view = viewAt(state.viewer?.planeViews() ?? [], pixel);
    return view && { plane: view.plane, point: pointAt(view, pixel) };
  }

  function onDown(event: PointerEvent): void {
    if (state.measuring === undefined || event.button !== 0) return;
    const found = under(event);
    if (found === undefined) return;
    pressed = pixelOfEvent(event);
    setPoint(found.plane, found.point);
  }

  function onMove(event: PointerEvent): void {
    if (pending === undefined) return;
    const found = under(event);
    if (found?.plane !== pending.plane) return;
    pointer = found.point;
    draw();
  }

  function onUp(event: PointerEvent): void {
    const from = pressed;
    pressed = undefined;
    if (from === undefined || pending === undefined) return;
    const [x, y] = pixelOfEvent(event);
    const found = under(event);
    if (found !== undefined && Math.hypot(x - from[0], y - from[1]) > STILL) setPoint(found.plane, found.point);
  }

  /** Keeps the left button and fingers from the viewer while something is measured. */
  function withhold(event: MouseEvent | TouchEvent): void {
    if (state.measuring === undefined || event.target !== byId('canvas')) return;
    const isOther =
      event instanceof MouseEvent && (event.type === 'mousemove' ? event.buttons !== 1 : event.button !== 0);
    if (!isOther) event.stopPropagation();
  }

  function onKey(event: KeyboardEvent): void {
    if (state.measuring === undefined) return;
    if (event.key === 'Escape') {
      choose(pending === undefined ? undefined : state.measuring);
      // a job that runs meanwhile is not meant
      event.stopImmediatePropagation();
    }
    if (event.key !== ' ' || event.target !== byId('canvas') || state.viewer === undefined) return;
    event.preventDefault();
    const { plane, point } = state.viewer.crossHair();
    setPoint(plane, point);
  }

  function csv(): string {
    const measured = image();
    return measured === undefined ? '' : measurementsCsv(state.scan?.name ?? '', list, measured);
  }

  async function copy(): Promise<void> {
    const measured = image();
    if (measured === undefined) return;
    const lines = list.map((one, index) => `${index + 1}\t${one.kind}\t${one.plane}\t${measuredText(one, measured)}`);
    await navigator.clipboard.writeText(`${lines.join('\n')}\n`);
    byId('measure-hint').textContent = 'Copied.';
  }

  return {
    draw,

    list: () => list,
    restore: change,

    clear() {
      choose(undefined);
      change([]);
      byId('measure').hidden = state.viewer === undefined;
    },

    listen() {
      for (const kind of KINDS) {
        byId(`measure-${kind}`).addEventListener('click', () => {
          // the pen and a measurement would both want the left button
          if (state.correcting !== undefined) byId('pen').click();
          choose(state.measuring === kind ? undefined : kind);
        });
      }
      byId('pen').addEventListener('click', () => choose(undefined));
      byId('measure-copy').addEventListener('click', () => guarded(copy));
      byId('measure-save').addEventListener('click', () =>
        saveFile(`${state.scan?.stem ?? 'image'}_measurements.csv`, new TextEncoder().encode(csv())),
      );
      byId('measure-clear').addEventListener('click', () => change([]));
      const stage = byId('stage');
      stage.addEventListener('pointerdown', onDown);
      stage.addEventListener('pointermove', onMove);
      stage.addEventListener('pointerup', onUp);
      for (const type of ['mousedown', 'mousemove', 'mouseup', 'touchstart', 'touchmove', 'touchend'] as const) {
        stage.addEventListener(type, withhold, { capture: true });
      }
      document.addEventListener('keydown', onKey);
    },
  };
}
