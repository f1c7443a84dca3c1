/**
 * Images that are segmented one after another: a table that grows, whose results can be opened and saved together. A
 * result is kept as the compressed file that is saved, since many volumes would not fit into a tab.
 */
import { zipSync } from 'fflate';
import { VoxstillError } from '../src/core/errors.ts';
import { formatNumber } from '../src/core/format.ts';
import { decodeLabels, encodeNiftiLabels } from '../src/volume/nifti.ts';
import { byId, make } from './elements.ts';
import type { ImageChoice } from './image-choices.ts';
import type { DroppedFile, Scan } from './protocol.ts';
import { volumesCsv } from './results-csv.ts';
import { saveFile } from './save-file.ts';
import { type Segmented, volumesByValue } from './segmentations.ts';

/** An image of the batch, and what became of it. */
interface Row {
  readonly files: readonly DroppedFile[];
  readonly image: ImageChoice;
  readonly element: HTMLElement;
  done?: { readonly stem: string; readonly bytes: Uint8Array; readonly item: Omit<Segmented, 'labels'>; csv: string };
}

/** What the batch needs done. */
export interface BatchWork {
  readonly read: (files: readonly DroppedFile[], image: ImageChoice) => Promise<Scan>;
  readonly segment: (scan: Scan) => Promise<Segmented>;
  /** Shows an image with its segmentation. */
  readonly open: (scan: Scan, item: Segmented) => Promise<void>;
  readonly showProgress: (text: string, share: number) => void;
  /** Does a long job and shows its error. */
  readonly busily: (work: () => Promise<void>) => Promise<void>;
}

export interface BatchView {
  /** Segments images one after another; one that fails is named, and the next one is segmented. */
  run(files: readonly DroppedFile[], images: readonly ImageChoice[]): Promise<void>;
  /** Whether there are results that were not saved. */
  hasUnsaved(): boolean;
  listen(): void;
}

function volumesText(item: Segmented): string {
  const volumes = volumesByValue(item);
  return item.classes
    .filter(({ value }) => value !== 0)
    .map(({ name, value }) => `${name} ${formatNumber(volumes.get(value), 2)} ml`)
    .join(', ');
}

export function createBatchView(work: BatchWork): BatchView {
  const rows: Row[] = [];
  let isSaved = true;

  function show(row: Row, state: string, text: string, problems: readonly string[] = []): void {
    const name = row.done === undefined ? row.image.title : make('button', { type: 'button' }, row.image.title);
    if (typeof name !== 'string') name.addEventListener('click', () => work.busily(() => reopen(row)));
    row.element.replaceChildren(
      make('th', { scope: 'row' }, name),
      make('td', { class: `state ${state}` }, state),
      make('td', {}, text, ...problems.map(problem => make('p', { class: 'problem' }, problem))),
    );
  }

  async function reopen({ files, image, done }: Row): Promise<void> {
    if (done === undefined) return;
    const labels = decodeLabels(done.bytes, { path: done.stem });
    await work.open(await work.read(files, image), { ...done.item, labels });
  }

  /** @returns false where the person has cancelled */
  async function segmentRow(row: Row, place: number): Promise<boolean> {
    show(row, 'running', '');
    work.showProgress(`image ${place + 1} of ${rows.length}: ${row.image.title}`, place / rows.length);
    try {
      const scan = await work.read(row.files, row.image);
      // the map would be too large to keep for every image
      const { labels, entropy: _entropy, ...item } = await work.segment(scan);
      const csv = volumesCsv(scan.name, [{ ...item, labels }]);
      row.done = { stem: `${scan.stem}_${item.name}`, bytes: encodeNiftiLabels(labels, scan.header), item, csv };
      isSaved = false;
      const warnings = item.warnings.map(({ code, message }) => `${code}: ${message}`);
      show(row, 'done', volumesText({ ...item, labels }), warnings);
      return true;
    } catch (error) {
      if (!(error instanceof VoxstillError)) throw error;
      const isCancelled = error.code === 'E_CANCELLED';
      show(row, isCancelled ? 'cancelled' : 'failed', '', isCancelled ? [] : [`${error.code}: ${error.message}`]);
      return !isCancelled;
    }
  }

  function saveAll(): void {
    const names = new Map<string, Uint8Array>();
    for (const { done } of rows) {
      if (done === undefined) continue;
      let name = `${done.stem.replace(/[^\w.-]+/g, '_')}.nii.gz`;
      for (let copy = 2; names.has(name); copy++) name = `${done.stem.replace(/[^\w.-]+/g, '_')}_${copy}.nii.gz`;
      names.set(name, done.bytes);
    }
    const [first] = names;
    if (first === undefined) return;
    // the files are compressed already
    saveFile('segmentations.zip', zipSync(Object.fromEntries(names), { level: 0 }));
    isSaved = true;
  }

  function saveTable(): void {
    const [first, ...others] = rows.flatMap(({ done }) => (done === undefined ? [] : [done.csv]));
    if (first === undefined) return;
    const text = [first, ...others.map(csv => csv.slice(csv.indexOf('\n') + 1))].join('');
    saveFile('volumes.csv', new TextEncoder().encode(text));
  }

  return {
    async run(files, images) {
      const before = rows.length;
      for (const image of images) {
        const row: Row = { files, image, element: make('tr') };
        rows.push(row);
        show(row, 'waiting', '');
        byId('batch-rows').append(row.element);
      }
      byId('batch').hidden = false;
      await work.busily(async () => {
        for (const [index, row] of rows.entries()) {
          if (index >= before && !(await segmentRow(row, index))) return;
        }
      });
    },
    hasUnsaved: () => !isSaved,
    listen() {
      byId('batch-save').addEventListener('click', saveAll);
      byId('batch-table').addEventListener('click', saveTable);
    },
  };
}
