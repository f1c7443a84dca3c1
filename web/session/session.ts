/** Saves the view of images as one file, and opens such a file: everything comes back as it was. */
import { InputError, invariant } from '../../src/core/errors.ts';
import { decodeLabels, decodeNifti, encodeNiftiImage, encodeNiftiLabels } from '../../src/volume/nifti.ts';
import { assertSameGrid, type PlacedGrid } from '../../src/volume/same-grid.ts';
import { hexSha256 } from '../hex-sha256.ts';
import type { MeasureView } from '../measure-view.ts';
import type { ModelChoice } from '../models.ts';
import type { PageState } from '../page-state.ts';
import type { Scan } from '../protocol.ts';
import type { SegmentationView } from '../segmentation-view.ts';
import type { Segmented } from '../segmentations.ts';
import { readControls, setControls } from './controls.ts';
import type { HashFiles } from './image-files.ts';
import {
  encodeSession,
  type ImageSession,
  type SavedChannel,
  type SavedLabels,
  SESSION_FORM,
  type SessionRecord,
} from './session-file.ts';

/** The parts of the page that a session is made of. */
export interface SessionParts {
  readonly state: PageState;
  readonly segmentations: SegmentationView;
  readonly measure: MeasureView;
  readonly hash: HashFiles;
  /** Chooses a model. */
  readonly choose: (choice: ModelChoice) => Promise<void>;
  /** Of voxstill. */
  readonly version: string;
}

type SavedModel = NonNullable<SessionRecord['model']>;
type SavedSegmentation = SessionRecord['segmentations'][number];

/** A model by its name and hash. */
function savedModel(name: string, model: NonNullable<Segmented['model']>): SavedModel {
  return { name, sha256: 'sha256' in model ? model.sha256 : hexSha256(model.bytes) };
}

async function savedChannels({ sources, frame }: Scan, hash: HashFiles): Promise<SavedChannel[]> {
  const channels: SavedChannel[] = [];
  for (const { title, series, files } of sources) {
    const sums = await hash(files);
    const named = files.map(({ path, file }, place) => ({ name: path, bytes: file.size, sha256: sums[place]! }));
    const more = { ...(series !== undefined && { series }), ...(frame !== undefined && { frame }) };
    channels.push({ title, files: named, ...more });
  }
  return channels;
}

function savedSegmentation(item: Segmented): SavedSegmentation {
  const { name, classes, model, madeAt, correctedAt, cost, warnings, entropy } = item;
  return {
    name,
    classes: [...classes],
    ...(model && { model: savedModel(model.path, model) }),
    madeAt,
    ...(correctedAt && { correctedAt }),
    cost,
    warnings: warnings.map(({ code, message }) => ({ code, message })),
    hasEntropy: entropy !== undefined,
  };
}

/** The open image with all that belongs to it as one file. */
export async function saveSession(parts: SessionParts): Promise<Blob> {
  const { state, measure, hash, version } = parts;
  const { scan, segmented, chosen, viewer } = state;
  invariant(scan !== undefined, 'a session is saved where there is an image');
  const { sizeVoxels, spacingMm, affine } = scan.volume;
  const record: SessionRecord = {
    ...SESSION_FORM,
    voxstill: version,
    savedAt: new Date().toISOString(),
    image: {
      name: scan.name,
      channels: await savedChannels(scan, hash),
      sizeVoxels,
      spacingMm,
      affine,
    },
    ...(chosen && { model: savedModel(chosen.name, await chosen.read()) }),
    segmentations: segmented.map(savedSegmentation),
    shown: state.shown,
    comparedWith: state.other,
    measurements: measure.list(),
    view: { ...readControls(), ...(viewer && { window: viewer.window(), place: viewer.place() }) },
  };
  const files = segmented.map(
    ({ labels, entropy }): SavedLabels => ({
      labels: encodeNiftiLabels(labels, scan.header),
      ...(entropy && { entropy: encodeNiftiImage(entropy, scan.header) }),
    }),
  );
  const archive = await encodeSession({ record, files });
  // what a person did meanwhile is not in it
  const kept = new Set(segmented);
  const names = state.segmented.filter(item => !kept.has(item)).map(({ name }) => name);
  state.unsaved = new Set([...state.unsaved].filter(one => names.includes(one)));
  return archive;
}

/** The labels of a session on the grid of the image; the header that they were stored with has fewer digits. */
function segmentedOf(
  saved: SavedSegmentation,
  { labels, entropy }: SavedLabels,
  { volume, name }: Pick<Scan, 'volume' | 'name'>,
): Segmented {
  const { model, hasEntropy: _, correctedAt, ...item } = saved;
  const path = `the labels of ${saved.name}`;
  const grid: PlacedGrid = { ...volume, path: name };
  const decoded = decodeLabels(labels, { path });
  assertSameGrid(grid, { ...decoded, path });
  const map = entropy && decodeNifti(entropy, { path: `the entropy of ${saved.name}` }).volume;
  if (map !== undefined) assertSameGrid(grid, { ...map, path: `the entropy of ${saved.name}` });
  const { sizeVoxels, spacingMm, affine } = volume;
  const place = { sizeVoxels, spacingMm, affine, ...(volume.isPlaced === false && { isPlaced: false as const }) };
  const { data } = decoded;
  return {
    ...item,
    labels: { ...place, data },
    ...(correctedAt !== undefined && { correctedAt }),
    ...(model && { model: { path: model.name, sha256: model.sha256, info: { labels: saved.classes } } }),
    ...(map && { entropy: { ...place, data: map.data, channels: map.channels } }),
  };
}

/**
 * What a session holds of an image, which is checked against it.
 * @throws {InputError} E_SESSION_FILE where labels are damaged; E_SHAPE_MISMATCH, E_GEOMETRY_MISMATCH for another image
 */
export function segmentationsOf({ record, files }: ImageSession, scan: Scan): readonly Segmented[] {
  const { sizeVoxels, spacingMm, affine } = record.image;
  assertSameGrid(
    { ...scan.volume, path: scan.name },
    { sizeVoxels, spacingMm, affine, path: 'the image of the session' },
  );
  return record.segmentations.map((saved, place) => {
    try {
      return segmentedOf(saved, files[place]!, scan);
    } catch (cause) {
      if (!(cause instanceof InputError)) throw cause;
      throw new InputError('E_SESSION_FILE', `the session is damaged: ${cause.message} Save it again.`, { cause });
    }
  });
}

/** Chooses the model of the session if it is there; tells what is to be known where it is not. */
async function chooseModel({ state, choose }: SessionParts, { name, sha256 }: SavedModel): Promise<string | undefined> {
  const named = state.choices.find(choice => choice.name === name);
  const file = await named?.read();
  if (named === undefined || file === undefined) {
    return `the model ${name} of the session is not open. Open it to segment again; the segmentations are there.`;
  }
  await choose(named);
  if (hexSha256(file.bytes) === sha256) return undefined;
  return `the model ${name} is not the one of the session (its SHA-256 differs). What it segments now may differ.`;
}

/**
 * Puts everything back as it was.
 * @param items of the session, on the image that is open now
 * @returns warnings
 */
export async function restoreSession(
  parts: SessionParts,
  { record }: ImageSession,
  items: readonly Segmented[],
): Promise<readonly { readonly code: 'W_SESSION_MODEL'; readonly message: string }[]> {
  const { state, segmentations, measure } = parts;
  const { window, place, ...controls } = record.view;
  segmentations.restore(items, { shown: record.shown, other: record.comparedWith });
  setControls(controls);
  if (window !== undefined) state.viewer?.setWindow(window);
  if (place !== undefined) state.viewer?.setPlace(place);
  measure.restore(record.measurements);
  const problem = record.model && (await chooseModel(parts, record.model));
  return problem === undefined ? [] : [{ code: 'W_SESSION_MODEL', message: problem }];
}
